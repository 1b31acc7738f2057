# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMTP side: aiosmtpd in one of the four modes, each message a file in a Maildir."""

from __future__ import annotations

import asyncio
import hmac
import logging
import mailbox
import socket
import ssl
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.mail_server.certificates import Certificate, self_signed

# aiosmtpd warns about a field of its own that it sets itself.
logging.getLogger("mail.log").setLevel(logging.ERROR)
MODES = ("plain", "starttls_optional", "starttls_required", "smtps")


class _Handler:
    """Stores messages; refuses the senders and recipients that a test names."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        # AUTH without a mechanism is no offer, and JavaMail would not connect at all.
        return [line for line in responses if line != "250-AUTH "]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._server.username and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if address in self._server.refused_senders:
            return "550 5.7.1 Sender refused"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self._server.refused_recipients:
            return "554 5.7.1 Relay access denied"
        if address in self._server.deferred_recipients:
            return "450 4.2.0 Greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        account: object = session.auth_data
        if isinstance(account, LoginPassword) and account.login.decode() in self._server.muted:
            return "554 5.7.1 Message refused"
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        trace = f"Return-Path: <{envelope.mail_from}>\r\nDelivered-To: {', '.join(envelope.rcpt_tos)}\r\n".encode()
        self._server.maildir.add((trace + content).replace(b"\r\n", b"\n"))
        return "250 2.0.0 Queued"


class _Controller(Controller):
    """A controller that may listen on any free port and says which."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        sockets: list[socket.socket] = list(self.server.sockets)  # type: ignore[attr-defined]
        self.port = sockets[0].getsockname()[1]
        # aiosmtpd would now connect to itself to see that all is well; not every certificate under test lets an OpenSSL
        # client do that. What it looks at afterwards is set here instead.
        self._factory_invoked.set()
        self.smtpd = cast(Any, "made at the first connection")


class MailServer:
    """An SMTP server on loopback, a context manager.

    ``mode`` is one of :data:`MODES`: ``starttls_optional`` offers STARTTLS, ``starttls_required`` wants it before
    MAIL. With ``username`` and ``password`` the server wants AUTH, unencrypted in mode ``plain`` only. ``port`` 0 is
    any free one. Messages are files in ``maildir_path``/new. ``auth_attempts`` tells of each AUTH whether it was right.

    ``accounts`` and, by :meth:`present`, the certificate may change while the server runs, as at a rotation.
    """

    def __init__(
        self,
        mode: str = "starttls_required",
        *,
        maildir_path: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        username: str = "",
        password: str = "",
        certificate: Certificate | None = None,
        hostname: str = "mail.example.com",
        context: ssl.SSLContext | None = None,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"mode {mode!r} is none of {', '.join(MODES)}")
        self.mode, self.host, self.hostname = mode, host, hostname
        self.username = username
        # Who may log in: names with their passwords, of which there may be several at a time.
        self.accounts: set[tuple[str, str]] = {(username, password)}
        self._folder = tempfile.TemporaryDirectory(prefix="stash_mail_server_")
        folder = Path(self._folder.name)
        self.maildir_path = maildir_path or folder / "Maildir"
        self.maildir = mailbox.Maildir(self.maildir_path, create=True)
        self.certificate = certificate or self_signed()
        self.refused_senders: set[str] = set()
        self.refused_recipients: set[str] = set()
        self.deferred_recipients: set[str] = set()
        # Who may log in, and gets no message through.
        self.muted: set[str] = set()
        self.auth_attempts: list[bool] = []
        tls = self._tls = (context or self._context(folder)) if mode != "plain" else None
        self._controller = _Controller(
            _Handler(self),
            hostname=host,
            port=port,
            server_hostname=hostname,
            ready_timeout=10.0,
            ssl_context=tls if mode == "smtps" else None,
            tls_context=tls if mode.startswith("starttls") else None,
            require_starttls=mode == "starttls_required",
            authenticator=self._authenticate if username else None,
            # aiosmtpd does not count TLS from the first byte as TLS.
            auth_require_tls=mode.startswith("starttls"),
            auth_exclude_mechanism=() if username else ("LOGIN", "PLAIN"),
            timeout=60,
        )

    def _context(self, folder: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(*self.certificate.write(folder))
        return context

    def present(self, certificate: Certificate) -> None:
        """Show this certificate from the next connection on. Its key is of the same kind as the one before."""
        if self._tls is None or type(certificate.key) is not type(self.certificate.key):
            raise ValueError("there is no TLS, or the key is of another kind, and both would be offered")
        self._tls.load_cert_chain(*certificate.write(Path(self._folder.name)))
        self.certificate = certificate

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        right = isinstance(data, LoginPassword) and any(
            hmac.compare_digest(data.login, name.encode()) and hmac.compare_digest(data.password, password.encode())
            for name, password in self.accounts
        )
        self.auth_attempts.append(right)
        # With handled=True aiosmtpd leaves the refusal to us, and the client waits for ever.
        return AuthResult(success=right, handled=False, auth_data=data)

    @property
    def port(self) -> int:
        """The port, once started."""
        return int(self._controller.port)

    @property
    def messages(self) -> list[mailbox.MaildirMessage]:
        """The messages received so far."""
        return list(self.maildir)

    def start(self) -> MailServer:
        """Listen; return the server itself."""
        self._controller.start()
        return self

    def stop(self) -> None:
        """Stop listening and remove the server's own temporary files."""
        # Connections that are still open are told to end, so that none of their tasks is destroyed while pending.
        loop = self._controller.loop
        self._controller.stop()
        if not loop.is_closed():
            for task in asyncio.all_tasks(loop):
                task.cancel()
        self._folder.cleanup()

    def __enter__(self) -> MailServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
