# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mailbox over IMAP: imaplib over a connection of ours."""

from __future__ import annotations

import base64
import imaplib
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

_MAX_ANSWER = 1_000_000
_LEAST = 200
_NEWEST = 50
_MAX_DIGITS = 10  # of 32 bits


class _Client(imaplib.IMAP4):
    """imaplib over a :class:`Connection`, by the methods that it documents for overriding."""

    def __init__(self, account: Account, deadline: Deadline) -> None:
        self._account = account
        self._deadline = deadline
        super().__init__(account.host, account.port)

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        self.host, self.port = host, port
        self._left = _MAX_ANSWER
        self._connection = Connection(host, port, self._deadline)
        self._connection.step = "IMAP"
        if self._account.security == "imaps":
            start_tls(self._connection, self._account)

    def start_tls(self) -> None:
        """STARTTLS; imaplib's own would read on from the unencrypted connection's buffer."""
        kind, _data = self.xatom("STARTTLS")
        if kind != "OK":
            raise refused_tls(self._account, "STARTTLS", "")
        start_tls(self._connection, self._account, "STARTTLS")
        # What was offered before may have been somebody else's word, and most offer a login only now.
        self._get_capabilities()

    def read(self, size: int) -> bytes:
        self._take(size)
        return self._connection.read_exactly(size)

    def readline(self) -> bytes:
        line = self._connection.read_line() + b"\r\n"
        self._take(len(line))
        return line

    def _take(self, size: int) -> None:
        # imaplib keeps all that comes before the answer to a command, asked for or not, and a short line costs, too.
        self._left -= max(size, _LEAST)
        if self._left < 0:
            raise StashMailError(
                f"IMAP: {self._account.host} sent or announced too much in answer to one command (more than "
                f"{_MAX_ANSWER} bytes or {_MAX_ANSWER // _LEAST} lines)."
            )

    def send(self, data: t.Any) -> None:
        self._left = _MAX_ANSWER
        self._connection.send(bytes(data))

    def shutdown(self) -> None:
        self._connection.close()


class ImapMailbox(Mailbox):
    """One folder of an account, opened by EXAMINE, which leaves it as it is."""

    errors = (imaplib.IMAP4.error, OSError)

    _client: _Client | None = None
    _next_uid = 0

    def _open(self) -> None:
        self._client = client = _Client(self.account, self._deadline)
        if self.account.security == "starttls":
            client.start_tls()
        if self.account.password.isascii():
            client.login(self.account.username, self.account.password)
        elif "AUTH=PLAIN" in client.capabilities:
            client.authenticate("PLAIN", lambda _challenge: base64.b64decode(self._plain()))
        else:
            raise StashMailError(NO_PLAIN.format("IMAP", self.account.host))
        self._refresh()

    def _require(self) -> _Client:
        if self._client is None:
            raise StashMailError("IMAP: the connection is closed.")
        return self._client

    def _refresh(self) -> None:
        # Another EXAMINE: not every server tells of new mail at NOOP.
        name = '"' + self.account.mailbox.replace("\\", "\\\\").replace('"', '\\"') + '"'
        kind, data = self._require().select(name, readonly=True)
        if kind != "OK":
            said = self._words(imaplib.IMAP4.error(data[-1] if data else ""))
            raise StashMailError(f"IMAP: the mailbox {self.account.mailbox} cannot be opened: {said}.")

    def _find(self, message_id: str) -> Arrival | None:
        client = self._require()
        numbers = self._numbers(client.search(None, "HEADER", "Message-ID", f'"{message_id}"'))
        if not numbers:
            return None
        parts = self._done(client.fetch(str(numbers[-1]), "(BODY.PEEK[HEADER])"))
        return arrival_of(parse(_literal(parts)))

    def _done(self, answer: tuple[str, list[t.Any]]) -> list[t.Any]:
        """Return what came with an OK; a refusal is not the same as nothing found."""
        kind, data = answer
        if kind != "OK":
            said = self._words(imaplib.IMAP4.error(data[-1] if data else ""))
            raise StashMailError(f"IMAP: the server refused to look into the mailbox: {said}.")
        return data

    def _numbers(self, answer: tuple[str, list[t.Any]]) -> list[int]:
        data = self._done(answer)
        words = data[0].split() if data and isinstance(data[0], bytes) else []
        return sorted(int(word) for word in words if word.isdigit() and len(word) <= _MAX_DIGITS)

    def mark(self) -> None:
        # RFC 3501 has every server send UIDNEXT at EXAMINE.
        _name, data = self._require().response("UIDNEXT")
        text = data[-1] if data else None
        if not isinstance(text, bytes) or not text.isdigit() or len(text) > _MAX_DIGITS:
            raise StashMailError("IMAP: the server does not say which number (UIDNEXT) the next message gets.")
        self._next_uid = int(text)

    def new(self) -> t.Iterator[Message]:
        client = self._require()
        # "n:*" holds the last message even if its number is below n.
        found = self._numbers(client.uid("SEARCH", "UID", f"{self._next_uid}:*"))
        for uid in [uid for uid in found if uid >= self._next_uid][-_NEWEST:]:
            self._next_uid = uid + 1
            yield parse(_literal(self._done(client.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{MAX_MESSAGE}>)"))))

    def close(self) -> None:
        if self._client is not None:
            self._client.shutdown()
            self._client = None


def _literal(parts: t.Sequence[t.Any]) -> bytes:
    found = next((part[1] for part in parts if isinstance(part, tuple)), b"")
    return found if isinstance(found, bytes) else b""
