# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab of the Molecule scenarios: its containers, its accounts, and clients inside one of them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import testinfra
from testinfra.host import Host

from tests.lab import leaks
from tests.lab.programs import Programs

ROOT = Path(__file__).resolve().parents[2]
# Which of the labs: as the playbooks have it (inventory/group_vars/all.yml).
STATE = ROOT / ".cache/molecule" / os.environ.get("STASH_MAIL_LAB", "1")

SERVICE = "atlbitbucket"
INSTALL = "/opt/atlassian/bitbucket/9.4.2"
HOME = "/var/atlassian/application-data/bitbucket"
MAIL_LOG = f"{HOME}/log/atlassian-bitbucket-mail.log"
MAIL_SERVER = "admin/mail-server"
# All that a run of the role may write to.
TRUSTSTORE = "/etc/stash_mail/cacerts"
DROP_IN = f"/etc/systemd/system/{SERVICE}.service.d/stash_mail.conf"
FINGERPRINTS = "/var/lib/stash_mail/passwords.json"
# The product's own store, where the mail password has to be, and the accounts that the lab gave it.
STORES = [f"{HOME}/shared/standin-state.json", f"{HOME}/standin-users.json"]
# The accounts that the lab gave the mail server.
MAIL_ACCOUNTS = "/etc/stash_mail/users"
# The process, when it was started, and every file of the system's and the product's settings with its last change.
SNAPSHOT = rf"""
systemctl show {SERVICE} --property MainPID,ExecMainStartTimestampMonotonic,NeedDaemonReload
find /etc /opt /var/lib/stash_mail /tmp -xdev -type f -printf '%p %m %u:%g %s %C@\n' 2>/dev/null | sort
sha256sum {TRUSTSTORE} {DROP_IN} {FINGERPRINTS} 2>/dev/null
"""
SUBJECT = "[stash_mail] Test of Bitbucket's outgoing mail"


@dataclass(frozen=True)
class Lab:
    """The containers' names and the accounts, as tests/lab/playbooks/create.yml left them below .cache/molecule/."""

    containers: dict[str, str]
    images: dict[str, str]
    mail_host: str
    sender: str
    recipient: str
    _programs: Programs = field(default_factory=Programs, repr=False)

    @classmethod
    def load(cls) -> Lab:
        """The lab that is there now; FileNotFoundError where `molecule create` was not run."""
        return cls(**json.loads((STATE / "lab.json").read_text("utf-8")))

    def close(self) -> None:
        """End what runs in the containers for it."""
        self._programs.close()

    def password(self, account: str) -> str:
        """Of sender, recipient, sysadmin, admin or user."""
        return (STATE / "passwords" / account).read_text("utf-8").strip()

    def passwords(self) -> list[str]:
        """All that a run of the role may use."""
        return [self.password(account) for account in ("sender", "recipient", "sysadmin", "admin")]

    def certificate(self, name: str) -> str:
        """PEM text of ca, mail/ca_signed or mail/self_signed."""
        return (STATE / f"{name}.pem").read_text("utf-8")

    def host(self, name: str) -> Host:
        return testinfra.get_host(f"podman://{self.containers[name]}")

    def program(self, name: str, request: Any, container: str = "bitbucket") -> Any:
        """The answer of tests/lab/client/<name> in a container."""
        return self._programs.ask(name, request, self.containers[container])

    def mail(self, **request: Any) -> dict[str, Any]:
        """A conversation of the lab's own mail client with the mail server, held on Bitbucket's host."""
        answer: dict[str, Any] = self.program("mail_client.py", {"host": self.mail_host, **request})
        return answer

    def find(
        self,
        where: str,
        text: str,
        *,
        wanted: int = 1,
        seconds: float = 10.0,
        username: str | None = None,
        password: str | None = None,
    ) -> list[str]:
        """The messages with the text in SUBJECT, BODY or ``HEADER name``, over IMAP with STARTTLS.

        Waits for as many as are wanted, at most so many seconds; returns what there is by then. It is the recipient's
        mailbox unless another account is given.
        """
        answer = self.mail(
            action="find",
            port=143,
            security="starttls",
            ca=self.certificate("ca"),
            username=username or self.recipient,
            password=password or self.password("recipient"),
            where=where,
            text=text,
            wanted=wanted,
            seconds=seconds,
        )
        messages: list[str] = answer["messages"]
        return messages

    def rest(
        self, method: str, resource: str, body: Any = None, *, container: str = "bitbucket", **query: str
    ) -> tuple[int, Any]:
        """Status and body of a call to Bitbucket's REST API as its administrator, over the container's loopback."""
        request = {
            "method": method,
            "url": f"http://localhost:7990/rest/api/latest/{resource}?{urlencode(query)}",
            "body": body,
            "username": "sysadmin",
            "password": self.password("sysadmin"),
        }
        answer = self.program("rest_client.py", request, container)
        return answer["status"], answer["body"]

    def mail_server(self, container: str = "bitbucket") -> dict[str, Any] | None:
        """Bitbucket's mail-server settings; None where there are none."""
        status, body = self.rest("GET", MAIL_SERVER, container=container)
        assert status in (200, 404), body
        return dict(body) if status == 200 else None

    def write_mail_server(self, *, account: bool, **settings: Any) -> None:
        """Give Bitbucket mail-server settings past the role: ``settings`` as REST spells them, and who sends."""
        body = {"hostname": self.mail_host, "senderAddress": self.sender, **settings}
        if account:
            body |= {"username": self.sender, "password": self.password("sender")}
        status, answer = self.rest("PUT", MAIL_SERVER, body)
        assert status == 200, answer

    def create_user(self, name: str, container: str = "bitbucket") -> None:
        """Let Bitbucket send a message of its own: the one that a new user gets."""
        query = {"name": name, "displayName": name, "emailAddress": self.recipient}
        status, body = self.rest(
            "POST", "admin/users", container=container, **query, notify="true", addToDefaultGroup="false"
        )
        assert status == 204, body

    def delete_user(self, name: str, container: str = "bitbucket") -> None:
        status, body = self.rest("DELETE", "admin/users", container=container, name=name)
        assert status == 200, body

    def state(self, container: str = "bitbucket") -> list[str]:
        """All that a run of the role may change on a Bitbucket's host, as lines to compare."""
        lines: list[str] = self.host(container).run(SNAPSHOT).stdout.splitlines()
        return [*lines, f"mail server: {self.mail_server(container)}"]

    def jvm_arguments(self, container: str = "bitbucket", service: str = SERVICE) -> list[str]:
        """The arguments of the running JVM, as its kernel has them."""
        host = self.host(container)
        command = f"systemctl show {service} --property MainPID --value"
        return list(host.file(f"/proc/{host.check_output(command)}/cmdline").content_string.rstrip("\0").split("\0"))

    def files_with(self, passwords: list[str], container: str) -> list[str]:
        """The files of a container that hold one of the passwords in one form or another."""
        files: list[str] = self.program("file_search.py", leaks.all_forms(passwords), container)
        return files

    def journals_with(self, passwords: list[str], container: str = "bitbucket") -> list[str]:
        """Which of this container and the mail server's has a journal that holds one of the passwords."""
        command = "journalctl --boot --no-pager --all --output export"
        hosts = (container, "mail")
        return [name for name in hosts if leaks.in_text(self.host(name).check_output(command), passwords)]

    def record(self) -> list[dict[str, Any]]:
        """What the man in the middle has written down, see tests/lab/client/starttls_stripper.py."""
        command = ["podman", "exec", self.containers["between"], "cat", "/srv/record"]
        lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def written_files(self, container: str = "bitbucket") -> set[str]:
        """The files of a Bitbucket's host that are not as in its image, without the logs and /run."""
        command = ["podman", "diff", self.containers[container]]
        listed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
        paths = {line[2:] for line in listed if not line[2:].startswith(("/run", "/var/log"))}
        # Of a file that was written its folders are listed too.
        return {path for path in paths if not any(other.startswith(f"{path}/") for other in paths)}

    def refused_logins(self) -> int:
        """How many times the mail server has refused a password."""
        journal = self.host("mail").run("journalctl --boot --no-pager --unit 'postfix*'").stdout
        return int(journal.count("authentication failed"))
