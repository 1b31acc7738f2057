# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runs are run against: an instance for each host, one mail server and its mailbox, all on loopback."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.imap_server import ImapServer
from tests.mail_server import MailServer, self_signed
from tests.standin import Standin

ACCOUNT = "bitbucket"
MAIL_SERVER = "/rest/api/latest/admin/mail-server"
# The JVM's own bundle, which is the base of both truststores.
BUNDLE = Path("/etc/ssl/certs/java/cacerts")
_AT_ONCE = 4


@dataclass
class Instance:
    """A Bitbucket, what it had at first, and what a run may leave beside it."""

    folder: Path
    bitbucket: Standin
    arguments: bytes

    def reset(self) -> None:
        """As before any run: no settings, no truststore, a JVM without arguments."""
        self.bitbucket.call("DELETE", MAIL_SERVER, self.bitbucket.sysadmin)
        self.bitbucket.call("DELETE", f"{MAIL_SERVER}/sender-address", self.bitbucket.sysadmin)
        shutil.rmtree(self.folder / "trust", ignore_errors=True)
        if self.bitbucket.jvm_args_file.read_bytes() != self.arguments:
            self.bitbucket.jvm_args_file.write_bytes(self.arguments)
            self.bitbucket.restart()

    def provisioned(self) -> bool:
        """Whether settings are there and the running JVM has the truststore."""
        command = Path(f"/proc/{self.bitbucket.pid}/cmdline").read_bytes().decode()
        found = self.bitbucket.call("GET", MAIL_SERVER, self.bitbucket.sysadmin)
        return found.status == 200 and f"-Djavax.net.ssl.trustStore={self.folder}/trust/cacerts" in command


class Lab:
    """The servers of one measurement."""

    def __init__(self, folder: Path, smtp: MailServer, settings: dict[str, Any]) -> None:
        self._folder, self._smtp, self._settings = folder, smtp, settings
        self.instances: list[Instance] = []
        self._running = contextlib.ExitStack()

    def grow(self, count: int) -> None:
        """Have at least ``count`` instances running."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            self.instances += pool.map(self._start, range(len(self.instances), count))

    def _start(self, number: int) -> Instance:
        folder = self._folder / f"instance{number:03}"
        folder.mkdir()
        bitbucket = self._running.enter_context(Standin(folder))
        return Instance(folder, bitbucket, bitbucket.jvm_args_file.read_bytes())

    def reset(self, count: int) -> None:
        """Have the first ``count`` instances as before any run."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(Instance.reset, self.instances[:count]))

    def forget_messages(self) -> int:
        """Empty the mailbox, and say how many messages were in it."""
        count = len(self._smtp.messages)
        self._smtp.maildir.clear()
        return count

    def inventory(self, count: int) -> dict[str, Any]:
        """``count`` hosts; where these are more than the instances, several hosts are of the same."""
        hosts = {}
        for number in range(count):
            instance = self.instances[number % len(self.instances)]
            bitbucket = instance.bitbucket
            hosts[f"host{number:03}"] = {
                "stash_mail_bitbucket_url": bitbucket.url,
                "stash_mail_bitbucket_admin_user": bitbucket.sysadmin.name,
                "stash_mail_bitbucket_admin_password": bitbucket.sysadmin.password,
                "stash_mail_bitbucket_install_dir": str(bitbucket.install_dir),
                "stash_mail_bitbucket_home": str(bitbucket.home),
                "stash_mail_truststore_path": str(instance.folder / "trust/cacerts"),
                "stash_mail_password_state_path": str(instance.folder / "trust/passwords.json"),
            }
        return {"bitbucket": {"hosts": hosts, "vars": self._settings}}

    def stop(self) -> None:
        """Stop the instances."""
        self._running.close()


@contextlib.contextmanager
def make_lab(folder: Path) -> Iterator[Lab]:
    """A mail server that wants STARTTLS and a password, its mailbox over IMAP, and as yet no instances."""
    password = secrets.token_urlsafe(16)
    certificate = self_signed("localhost", "127.0.0.1", days=(-1, 365))
    maildir = folder / "Maildir"
    chain, key = certificate.write(folder)
    with (
        MailServer(
            maildir_path=maildir,
            username=ACCOUNT,
            password=password,
            certificate=certificate,
            hostname="localhost",
        ) as smtp,
        ImapServer(maildir, ACCOUNT, password, chain, key) as imap,
    ):
        lab = Lab(
            folder,
            smtp,
            {
                "ansible_connection": "counted",
                "ansible_python_interpreter": sys.executable,
                "ansible_become": False,
                "bench_bundle": str(BUNDLE),
                "stash_mail_host": "localhost",
                "stash_mail_port": smtp.port,
                "stash_mail_security": "starttls_required",
                "stash_mail_username": ACCOUNT,
                "stash_mail_password": password,
                "stash_mail_sender": "bitbucket@example.com",
                "stash_mail_recipient": "inbox@example.com",
                "stash_mail_certificates": [{"pem": certificate.pem}],
                "stash_mail_bitbucket_service": "",
                "stash_mail_install_packages": False,
                "stash_mail_restart_timeout": 120,
                "stash_mail_deadline": 60,
                "stash_mail_imap": {
                    "host": "localhost",
                    "port": imap.port,
                    "security": "starttls",
                    "username": ACCOUNT,
                    "password": password,
                    "ca": str(chain),
                },
            },
        )
        try:
            yield lab
        finally:
            lab.stop()
