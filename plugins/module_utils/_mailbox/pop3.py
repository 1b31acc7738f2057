# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mailbox over POP3: poplib over a connection of ours.

A POP3 session shows the mailbox as it was at the login, so every look is a login of its own. Messages are read with
TOP, which leaves them as they are; only the newest are looked at.
"""

from __future__ import annotations

import hashlib
import poplib
import typing as t
from email.message import Message

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.base import (
    MAX_MESSAGE,
    NO_PLAIN,
    Account,
    Arrival,
    Mailbox,
    arrival_of,
    parse,
    refused_tls,
    start_tls,
)
from ansible_collections.stashops.mail.plugins.module_utils._net.connection import Connection
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline

NEWEST = 50
_MAX_ANSWER = 1_000_000
_LINES = 200
# RFC 2449 and 3206: another session has the mailbox, or the last login was too short a while ago.
_BUSY = (b"[IN-USE]", b"[LOGIN-DELAY]")


class _Socket:
    """What poplib wants of a socket and of its file, over a :class:`Connection`; an answer is bounded in size."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._left = _MAX_ANSWER

    def makefile(self, _mode: str) -> _Socket:
        """Return the file of this socket."""
        return self

    def readline(self, limit: int) -> bytes:
        """Return the next line with its end, cut to what poplib takes: anybody may send a message with long lines."""
        line = self.connection.read_line(most=limit - 3) + b"\r\n"
        self._left -= len(line)
        if self._left < 0:
            raise StashMailError(f"POP3: an answer of the server has more than {_MAX_ANSWER} bytes.")
        return line

    def sendall(self, data: bytes) -> None:
        """Send a command."""
        self._left = _MAX_ANSWER
        self.connection.send(data)

    def shutdown(self, _how: int) -> None:
        """Nothing: the connection is closed at once."""

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class _Client(poplib.POP3):
    """poplib with our connection in the place of its socket."""

    def __init__(self, account: Account, deadline: Deadline) -> None:
        self._account = account
        self._deadline = deadline
        super().__init__(account.host, account.port)

    def _create_socket(self, _timeout: float) -> t.Any:
        account = self._account
        self._connection = Connection(account.host, account.port, self._deadline)
        if account.security == "pop3s":
            start_tls(self._connection, account)
        self._connection.step = "POP3"
        return _Socket(self._connection)

    def start_tls(self) -> None:
        """STLS; poplib's own would take what came before TLS for what came after it."""
        try:
            self._shortcmd("STLS")  # type: ignore[attr-defined]
        except poplib.error_proto as error:
            raise refused_tls(self._account, "STLS", _said(error)) from None
        start_tls(self._connection, self._account, "STLS")

    def offers(self, name: str) -> list[str]:
        """Return what CAPA says of ``name``, nothing where the server does not know CAPA, which is optional."""
        try:
            return list(self.capa().get(name, []))
        except poplib.error_proto:
            return []

    def auth_plain(self, response: str) -> None:
        """AUTH PLAIN (RFC 5034), in two lines, since the first would be too long for a long password."""
        if "PLAIN" not in self.offers("SASL"):
            raise StashMailError(NO_PLAIN.format("POP3", self._account.host))
        if not self._shortcmd("AUTH PLAIN").startswith(b"+"):  # type: ignore[attr-defined]
            raise poplib.error_proto("AUTH PLAIN was not answered as it should be")
        self._shortcmd(response)  # type: ignore[attr-defined]


class Pop3Mailbox(Mailbox):
    """The mailbox of an account."""

    pause = 1.0
    errors = (poplib.error_proto, OSError)

    _client: _Client | None = None

    def _open(self) -> None:
        self._seen: set[str] = set()
        self._log_in()
        delay = self._require().offers("LOGIN-DELAY")
        if delay and delay[0].isdigit():
            self.pause = max(self.pause, float(delay[0]))
        self.mark()

    def _log_in(self) -> None:
        self._client = client = _Client(self.account, self._deadline)
        if self.account.security == "starttls":
            client.start_tls()
        if self.account.password.isascii():
            client.user(self.account.username)
            client.pass_(self.account.password)
        else:
            client.auth_plain(self._plain())

    def _require(self) -> _Client:
        if self._client is None:
            raise StashMailError("POP3: the connection is closed.")
        return self._client

    def _refresh(self) -> None:
        if self._client is not None:
            self._client.quit()
            self._client = None
        try:
            self._log_in()
        except poplib.error_proto as error:
            self.close()
            if not any(word in _said(error).encode() for word in _BUSY):
                raise

    def mark(self) -> None:
        self._seen = {uid for _number, uid in self._newest()}

    def new(self) -> t.Iterator[Message]:
        if self._client is None:
            return  # busy at this look
        for number, uid in self._newest():
            if uid not in self._seen:
                self._seen.add(uid)
                yield parse(self._top(number))

    def _newest(self) -> list[tuple[int, str]]:
        count, _size = self._require().stat()
        return [(number, self._uid(number)) for number in range(max(1, count - NEWEST + 1), count + 1)]

    def _uid(self, number: int) -> str:
        try:
            answer = self._require().uidl(number)
        except poplib.error_proto:
            # UIDL is optional: what does not change of a message is its header.
            return hashlib.sha256(self._top(number)).hexdigest()
        return answer.split()[-1].decode("ascii", "replace")

    def _top(self, number: int) -> bytes:
        _answer, lines, _size = self._require().top(number, _LINES)
        return b"\r\n".join(lines)[:MAX_MESSAGE]

    def _find(self, message_id: str) -> Arrival | None:
        arrivals = (arrival_of(message) for message in self.new())
        return next((arrival for arrival in arrivals if arrival.message_id == message_id), None)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
