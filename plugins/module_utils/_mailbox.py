# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking into a mailbox over IMAP for one message, by its Message-ID.

The protocol is the standard library's imaplib; the connection under it is ours, since imaplib knows a timeout per read
only, and on Python 3.8 none at all.
"""

from __future__ import annotations

import email
import imaplib
import ssl
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._connection import Connection
from ansible_collections.stashops.mail.plugins.module_utils._deadline import Deadline, DeadlineExceeded
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._outcome import MailFailure

SECURITY_MODES = ("starttls", "imaps", "plain")
_POLL_SECONDS = 0.2
_MAX_LITERAL = 1_000_000


class Account(t.NamedTuple):
    """Whose mailbox to look into. ``trusted``: the DER certificates that vouch for the server."""

    host: str
    port: int
    security: str
    username: str
    password: str
    mailbox: str = "INBOX"
    trusted: t.Sequence[bytes] = ()


class Arrival(t.NamedTuple):
    """A message that was found, with the way it took: its Received headers, the last hop first."""

    received: list[str]


class _Client(imaplib.IMAP4):
    """imaplib over a :class:`Connection`, by the methods that it documents for overriding."""

    def __init__(self, account: Account, deadline: Deadline) -> None:
        self._account = account
        self._deadline = deadline
        super().__init__(account.host, account.port)

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        self.host, self.port = host, port
        self._connection = Connection(host, port, self._deadline)
        self._connection.step = "IMAP"
        if self._account.security == "imaps":
            self._connection.start_tls(_context(self._account.trusted), host)
            self._connection.step = "IMAP"

    def start_tls(self) -> None:
        """STARTTLS; imaplib's own would read on from the unencrypted connection's buffer."""
        kind, _data = self.xatom("STARTTLS")
        if kind != "OK":
            raise StashMailError(f"The IMAP server {self._account.host} refused STARTTLS: use another imap.security.")
        if self._connection.early_bytes():
            raise StashMailError(
                f"The IMAP server {self._account.host} sent more than its answer to STARTTLS, in plaintext: "
                "someone on the way may be putting words into the conversation."
            )
        self._connection.start_tls(_context(self._account.trusted), self._account.host)
        self._connection.step = "IMAP"

    def read(self, size: int) -> bytes:
        if size > _MAX_LITERAL:
            raise StashMailError(f"IMAP: the server announced {size} bytes, more than a message's header may have.")
        return self._connection.read_exactly(size)

    def readline(self) -> bytes:
        return self._connection.read_line() + b"\r\n"

    def send(self, data: t.Any) -> None:
        self._connection.send(bytes(data))

    def shutdown(self) -> None:
        self._connection.close()


class Mailbox:
    """An open, read-only mailbox, a context manager."""

    def __init__(self, account: Account, deadline: Deadline) -> None:
        """Connect, log in and select the mailbox; raise :class:`StashMailError`."""
        self._account = account
        self._deadline = deadline
        self._client: _Client | None = None
        try:
            self._log_in()
        except MailFailure as failure:
            self.close()
            raise StashMailError(f"IMAP: {failure.detail}. Check the options in imap.") from None
        except (imaplib.IMAP4.error, OSError) as error:
            self.close()
            raise StashMailError(f"IMAP: {self._words(error)}. Check the options in imap.") from None
        except StashMailError:
            self.close()
            raise

    def _log_in(self) -> None:
        account = self._account
        self._client = client = _Client(account, self._deadline)
        if account.security == "starttls":
            client.start_tls()
        client.login(account.username, account.password)
        self._select()

    def _select(self) -> None:
        client = self._require()
        name = '"' + self._account.mailbox.replace("\\", "\\\\").replace('"', '\\"') + '"'
        kind, data = client.select(name, readonly=True)
        if kind != "OK":
            raise StashMailError(f"IMAP: the mailbox {self._account.mailbox} cannot be opened: {data!r}")

    def _require(self) -> _Client:
        if self._client is None:
            raise StashMailError("IMAP: the connection is closed.")
        return self._client

    def _words(self, error: Exception) -> str:
        # imaplib's errors are the server's words, which could echo what was sent.
        text = str(error.args[0] if error.args else error)
        if isinstance(error.args[0] if error.args else None, bytes):
            text = error.args[0].decode("utf-8", "replace")
        hidden = any(secret and secret in text for secret in (self._account.password,))
        return "the server refused (its words are not shown, since they hold the password)" if hidden else text

    def wait_for(self, message_id: str) -> Arrival | None:
        """Return the message once it is there, None when the deadline has passed without it.

        Raises :class:`StashMailError` where the conversation itself breaks.
        """
        try:
            while True:
                found = self._find(message_id)
                if found is not None:
                    return found
                self._deadline.sleep(_POLL_SECONDS)
                self._select()  # another SELECT: not every server tells of new mail at NOOP
        except DeadlineExceeded:
            return None
        except MailFailure as failure:
            if failure.code == "timeout":
                return None
            raise StashMailError(f"IMAP: {failure.detail}.") from None
        except (imaplib.IMAP4.error, OSError) as error:
            raise StashMailError(f"IMAP: {self._words(error)}.") from None

    def _find(self, message_id: str) -> Arrival | None:
        client = self._require()
        _kind, data = client.search(None, "HEADER", "Message-ID", f'"{message_id}"')
        numbers = data[0].split() if data and data[0] else []
        if not numbers:
            return None
        _kind, parts = client.fetch(numbers[-1].decode("ascii"), "(BODY.PEEK[HEADER])")
        raw = next((part[1] for part in parts if isinstance(part, tuple)), b"")
        header = email.message_from_bytes(raw)
        return Arrival([" ".join(str(line).split()) for line in header.get_all("Received", [])])

    def close(self) -> None:
        """Close the connection; never raises."""
        if self._client is not None:
            self._client.shutdown()
            self._client = None

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(self, *_details: object) -> None:
        self.close()


def _context(trusted: t.Sequence[bytes]) -> ssl.SSLContext:
    """Return a context that checks chain and host name against ``trusted``, or the system's authorities if empty."""
    context = ssl.create_default_context(cadata=b"".join(trusted) or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # What the operator trusts may be the server's own certificate or an intermediate, not only a root.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN if hasattr(ssl, "VERIFY_X509_PARTIAL_CHAIN") else 0x80000
    # Python 3.13 adds this by default; private authorities often lack the extensions it asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
