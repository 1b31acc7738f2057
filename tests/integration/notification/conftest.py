# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in whose mail goes through a real JVM, a real mail server, and the recipient's mailbox."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store

from tests.ansible_module import INVOCATION
from tests.imap_server import ImapServer
from tests.mail_server import MailServer, self_signed
from tests.standin import Standin

ROOT = Path(__file__).resolve().parents[3]
MODULE = "ansible_collections.stashops.mail.plugins.modules.stash_mail_notification"
PASSWORD = "Postfach-Geheim-2b7e"
CERTIFICATE = self_signed()
RECIPIENT = "ops@lab.test"


@dataclass
class Lab:
    """Everything that a message of the product passes on its way."""

    standin: Standin
    mail: MailServer
    imap: ImapServer
    truststore: Path

    @property
    def mailbox(self) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.imap.port, "username": "ops", "password": PASSWORD}

    def configure(self, **changes: object) -> None:
        """Point the product at the mail server, with STARTTLS required."""
        settings = {"hostname": "127.0.0.1", "port": self.mail.port, "protocol": "SMTP", "useStartTls": True}
        settings |= {"requireStartTls": True, "senderAddress": "bitbucket@lab.test", **changes}
        assert self.standin.configure_mail(settings).status == 200

    def users(self) -> list[str]:
        """The users that did not exist from the start."""
        found = self.standin.call("GET", "/rest/api/latest/admin/users", self.standin.admin).body["values"]
        return [user["name"] for user in found if user["deletable"]]

    def start(self, *, check: bool = False, **options: object) -> subprocess.Popen[str]:
        """Start the module with what works as a default; an option of None is left out."""
        arguments: dict[str, object] = {
            "url": self.standin.url,
            "url_username": self.standin.admin.name,
            "url_password": self.standin.admin.password,
            "recipient": RECIPIENT,
            "home": str(self.standin.home),
            "truststore": str(self.truststore),
            "imap": self.mailbox,
            "deadline": 30,
            **options,
        }
        arguments = {key: value for key, value in arguments.items() if value is not None}
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
        )
        assert process.stdin is not None
        arguments |= {**INVOCATION, "_ansible_check_mode": check}
        process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
        process.stdin.close()
        process.stdin = None
        return process

    def finish(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """The result of a run; no password is ever in it."""
        said, _nothing = process.communicate(timeout=90)
        assert said.strip().startswith("{"), said
        for secret in (PASSWORD, self.standin.admin.password):
            assert secret not in said
        result: dict[str, Any] = json.loads(said)
        return result

    def run(self, *, check: bool = False, **options: object) -> dict[str, Any]:
        """Run the module to its end."""
        return self.finish(self.start(check=check, **options))

    def end(self, process: subprocess.Popen[str], number: signal.Signals) -> None:
        """Send a signal once the user is there."""
        limit = time.monotonic() + 20
        while not self.users() and time.monotonic() < limit:
            time.sleep(0.05)
        assert self.users()
        process.send_signal(number)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    for tool in ("java", "javac"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is missing: install a JDK, 11 or later")
    if not Path("/usr/share/java/javax.mail.jar").exists():
        pytest.skip("JavaMail is missing: install libmail-java")
    folder = tmp_path_factory.mktemp("notification")
    truststore = folder / "cacerts"
    truststore.write_bytes(write_store([Entry("server", CERTIFICATE.der)], "jks"))
    (folder / "tls").mkdir()
    maildir = folder / "Maildir"
    with (
        MailServer("starttls_required", certificate=CERTIFICATE, maildir_path=maildir) as mail,
        ImapServer(maildir, "ops", PASSWORD, *CERTIFICATE.write(folder / "tls")) as imap,
        Standin(folder / "bitbucket", jvm_args=f"-Djavax.net.ssl.trustStore={truststore}") as standin,
    ):
        yield Lab(standin, mail, imap, truststore)


@pytest.fixture
def lab(running: Lab) -> Lab:
    """The lab with the mail server configured and no user left."""
    running.configure()
    assert running.users() == []
    return running
