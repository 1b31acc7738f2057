# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SMTP session that does what JavaMail does, and that no server can hang, fool or make leak a password.

The standard library's smtplib is not used: it makes two failed attempts for one wrong password, takes replies that
were injected before TLS, and reads each line with a timeout of its own.
"""

from __future__ import annotations

import base64
import re
import socket
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._net.connection import Connection
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import MailFailure
from ansible_collections.stashops.mail.plugins.module_utils._secrets import printable, without

MAX_REPLY_LINES = 256
MAX_REPLY_BYTES = 65536
MAX_TRANSCRIPT_LINES = 400
MAX_TRANSCRIPT_WIDTH = 500
# JavaMail's order; the first that the server offers is the only one that it tries.
JAVAMAIL_MECHANISMS = ("LOGIN", "PLAIN", "DIGEST-MD5", "NTLM")
TRIED_HERE = ("LOGIN", "PLAIN")
_OLD_LOGIN = "AUTH=LOGIN"
_REPLY = re.compile(rb"(\d{3})(?:([ -])(.*))?", re.DOTALL)
_OWN_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


class Reply(t.NamedTuple):
    """A server's answer: code 200 to 599 and the text of its lines."""

    code: int
    lines: list[str]

    @property
    def text(self) -> str:
        """Return code and text on one line, at most 300 characters of it."""
        return " ".join([str(self.code), *self.lines])[:300]


class Transcript:
    """The conversation without secrets, bounded in size.

    Its lines start with ``C:`` (client), ``S:`` (server) or ``--`` (what happened otherwise).
    """

    def __init__(self) -> None:
        self.lines: list[str] = []

    def client(self, text: str) -> None:
        """Note a line that was sent."""
        self._add("C: " + text)

    def server(self, text: str) -> None:
        """Note a line that was received."""
        self._add("S: " + text)

    def note(self, text: str) -> None:
        """Note an event, such as a finished TLS handshake."""
        self._add("-- " + text)

    def _add(self, line: str) -> None:
        if len(self.lines) < MAX_TRANSCRIPT_LINES:
            self.lines.append(line if len(line) <= MAX_TRANSCRIPT_WIDTH else line[:MAX_TRANSCRIPT_WIDTH] + " [cut]")
        elif len(self.lines) == MAX_TRANSCRIPT_LINES:
            self.lines.append("-- [further lines left out]")


class Session:
    """One conversation over ``connection``. Every method raises :class:`MailFailure`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.transcript = Transcript()
        self.banner = ""
        self.name = ""
        self.extensions: dict[str, str] = {}
        self._secrets: list[str] = []

    # -- the parts of a conversation, in their order

    def read_banner(self) -> str:
        """Read the greeting; JavaMail accepts 220 only."""
        self.connection.step = "the greeting"
        reply = self._read_reply()
        self.banner = " ".join(reply.lines)
        if reply.code != 220:
            raise self._refusal(
                "the greeting", reply, log="Could not connect to SMTP host: {host}, port: {port}, response: {code}"
            )
        return self.banner

    def hello(self, name: str = "") -> dict[str, str]:
        """EHLO, or HELO where the server does not know it; return the extensions (upper-case name to parameters).

        ``name`` is what we call ourselves, by default the host's own name.
        """
        self.name = name = name or own_name()
        reply = self._command("EHLO " + name)
        self.extensions = {}
        if reply.code == 250:
            for line in reply.lines[1:]:
                keyword, _space, parameters = line.strip().partition(" ")
                if keyword:
                    self.extensions[keyword.upper()] = parameters.strip()
            return self.extensions
        if reply.code != 421:
            reply = self._command("HELO " + name)
        if reply.code != 250:
            raise self._refusal("HELO", reply)
        return self.extensions

    def starttls(self) -> None:
        """STARTTLS up to the point where the handshake may begin.

        What the server said before is forgotten: after the handshake call :meth:`hello` again.
        """
        if "STARTTLS" not in self.extensions:
            where = f"{self.connection.host}:{self.connection.port}"
            raise self.connection.failure("starttls_missing", f"{where} does not offer STARTTLS")
        try:
            reply = self._command("STARTTLS")
        except MailFailure as failure:
            if failure.code == "dropped":
                raise self.connection.failure("starttls_failed", failure.detail, log="[EOF]") from None
            raise
        if reply.code != 220:
            raise self.connection.failure(
                "starttls_failed", f"the server refused STARTTLS: {reply.text}", log=reply.text
            )
        early = self.connection.early_bytes()
        if early:
            text = f"the server sent {len(early)} bytes or more in plaintext after its 220 to STARTTLS"
            raise self.connection.failure("starttls_injection", text)
        self.extensions = {}

    @property
    def offers_auth(self) -> bool:
        """Whether JavaMail would log in: of the form of old Exchange servers, ``AUTH=...``, it reads this one only."""
        return "AUTH" in self.extensions or _OLD_LOGIN in self.extensions

    def mechanisms(self) -> list[str]:
        """Return the AUTH mechanisms that JavaMail finds, upper-case, in the server's order."""
        offered = self.extensions.get("AUTH", "").upper().split()
        # Of the old form it takes just that, and only beside the new one.
        if "AUTH" in self.extensions and _OLD_LOGIN in self.extensions and "LOGIN" not in offered:
            offered.append("LOGIN")
        return offered

    def unread_mechanisms(self) -> list[str]:
        """Return what the server offers in the old form."""
        return [f"{name} {text}".strip() for name, text in self.extensions.items() if name.startswith("AUTH=")]

    def javamail_mechanism(self) -> str | None:
        """Return the one mechanism that JavaMail tries here, None where it has none of those offered."""
        offered = self.mechanisms()
        return next((name for name in JAVAMAIL_MECHANISMS if name in offered), None)

    def authenticate(self, username: str, password: str, mechanism: str) -> None:
        """One attempt with LOGIN or PLAIN. Neither the secrets nor the server's echo of them reach the transcript."""
        user, secret = username.encode("utf-8"), password.encode("utf-8")
        if mechanism == "PLAIN":
            commands = [b"AUTH PLAIN " + base64.b64encode(b"\0" + user + b"\0" + secret)]
        else:
            commands = [b"AUTH LOGIN", base64.b64encode(user), base64.b64encode(secret)]
        # From here on the server knows them and could put them into any of its answers.
        self._secrets = [password, *(command.rpartition(b" ")[2].decode("ascii") for command in commands[-1:])]
        self._refuse_unasked("AUTH")
        self.connection.step = "AUTH"
        self.transcript.client(f"AUTH {mechanism} [redacted]")
        reply = Reply(334, [])
        for command in commands:
            self.connection.send(command + b"\r\n")
            reply = self._read_reply(secret=True)
            if reply.code != 334:
                break
        self.transcript.server(f"{reply.code} [redacted]")
        if reply.code == 235:
            return
        words = reply.text
        log = "javax.mail.AuthenticationFailedException: " + words
        if 400 <= reply.code < 500:
            raise self.connection.failure("deferred", f"the server could not check the password now: {words}", log=log)
        raise self.connection.failure(
            "auth_failed", f"the server refused user {username!r} ({mechanism}): {words}", log=log
        )

    def mail_from(self, sender: str, *parameters: str) -> None:
        """MAIL FROM the real sender. ``parameters`` are those of extensions that the server offers."""
        reply = self._command(" ".join([f"MAIL FROM:<{sender}>", *parameters]))
        if reply.code != 250:
            raise self._refusal(f"sender {sender}", reply, permanent="sender_refused")

    def rcpt_to(self, recipient: str, *parameters: str) -> Reply:
        """RCPT TO the recipient; JavaMail accepts 250 and 251."""
        reply = self._command(" ".join([f"RCPT TO:<{recipient}>", *parameters]))
        if reply.code not in (250, 251):
            raise self._refusal(f"recipient {recipient}", reply, permanent="recipient_refused")
        return reply

    def data(self, message: bytes) -> Reply:
        """Hand ``message`` (CRLF line ends) over, once; return the server's 250.

        Whatever happens between the final dot and a whole answer is ``unknown``: the server may have the message.
        """
        reply = self._command("DATA")
        if reply.code != 354:
            raise self._refusal("DATA", reply)
        stuffed = re.sub(rb"(?m)^\.", b"..", message)
        end = b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
        self.transcript.client(f"[message of {len(message)} bytes]")
        self.connection.step = "the message"
        self._refuse_unasked("the message")
        self.connection.send(stuffed)
        self.connection.step = "the answer to the message"
        self.transcript.client(".")
        try:
            self.connection.send(end)
            reply = self._read_reply()
        except MailFailure as failure:
            raise self.connection.failure("unknown", failure.detail, log=failure.log) from None
        if reply.code == 250:
            return reply
        if reply.code < 400:
            raise self.connection.failure("unknown", f"the server answered the message with {reply.text}")
        raise self._refusal("the message", reply)

    def quit_quietly(self, reset: bool = False) -> None:
        """QUIT, after a RSET where an envelope was begun. How that ends says nothing about what was done before.

        Waits for the answers 2 s at most.
        """
        self.connection.deadline = self.connection.deadline.at_most(2.0)
        try:
            if reset:
                self._command("RSET")
            self._command("QUIT")
        except MailFailure:
            self.transcript.note(f"{self.connection.step} was not answered as it should be")

    def close(self) -> None:
        """Close the connection; never raises."""
        self.connection.close()

    # -- commands and replies

    def _command(self, line: str) -> Reply:
        verb = line.split(" ", 1)[0]
        self._refuse_unasked(verb)
        self.connection.step = verb
        self.transcript.client(line)
        self.connection.send(line.encode("utf-8") + b"\r\n")
        return self._read_reply()

    def _refuse_unasked(self, verb: str) -> None:
        """A reply that nobody asked for would shift every later one: the conversation ends there."""
        if not self.connection.early_bytes():
            return
        self.connection.step = "an answer before " + verb
        reply = self._read_reply()
        if reply.code == 421:
            raise self._refusal(f"{verb} before it was sent", reply)
        raise self.connection.failure("not_smtp", f"the server answered before {verb} was sent: {reply.text}")

    def _read_reply(self, secret: bool = False) -> Reply:
        lines: list[str] = []
        size = 0
        while True:
            raw = self.connection.read_line()
            size += len(raw)
            match = _REPLY.fullmatch(raw)
            if match is None or not 200 <= int(match.group(1)) <= 599:
                raise self._not_smtp(raw, secret)
            text = match.group(3) or b""
            lines.append(self._shown(text))
            if not secret:
                self.transcript.server(self._shown(raw))
            if match.group(2) != b"-":
                return Reply(int(match.group(1)), lines)
            if len(lines) >= MAX_REPLY_LINES or size > MAX_REPLY_BYTES:
                raise self.connection.failure(
                    "not_smtp", f"an answer at {self.connection.step} has no end ({len(lines)} lines)"
                )

    def _not_smtp(self, raw: bytes, secret: bool) -> MailFailure:
        shown = "" if secret else f": {self._shown(raw)[:80]!r}"
        if not secret:
            self.transcript.server(self._shown(raw))
        where = f"{self.connection.host}:{self.connection.port}"
        return self.connection.failure("not_smtp", f"{where} answered {self.connection.step} with no SMTP reply{shown}")

    def _shown(self, raw: bytes) -> str:
        text = raw.decode("utf-8", "backslashreplace")
        if without(text, self._secrets) != text:
            return "[redacted]"
        return printable(text)

    def _refusal(self, what: str, reply: Reply, permanent: str = "rejected", log: str | None = None) -> MailFailure:
        code = "deferred" if 400 <= reply.code < 500 else permanent
        connection = self.connection
        text = reply.text if log is None else log.format(host=connection.host, port=connection.port, code=reply.code)
        return connection.failure(code, f"the server refused {what}: {reply.text}", log=text)


def own_name() -> str:
    """Return what we call ourselves in EHLO: the host's name, no lookup made."""
    name = socket.gethostname()
    return name if _OWN_NAME.fullmatch(name) else "[127.0.0.1]"
