# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""One test message, handed over once and followed into the mailbox."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _message
from ansible_collections.stashops.mail.plugins.module_utils._conversation import Conversation, Settings
from ansible_collections.stashops.mail.plugins.module_utils._deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._mailbox import Account, Mailbox
from ansible_collections.stashops.mail.plugins.module_utils._outcome import MailFailure


class Sending:
    """``outcome`` is one of ``delivered``, ``accepted``, ``refused`` and ``unknown``, right at every moment."""

    def __init__(self, settings: Settings, account: Account | None, deadline: Deadline) -> None:
        self._settings = settings
        self._account = account
        self._deadline = deadline
        self._conversation = Conversation(settings, deadline)
        self._message = _message.build(
            settings.sender, settings.recipient, settings.host, settings.port, settings.security
        )
        self._mailbox: Mailbox | None = None
        self.outcome = "refused"
        self._seconds: float | None = None
        self._further: dict[str, t.Any] = {}

    @property
    def warnings(self) -> list[str]:
        """Return what the operator should know, whatever the outcome."""
        return self._conversation.warnings

    @property
    def handed_over(self) -> bool:
        """The server has, or may have, the message."""
        return self.outcome != "refused"

    @property
    def result(self) -> dict[str, t.Any]:
        """Return the module's result, JSON-serialisable and without secrets."""
        return {
            "message_id": self._message.message_id,
            "outcome": self.outcome,
            "seconds": self._seconds,
            **self._further,
            **self._conversation.facts,
        }

    def run(self) -> None:
        """Send and follow; raise ``StashMailError`` where the message did not get as far as was asked for."""
        if self._account is not None:
            # Before the message is on its way: a wrong IMAP password must not come out only then.
            self._mailbox = Mailbox(self._account, self._deadline)
        self._hand_over()
        if self._mailbox is not None:
            self._follow(self._mailbox)

    def _hand_over(self) -> None:
        conversation = self._conversation
        conversation.open()
        self._refuse_untested()
        conversation.envelope()
        try:
            reply = conversation.data(self._message.content)
        except MailFailure as failure:
            self.outcome = "unknown" if failure.code == "unknown" else "refused"
            raise
        self.outcome = "accepted"
        self._further["reply"] = reply.text
        # From here on nothing that the server does takes the message back.
        conversation.session.quit_quietly()

    def _refuse_untested(self) -> None:
        conversation = self._conversation
        if not conversation.untested:
            return
        code = "auth_unsupported" if conversation.outcome == "auth_untested" else "starttls_missing"
        raise conversation.session.connection.failure(code, f"No message was sent: {conversation.untested}", log="")

    def _follow(self, mailbox: Mailbox) -> None:
        started = self._deadline.elapsed()
        arrival = mailbox.wait_for(self._message.message_id)
        if arrival is None:
            account = self._account
            where = f"{account.mailbox} of {account.username} on {account.host}" if account else "the mailbox"
            text = f"The server took the message, but it was not in {where} after {self._deadline.seconds:g} s"
            raise MailFailure("accepted", text, self._settings.host, self._settings.port)
        self.outcome = "delivered"
        self._seconds = round(self._deadline.elapsed() - started, 3)
        self._further["received"] = arrival.received

    def close(self) -> None:
        """Close both connections; never raises."""
        self._conversation.close()
        if self._mailbox is not None:
            self._mailbox.close()
