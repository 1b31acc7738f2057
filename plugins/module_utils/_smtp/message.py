# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test message."""

from __future__ import annotations

import email.policy
import email.utils
import typing as t
from email.message import EmailMessage

_BODY = """\
This is a test message of stash_mail. Nothing needs to be done.

It was handed to a mail server with the settings that Bitbucket uses:

Server:    {host}, port {port} ({security})
Sender:    {sender}
Recipient: {recipient}
"""


class TestMessage(t.NamedTuple):
    """A message ready to be handed over, with CRLF line ends.

    It is ASCII, but for the addresses in the header where one of them is not (``needs_utf8``, RFC 6532).
    """

    message_id: str
    content: bytes
    needs_utf8: bool


def build(sender: str, recipients: t.Sequence[str], host: str, port: int, security: str) -> TestMessage:
    """Return a message with a Message-ID and a Date of its own. The addresses are bare, the sender's ASCII."""
    needs_utf8 = not all(recipient.isascii() for recipient in recipients)
    message = EmailMessage(policy=email.policy.SMTPUTF8 if needs_utf8 else email.policy.SMTP)
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = "[stash_mail] Test of Bitbucket's outgoing mail"
    message["Date"] = email.utils.formatdate(localtime=True)
    message["Message-ID"] = email.utils.make_msgid("stash_mail", domain=_domain(sender))
    # RFC 3834: keeps vacation responders from answering.
    message["Auto-Submitted"] = "auto-generated"
    body = _BODY.format(sender=sender, recipient=", ".join(recipients), host=host, port=port, security=security)
    if needs_utf8:
        message.set_content(body, charset="utf-8", cte="quoted-printable")
    else:
        message.set_content(body, charset="us-ascii", cte="7bit")
    return TestMessage(str(message["Message-ID"]), message.as_bytes(), needs_utf8)


def _domain(sender: str) -> str:
    domain = sender.rpartition("@")[2]
    return "localhost" if domain.startswith("[") else domain
