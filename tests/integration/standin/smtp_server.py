# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small mail server that tells how each message of the stand-in reached it, and truststores for it."""

from __future__ import annotations

import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.mail_server.certificates import self_signed
from tests.standin.runner import free_port


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for 127.0.0.1 and its key, both PEM files."""

    certificate: Path
    key: Path

    @classmethod
    def create(cls, directory: Path, common_name: str) -> Certificate:
        return cls(*self_signed("127.0.0.1", common_name=common_name).write(directory))

    def truststore(self, path: Path) -> Path:
        """Write a JKS truststore holding this certificate alone, with keytool."""
        path.unlink(missing_ok=True)
        command = ["keytool", "-importcert", "-noprompt", "-storetype", "JKS", "-storepass", "changeit"]
        command += ["-alias", "server", "-file", str(self.certificate), "-keystore", str(path)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return path

    @property
    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True)
class Delivery:
    """One message as the server got it."""

    sender: str
    recipients: list[str]
    tls: bool
    user: str | None
    message: EmailMessage


@dataclass
class MailServer:
    """Context manager around aiosmtpd. ``mode`` is ``plain``, ``starttls`` (offered) or ``smtps``."""

    certificate: Certificate
    mode: str = "plain"
    user: str = ""
    password: str = field(default="", repr=False)
    deliveries: list[Delivery] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    def __enter__(self) -> MailServer:
        self._arrived = threading.Condition()
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            ready_timeout=10.0,
            ssl_context=self.certificate.context if self.mode == "smtps" else None,
            tls_context=self.certificate.context if self.mode == "starttls" else None,
            authenticator=self._authenticate if self.user else None,
            auth_required=bool(self.user),
            auth_require_tls=False,  # as a relay in a closed network may be set up
        )
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword
    ) -> AuthResult:
        right = data.login == self.user.encode() and data.password == self.password.encode()
        # handled=False lets the server answer 535 itself; otherwise the client would wait for ever.
        return AuthResult(success=right, handled=False, auth_data=data.login.decode())

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        delivery = Delivery(
            str(envelope.mail_from),
            [str(recipient) for recipient in envelope.rcpt_tos],
            session.ssl is not None or self.mode == "smtps",
            str(session.auth_data) if session.authenticated else None,
            message_from_bytes(content, _class=EmailMessage, policy=default),
        )
        with self._arrived:
            self.deliveries.append(delivery)
            self._arrived.notify_all()
        return "250 OK"

    def wait(self, count: int = 1, seconds: float = 15.0) -> Delivery:
        """The ``count``-th delivery; raises TimeoutError if it does not come."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.deliveries) >= count, seconds):
                raise TimeoutError(f"{len(self.deliveries)} of {count} messages arrived")
            return self.deliveries[count - 1]

    def settings(self, **changes: object) -> dict[str, object]:
        """Mail settings (camelCase) that lead to this server."""
        settings: dict[str, object] = {
            "hostname": "127.0.0.1",
            "port": self.port,
            "protocol": "SMTPS" if self.mode == "smtps" else "SMTP",
            "useStartTls": False,
            "requireStartTls": False,
            "senderAddress": "bitbucket@lab.test",
        }
        if self.user:
            settings |= {"username": self.user, "password": self.password}
        return settings | changes
