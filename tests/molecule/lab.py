# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab of the Molecule scenarios: its containers, its accounts, and a mail client inside one of them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import testinfra
from testinfra.host import Host

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".cache/molecule"
CLIENT = ROOT / "tests/molecule/mail_client.py"


@dataclass(frozen=True)
class Lab:
    """The containers' names and the accounts, as molecule/resources/create.yml left them in .cache/molecule/."""

    containers: dict[str, str]
    images: dict[str, str]
    mail_host: str
    sender: str
    recipient: str

    def password(self, account: str) -> str:
        """Of sender, recipient, sysadmin, admin or user."""
        return (STATE / "passwords" / account).read_text("utf-8").strip()

    def certificate(self, name: str) -> str:
        """PEM text of ca, mail/ca_signed or mail/self_signed."""
        return (STATE / f"{name}.pem").read_text("utf-8")

    def host(self, name: str) -> Host:
        return testinfra.get_host(f"podman://{self.containers[name]}")

    def mail(self, **request: Any) -> dict[str, Any]:
        """Run resources/mail_client.py on Bitbucket's host; the request goes in by its standard input."""
        program = CLIENT.read_text("utf-8")
        result = subprocess.run(
            ["podman", "exec", "-i", self.containers["bitbucket"], "python3", "-c", program],
            input=json.dumps({"host": self.mail_host, **request}),
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert result.returncode == 0, result.stderr
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    def find(self, message_id: str, seconds: float = 10.0) -> dict[str, Any]:
        """The message in the recipient's mailbox, looked for over IMAP with STARTTLS; `arrived` says whether."""
        return self.mail(
            action="find",
            port=143,
            security="starttls",
            ca=self.certificate("ca"),
            username=self.recipient,
            password=self.password("recipient"),
            message_id=message_id,
            seconds=seconds,
        )

    @classmethod
    def load(cls) -> Lab:
        """The lab that is there now; FileNotFoundError where `molecule create` was not run."""
        return cls(**json.loads((STATE / "lab.json").read_text("utf-8")))
