# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking into a mailbox for one message: what IMAP and POP3 have in common.

Nothing in the mailbox is changed. The protocols are the standard library's imaplib and poplib, the connection under
them is ours, since theirs know a timeout per read only.
"""

from __future__ import annotations

import abc
import base64
import email
import ssl
import typing as t
from email.message import Message

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.connection import Connection
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline, DeadlineExceeded
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import MailFailure
from ansible_collections.stashops.mail.plugins.module_utils._secrets import of_account, printable, without

T = t.TypeVar("T")
# Header and as much text as is needed to see what a message is.
MAX_MESSAGE = 65536
_MAX_HEADER = 2000
_MAX_PARTS = 200
NO_PLAIN = "{}: the password is not ASCII, and {} does not offer the mechanism PLAIN, which could carry it."


class Account(t.NamedTuple):
    """Whose mailbox to look into. ``trusted``: the DER certificates that vouch for the server, else the system's.

    ``protocol`` is ``imap`` or ``pop3``, also the name of the option for the errors; ``security`` is ``starttls``,
    ``plain``, or TLS from the first byte: ``imaps`` or ``pop3s``.
    """

    host: str
    port: int
    security: str
    username: str
    password: str
    mailbox: str = "INBOX"
    trusted: t.Sequence[bytes] = ()
    protocol: str = "imap"


class Arrival(t.NamedTuple):
    """A message that was found, with the way it took: its Received headers, the last hop first."""

    received: list[str]
    message_id: str = ""
    sender: str = ""
    subject: str = ""


class Mailbox(abc.ABC):
    """An open, read-only mailbox, a context manager. Every method raises :class:`StashMailError`."""

    # Seconds between two looks, and what the protocol's library raises.
    pause = 0.2
    errors: tuple[type[Exception], ...] = (OSError, EOFError)

    def __init__(self, account: Account, deadline: Deadline) -> None:
        """Connect, log in and open the mailbox."""
        self.account = account
        self._deadline = deadline
        self._name = account.protocol.upper()
        try:
            self._open()
        except DeadlineExceeded:
            self.close()
            raise StashMailError(
                f"{self._name}: {account.host} did not let us in within {deadline.seconds:g} s. {self._advice}"
            ) from None
        except MailFailure as failure:
            self.close()
            raise StashMailError(f"{self._name}: {failure.detail}. {self._advice}") from None
        except StashMailError:
            self.close()
            raise
        except self.errors as error:
            self.close()
            raise StashMailError(f"{self._name}: {self._words(error)}. {self._advice}") from None
        except Exception as error:
            self.close()
            raise self._unreadable(error) from None

    @property
    def _advice(self) -> str:
        return f"Check the options in {self.account.protocol}."

    def _plain(self) -> str:
        """Return name and password as SASL's PLAIN sends them, for passwords that the older commands cannot carry."""
        text = f"\0{self.account.username}\0{self.account.password}"
        return base64.b64encode(text.encode("utf-8")).decode("ascii")

    @abc.abstractmethod
    def _open(self) -> None: ...

    @abc.abstractmethod
    def _refresh(self) -> None:
        """Have the next look see mail that has come since."""

    @abc.abstractmethod
    def _find(self, message_id: str) -> Arrival | None: ...

    @abc.abstractmethod
    def mark(self) -> None:
        """Have :meth:`new` return what comes from now on. To be called once, before :meth:`new`."""

    @abc.abstractmethod
    def new(self) -> t.Iterator[Message]:
        """Return the messages that have come since :meth:`mark` and were not returned yet, cut at ``MAX_MESSAGE``."""

    @abc.abstractmethod
    def close(self) -> None:
        """Close the connection; never raises."""

    def wait_for(self, message_id: str) -> Arrival | None:
        """Return the message once it is there, None when the deadline has passed without it."""
        return self.wait(lambda: self._find(message_id))

    def wait(self, look: t.Callable[[], T | None]) -> T | None:
        """Call ``look`` until it returns something; None when the deadline has passed before."""
        try:
            while True:
                found = look()
                if found is not None:
                    return found
                self._deadline.sleep(self.pause)
                self._refresh()
        except DeadlineExceeded:
            return None
        except MailFailure as failure:
            if failure.code == "timeout":
                return None
            raise StashMailError(f"{self._name}: {failure.detail}.") from None
        except StashMailError:
            raise
        except self.errors as error:
            raise StashMailError(f"{self._name}: {self._words(error)}.") from None
        except Exception as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> StashMailError:
        # What the libraries stumble over is the server's text, which could echo what was sent.
        kind = type(error).__name__
        return StashMailError(
            f"{self._name}: {self.account.host} sent something that cannot be read ({kind}). Check host and port in "
            f"{self.account.protocol}, or have a look at that server."
        )

    def _words(self, error: Exception) -> str:
        # The libraries' errors are the server's words, which could echo what was sent.
        said = error.args[0] if error.args else str(error)
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        if without(text, of_account(self.account.username, self.account.password)) != text:
            return "the server refused (its words are not shown, since they hold the password)"
        return printable(text)[:300]

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(self, *_details: object) -> None:
        self.close()


def arrival_of(message: Message) -> Arrival:
    """Return what the header of ``message`` tells."""
    received = [_one_line(line) for line in message.get_all("Received", [])]
    return Arrival(received, *(_one_line(message.get(name, "")) for name in ("Message-ID", "From", "Subject")))


def _one_line(value: object) -> str:
    return printable(" ".join(str(value).split()))[:_MAX_HEADER]


def parse(raw: bytes) -> Message:
    """Return the message, whatever it looks like; an empty one where it cannot be read, since anybody may send one."""
    try:
        message = email.message_from_bytes(raw[:MAX_MESSAGE])
        # Its parts are what nests, and each is a call deeper.
        if sum(1 for _part in message.walk()) > _MAX_PARTS:
            return Message()
    except Exception:
        return Message()
    return message


def start_tls(connection: Connection, account: Account, command: str = "") -> None:
    """Put TLS on ``connection``; ``command`` is what has asked the server for it, none where it begins with TLS."""
    protocol = account.protocol.upper()
    if command and connection.early_bytes():
        raise StashMailError(
            f"The {protocol} server {account.host} sent more than its answer to {command}, in plaintext: someone on "
            "the way may be putting words into the conversation."
        )
    connection.start_tls(_tls_context(account.trusted), account.host)
    connection.step = protocol


def refused_tls(account: Account, command: str, words: str) -> StashMailError:
    """The error where the server does not begin TLS."""
    protocol = account.protocol
    said = f" ({words})" if words else ""
    return StashMailError(
        f"The {protocol.upper()} server {account.host} refused {command}{said}: use another {protocol}.security."
    )


def _tls_context(trusted: t.Sequence[bytes]) -> ssl.SSLContext:
    """Return a context that checks chain and host name against ``trusted``, or the system's authorities if empty."""
    context = ssl.create_default_context(cadata=b"".join(trusted) or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # What the operator trusts may be the server's own certificate or an intermediate, not only a root.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN if hasattr(ssl, "VERIFY_X509_PARTIAL_CHAIN") else 0x80000
    # Python 3.13 adds this by default; private authorities often lack the extensions it asks for.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
