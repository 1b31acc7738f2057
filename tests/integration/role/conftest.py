# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role, run by ansible-playbook on this machine: a stand-in of its own, a mail server and its mailbox."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import packed
from tests.imap_server import ImapServer
from tests.lab import leaks
from tests.mail_server import Certificate, MailServer, self_signed
from tests.standin import Standin

ROOT = Path(__file__).resolve().parents[3]
ACCOUNT = "bitbucket"
RECIPIENT = "inbox@example.com"
MAIL_SERVER = "/rest/api/latest/admin/mail-server"
_RECAP = re.compile(r"^stand_in +: +(.*)$", re.MULTILINE)


@dataclass
class Outcome:
    """What a run of a playbook left."""

    code: int
    output: str
    recap: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        found = _RECAP.search(self.output)
        assert found, self.output
        self.recap = {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", found.group(1))}

    @property
    def changed(self) -> int:
        return self.recap["changed"]

    @property
    def ok(self) -> bool:
        return self.code == 0

    @property
    def modules(self) -> list[str]:
        """The modules that were called, in their order."""
        return re.findall(r"Using module file \S+/(\w+)\.py", self.output)

    @property
    def tasks(self) -> int:
        """How many tasks were begun, those that were skipped included."""
        return self.output.count("\nTASK [")


def run_playbook(
    folder: Path, inventory: dict[str, Any], *options: str, playbook: str = "provision", around: Sequence[str] = ()
) -> tuple[int, str]:
    """Run one of our playbooks, or another by its path without ``.yml``; returns its exit code and its output.

    All of it at -vvvv, for the secrets' sake. ``around`` is a command that runs another one.
    """
    file = folder / "inventory.json"
    file.write_text(json.dumps(inventory))
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    done = subprocess.run(
        [
            *around,
            str(Path(sys.executable).parent / "ansible-playbook"),
            *("-vvvv", "--inventory", str(file), *options),
            str(ROOT / "playbooks" / f"{playbook}.yml"),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            **packed.environment(),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            # With what each module was called with, which ansible-core 2.21 leaves out otherwise.
            "ANSIBLE_INJECT_INVOCATION": "1",
            "ANSIBLE_PIPELINING": "1",
            "TMPDIR": str(temporary),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


class Site:
    """A Bitbucket without mail, and a mail server that it shall use. ``secrets`` are all passwords of the runs."""

    def __init__(
        self,
        folder: Path,
        bitbucket: Standin,
        smtp: MailServer,
        imap: ImapServer,
        certificate: Certificate,
        password: str,
        imap_ca: Path,
    ) -> None:
        self.folder, self.bitbucket, self.smtp = folder, bitbucket, smtp
        self.certificate, self.password = certificate, password
        self.truststore = folder / "trust" / "cacerts"
        self.output = ""
        # A command that the playbooks are run by.
        self.around: list[str] = []
        self.secrets = [password, bitbucket.sysadmin.password]
        self.settings: dict[str, Any] = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_become": False,
            "stash_mail_host": "localhost",
            "stash_mail_port": smtp.port,
            "stash_mail_security": smtp.mode,
            "stash_mail_username": ACCOUNT,
            "stash_mail_password": password,
            "stash_mail_sender": "bitbucket@example.com",
            "stash_mail_recipient": RECIPIENT,
            "stash_mail_certificates": [{"pem": certificate.pem}],
            "stash_mail_bitbucket_url": bitbucket.url,
            "stash_mail_bitbucket_admin_user": bitbucket.sysadmin.name,
            "stash_mail_bitbucket_admin_password": bitbucket.sysadmin.password,
            "stash_mail_bitbucket_install_dir": str(bitbucket.install_dir),
            "stash_mail_bitbucket_service": "",
            "stash_mail_truststore_path": str(self.truststore),
            "stash_mail_password_state_path": str(folder / "state" / "passwords.json"),
            "stash_mail_restart_timeout": 60,
            "stash_mail_install_packages": False,
            "stash_mail_deadline": 20,
            "stash_mail_imap": {
                "host": "localhost",
                "port": imap.port,
                "security": "starttls",
                "username": ACCOUNT,
                "password": password,
                "ca": str(imap_ca),
            },
        }

    def run(self, *options: str, playbook: str = "provision", **changes: Any) -> Outcome:
        """Run a playbook with the settings and ``changes``."""
        settings = {**self.settings, **{f"stash_mail_{name}": value for name, value in changes.items()}}
        inventory = {"bitbucket": {"hosts": {"stand_in": settings}}}
        code, output = run_playbook(self.folder, inventory, *options, playbook=playbook, around=self.around)
        self.output += output
        return Outcome(code, output)

    def arrived(self, count: int, seconds: float = 20.0) -> bool:
        """Whether ``count`` messages are there, waiting for them: the product sends its own some time later."""
        deadline = time.monotonic() + seconds
        while len(self.smtp.messages) < count and time.monotonic() < deadline:
            time.sleep(0.1)
        return len(self.smtp.messages) == count

    def mail_settings(self) -> dict[str, Any] | None:
        """What the product has, None for no mail server."""
        answer = self.bitbucket.call("GET", MAIL_SERVER, self.bitbucket.sysadmin)
        return dict(answer.body) if answer.status == 200 else None

    def state(self) -> tuple[Any, ...]:
        """All that a run may change."""
        files = [self.bitbucket.jvm_args_file, self.truststore]
        return (self.bitbucket.pid, self.mail_settings(), *(f.read_bytes() if f.exists() else None for f in files))

    def assert_no_secret_shown(self) -> None:
        """Fail if a password of the runs stands in their output, in whatever encoding."""
        assert self.output
        assert leaks.in_text(self.output, self.secrets) == []


@contextlib.contextmanager
def make_site(folder: Path, *, mail_password: str = "", **standin: Any) -> Iterator[Site]:
    """STARTTLS required, a self-signed certificate, a password (a new one unless it is given), and an IMAP mailbox.

    At the end, no password may stand in anything that the runs printed.
    """
    password = mail_password or secrets.token_urlsafe(16)
    certificate = self_signed("localhost", "127.0.0.1")
    chain, key = certificate.write(folder)
    maildir = folder / "Maildir"
    smtp = MailServer(
        "starttls_required",
        maildir_path=maildir,
        username=ACCOUNT,
        password=password,
        certificate=certificate,
        hostname="localhost",
    )
    with (
        smtp,
        ImapServer(maildir, ACCOUNT, password, chain, key) as imap,
        Standin(folder / "bitbucket", **standin) as bitbucket,
    ):
        made = Site(folder, bitbucket, smtp, imap, certificate, password, Path(chain))
        yield made
        made.assert_no_secret_shown()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site of the test's own."""
    with make_site(tmp_path) as made:
        yield made
