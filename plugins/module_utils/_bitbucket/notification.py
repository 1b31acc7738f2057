# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have the running product send a message of its own, see it arrive, and leave nothing behind.

A user is created, which makes Bitbucket send a link for the password, and is deleted again whatever happens.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import time
import typing as t
from email.message import Message
from email.utils import getaddresses

from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.signals import Interrupted, Signals
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.users import PREFIX, Uncertain, UserAdmin
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.base import Account, Arrival, Mailbox, arrival_of
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.options import open_mailbox
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline, DeadlineExceeded

if t.TYPE_CHECKING:
    from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.mail_log import MailLog

_LOOK_SECONDS = 0.5
_LATE_SECONDS = 2.0
# How long a message that names the user is waited for once another one is there.
_SETTLE_SECONDS = 10.0
_DELETE_ATTEMPTS = 3
# How often Bitbucket logs that it cannot send: its property mail.error.pause.log, as far as known.
_LOG_PAUSE_SECONDS = 300
_ADDRESSED = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To")


class Notification:
    """One run. ``outcome``, right at any moment, is one of those that the module documents.

    :param client: Bitbucket, by an account with ADMIN. Its time counts for its requests only.
    :param log: the product's mail log, None where it is not to be had.
    :param account: the recipient's mailbox, None where it is not to be had.
    """

    def __init__(
        self, client: UserAdmin, recipient: str, log: MailLog | None, account: Account | None, deadline: Deadline
    ) -> None:
        self._client = client
        self._recipient = recipient
        self._log = log
        self._account = account
        self._deadline = deadline
        self._mailbox: Mailbox | None = None
        self._name = ""
        self._exists: bool | None = False
        # A message to the recipient that does not name the user.
        self._candidate: Arrival | None = None
        self._candidate_at = 0.0
        self._asked_at = 0.0
        self.outcome = "not_sent"
        self.warnings: list[str] = []
        self._facts: dict[str, t.Any] = {"seconds": None}

    @property
    def created(self) -> bool:
        """Bitbucket was made to send, or may have been."""
        return self.outcome != "not_sent"

    @property
    def result(self) -> dict[str, t.Any]:
        """Return the module's result, JSON-serialisable and without secrets."""
        errors = self._log.errors() if self._log is not None and self.created else []
        return {
            "outcome": self.outcome,
            "user": {"name": self._name, "deleted": self._exists is False} if self._name else None,
            "log_path": self._log.path if self._log is not None else None,
            "log_errors": errors,
            **self._facts,
        }

    def check(self) -> None:
        """Do all that can be done without a change: Bitbucket and the account, leftovers, the mailbox."""
        if self._log is None and self._account is None:
            raise StashMailError(
                "Nothing would tell whether Bitbucket's message went out: give imap or pop3, or home or log_path.",
                code="blind",
            )
        self._client.check()
        leftovers = self._client.named(PREFIX)
        if leftovers:
            self.warnings.append(
                "Bitbucket has users that an earlier run has left, unless another is at work now. Delete them: "
                + ", ".join(leftovers)
            )
        if self._account is not None:
            self._mailbox = open_mailbox(self._account, self._deadline)
            self._mailbox.mark()

    def run(self) -> None:
        """Create, watch, delete; raise :class:`StashMailError` unless the message arrived, or could not be watched.

        Raises :class:`Interrupted`, after the deletion, where a signal wants the process to end.
        """
        self.check()
        with Signals() as signals:
            try:
                try:
                    self._create()
                    self._watch()
                finally:
                    signals.heeded = False
            except BaseException as error:
                # The text of what nobody expects could hold a secret.
                told = str(error) if isinstance(error, (StashMailError, Interrupted)) else type(error).__name__
                self._delete(f" Before that: {told}" if told else "")
                raise
            self._delete("")

    def _create(self) -> None:
        name = PREFIX + secrets.token_hex(8)
        if self._client.named(name):
            raise StashMailError(f"Bitbucket has a user {name} already, which 64 random bits should rule out.")
        self._name, self._exists = name, None
        try:
            self._client.create(name, f"Mail test {name}", self._recipient)
        except Uncertain:
            self.outcome = "missing"
            raise
        except StashMailError:
            # Refused: there is no such user of ours.
            self._exists = False
            raise
        self._exists = True
        self.outcome = "missing"
        self._asked_at = self._deadline.elapsed()

    def _watch(self) -> None:
        mailbox = self._mailbox
        if mailbox is None:
            with contextlib.suppress(DeadlineExceeded):
                while True:
                    self._look_into_log()
                    self._deadline.sleep(_LOOK_SECONDS)
            self._look_into_log()
            self.outcome = "no_error"
        else:
            arrival = mailbox.wait(lambda: self._look(mailbox)) or self._candidate
            self._look_into_log()
            if arrival is None:
                raise self._missing()
            self._arrived(arrival)
        self._tell_of_others()

    def _look(self, mailbox: Mailbox) -> Arrival | None:
        for message in mailbox.new():
            if self._recipient.lower() not in _addresses(message):
                continue
            if self._name.encode() in _text(message):
                self._candidate = None
                return arrival_of(message)
            self._candidate, self._candidate_at = arrival_of(message), self._deadline.elapsed()
        self._look_into_log()
        waited = self._candidate is not None and self._deadline.elapsed() - self._candidate_at > _SETTLE_SECONDS
        return self._candidate if waited else None

    def _look_into_log(self) -> None:
        if self._log is None:
            return
        # The address ends there, or this is one that only begins alike.
        ours = re.compile(r"(?<![\w.+-])" + re.escape(self._recipient) + r"(?![\w-]|\.\w)", re.IGNORECASE)
        for entry in self._log.errors():
            if ours.search(entry):
                self.outcome = "failed"
                raise StashMailError(
                    f"Bitbucket could not send the message to {self._recipient}, and its mail log says why: {entry}",
                    code="failed",
                )

    def _arrived(self, arrival: Arrival) -> None:
        self.outcome = "delivered"
        names_user = arrival is not self._candidate
        if not names_user:
            self.warnings.append(
                "The message that arrived does not name the user that was created, so it may be another one: "
                f"{arrival.subject!r} from {arrival.sender}."
            )
        self._facts.update(
            seconds=round((self._deadline.elapsed() if names_user else self._candidate_at) - self._asked_at, 3),
            names_user=names_user,
            message_id=arrival.message_id,
            sender=arrival.sender,
            subject=arrival.subject,
            received=arrival.received,
        )

    def _missing(self) -> StashMailError:
        where = f"{self._account.mailbox} of {self._account.username} on {self._account.host}" if self._account else ""
        text = (
            f"Bitbucket took the request, but its message to {self._recipient} was not in {where} "
            f"after {self._deadline.seconds:g} s"
        )
        if self._log is None:
            text += ". Its mail log was not looked into, give home or log_path for that."
        elif self._log.earlier:
            self._facts["earlier_error"] = self._log.earlier
            text += (
                f", and {self._log.path} has no error of it. Bitbucket logs such errors only every few minutes; the "
                f"last one before was: {self._log.earlier}"
            )
        else:
            text += f", and {self._log.path} has no error of it. Look into the mail server's log and the spam folder."
        return StashMailError(text, code="missing")

    def _tell_of_others(self) -> None:
        if self._log is None:
            return
        if self._log.errors():
            self.warnings.append(f"Meanwhile Bitbucket could not send other messages, see {self._log.path}.")
        elif self.outcome == "no_error" and self._log.earlier and self._log.seconds_since_written < _LOG_PAUSE_SECONDS:
            self.warnings.append(
                "Bitbucket has logged an error shortly before, and logs such errors only every few minutes: that none "
                f"came now proves little. It was: {self._log.earlier}"
            )

    def _delete(self, before: str) -> None:
        """Delete the user if there may be one, and make it known loudly where that fails."""
        if self._exists is False:
            return
        problem = ""
        for _attempt in range(_DELETE_ATTEMPTS):
            self._client.renew_deadline()
            try:
                self._client.delete(self._name)
                if self._exists is None:
                    # The request that got no answer may still be at work.
                    time.sleep(_LATE_SECONDS)
                if not self._client.named(self._name):
                    self._exists = False
                    return
                problem = "it is still listed"
            except StashMailError as error:
                problem = str(error)
            time.sleep(_LOOK_SECONDS)
        raise StashMailError(
            f"THE USER {self._name} IS STILL IN BITBUCKET, OR MAY BE. It has no permissions, but delete it by hand "
            f"(Administration, Users). It could not be deleted: {problem}{before}",
            code="user_left",
        )

    def close(self) -> None:
        """Close the mailbox; never raises."""
        if self._mailbox is not None:
            self._mailbox.close()


def _addresses(message: Message) -> set[str]:
    values = [str(value) for name in _ADDRESSED for value in message.get_all(name, [])]
    return {address.lower() for _name, address in getaddresses(values)}


def _text(message: Message) -> bytes:
    """Return header and decoded parts of a message."""
    parts = [str(value).encode("utf-8", "replace") for value in message.values()]
    for part in message.walk():
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            parts.append(payload)
    return b"\n".join(parts)
