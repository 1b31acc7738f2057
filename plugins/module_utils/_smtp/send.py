# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""One test message, handed over once and followed into the mailbox."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.base import Account, Mailbox
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.options import open_mailbox
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import MailFailure
from ansible_collections.stashops.mail.plugins.module_utils._smtp import message as messages
from ansible_collections.stashops.mail.plugins.module_utils._smtp.conversation import Conversation, Settings
from ansible_collections.stashops.mail.plugins.module_utils._smtp.recipients import Recipient, xtext
from ansible_collections.stashops.mail.plugins.module_utils._verdict.judge import Judge


class SendOptions(t.NamedTuple):
    """What is wanted beyond the settings.

    ``dsn`` are the events that the sender wants to be told of (``success``, ``failure``, ``delay``), where the server
    offers that. With ``allow_partial`` it is no failure that some recipients, not all of them, are refused.
    """

    dsn: t.Sequence[str] = ()
    allow_partial: bool = False


class _Handover(Conversation):
    """A conversation with an envelope for several recipients, and with what the extensions of SMTP add to it."""

    def send_envelope(self, recipients: t.Sequence[Recipient], message: messages.TestMessage, dsn: str) -> None:
        """MAIL FROM, and RCPT TO each; raise ``MailFailure`` where the server takes none of them."""
        session = self.session
        of_sender, of_recipient = [], []
        if message.needs_utf8:
            of_sender.append("SMTPUTF8")
        if dsn:
            of_sender += ["RET=HDRS", "ENVID=" + xtext(message.message_id.strip("<>"))]
            of_recipient.append("NOTIFY=" + dsn)
        self._step("sender", lambda: session.mail_from(self.settings.sender, *of_sender))
        refusals = [failure for one in recipients for failure in self._recipient(one, of_recipient)]
        if len(refusals) == len(recipients):
            # One that passes by itself is worth less than one that does not.
            raise next((failure for failure in refusals if failure.code != "deferred"), refusals[0])

    def _recipient(self, recipient: Recipient, parameters: t.Sequence[str]) -> t.Iterator[MailFailure]:
        try:
            reply = self._step("recipient", lambda: self.session.rcpt_to(recipient.address, *parameters))
        except MailFailure as failure:
            if failure.code not in ("recipient_refused", "deferred") or failure.log.startswith("421"):
                raise
            recipient.accepted, recipient.code = False, failure.code
            recipient.reply = failure.log
            yield failure
        else:
            recipient.accepted, recipient.reply = True, reply.text


class Sending:
    """``outcome`` is one of ``delivered``, ``accepted``, ``refused`` and ``unknown``, right at every moment."""

    def __init__(
        self,
        settings: Settings,
        account: Account | None,
        deadline: Deadline,
        recipients: t.Sequence[str] = (),
        options: SendOptions | None = None,
        judge: Judge | None = None,
    ) -> None:
        self._settings = settings
        self._account = account
        self._deadline = deadline
        self._options = options or SendOptions()
        self._conversation = _Handover(settings, deadline, judge)
        self._recipients = [Recipient(address) for address in recipients or [settings.recipient]]
        addresses = [recipient.address for recipient in self._recipients]
        self._message = messages.build(settings.sender, addresses, settings.host, settings.port, settings.security)
        self._mailbox: Mailbox | None = None
        self.outcome = "refused"
        self._handed_over_at = 0.0
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
            "recipients": [recipient.as_dict() for recipient in self._recipients],
            **self._further,
            **self._conversation.facts,
        }

    @property
    def last_step(self) -> str:
        """Return the name of the last part of the conversation with the mail server, empty before the first."""
        return self._conversation.last_step

    def attempt(self) -> StashMailError | None:
        """Send, follow and close; return why the message did not get as far as was asked for."""
        try:
            self.run()
        except StashMailError as error:
            return error
        except Exception as error:
            if not self.handed_over:
                raise
            # That the server has the message is what counts. The text could hold a secret.
            kind = type(error).__name__
            text = f"The server took the message, or may have; what came then could not be read ({kind})"
            return self._failure("unknown" if self.outcome == "unknown" else "accepted", text)
        finally:
            self.close()
        return None

    def run(self) -> None:
        """Send and follow; raise ``StashMailError`` where the message did not get as far as was asked for."""
        if self._account is not None:
            # Before the message is on its way: a wrong password of the mailbox must not come out only then.
            self._mailbox = open_mailbox(self._account, self._deadline)
        self._hand_over()
        partly = self._partly_refused()
        if self._mailbox is not None:
            self._follow(self._mailbox, partly)
        if not partly:
            return
        if not self._options.allow_partial:
            raise self._failure("partly_refused", partly)
        self.warnings.append(partly[0].upper() + partly[1:] + ".")

    def _hand_over(self) -> None:
        conversation = self._conversation
        conversation.open()
        self._refuse_untested()
        self._refuse_utf8()
        conversation.send_envelope(self._recipients, self._message, self._dsn())
        try:
            reply = conversation.data(self._message.content)
        except MailFailure as failure:
            self.outcome = "unknown" if failure.code == "unknown" else "refused"
            raise
        self.outcome = "accepted"
        self._handed_over_at = self._deadline.elapsed()
        self._further["reply"] = reply.text
        # From here on nothing that the server does takes the message back.
        conversation.session.quit_quietly()

    def _failure(self, code: str, text: str, log: str | None = None) -> MailFailure:
        return MailFailure(code, text, self._settings.host, self._settings.port, log)

    def _refuse_untested(self) -> None:
        conversation = self._conversation
        if not conversation.untested:
            return
        code = conversation.outcome if conversation.outcome == "auth_untested" else "starttls_missing"
        raise self._failure(code, f"No message was sent: {conversation.untested}", log="")

    def _refuse_utf8(self) -> None:
        if not self._message.needs_utf8:
            return
        names = ", ".join(one.address for one in self._recipients if not one.address.isascii())
        if "SMTPUTF8" not in self._conversation.session.extensions:
            text = f"No message was sent: {self._settings.host} does not offer SMTPUTF8, which {names} needs"
            raise self._failure("recipient_refused", text, log="")
        self.warnings.append(
            f"The message to {names} goes by SMTPUTF8. Bitbucket's mail library does not use that unless "
            "mail.mime.allowutf8 is set in its session, and damages such an address otherwise."
        )

    def _dsn(self) -> str:
        """Return the value of NOTIFY, empty where no notification is wanted or to be had."""
        if not self._options.dsn:
            return ""
        offered = "DSN" in self._conversation.session.extensions
        self._further["dsn_requested"] = offered
        if not offered:
            self.warnings.append(f"{self._settings.host} does not offer DSN: no notification was asked for.")
        return ",".join(event.upper() for event in self._options.dsn) if offered else ""

    def _partly_refused(self) -> str:
        refused = [f"{one.address} ({one.reply})" for one in self._recipients if not one.accepted]
        if not refused:
            return ""
        taken = ", ".join(one.address for one in self._recipients if one.accepted)
        return f"the server took the message for {taken} and refused it for {', '.join(refused)}"

    def _follow(self, mailbox: Mailbox, partly: str) -> None:
        try:
            arrival = mailbox.wait_for(self._message.message_id)
        except StashMailError as error:
            text = f"The server took the message; whether it arrived is not known, since the mailbox broke off: {error}"
            raise self._failure("accepted", f"{text}; {partly}" if partly else text) from None
        if arrival is None:
            account = mailbox.account
            where = f"{account.mailbox} of {account.username} on {account.host}"
            text = f"The server took the message, but it was not in {where} after {self._deadline.seconds:g} s"
            raise self._failure("accepted", f"{text}; {partly}" if partly else text)
        self.outcome = "delivered"
        self._seconds = round(self._deadline.elapsed() - self._handed_over_at, 3)
        self._further["received"] = arrival.received

    def close(self) -> None:
        """Close both connections; never raises."""
        self._conversation.close()
        if self._mailbox is not None:
            self._mailbox.close()
