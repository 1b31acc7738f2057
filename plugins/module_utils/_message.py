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
    """A message ready to be handed over: CRLF line ends, ASCII only."""

    message_id: str
    content: bytes


def build(sender: str, recipient: str, host: str, port: int, security: str) -> TestMessage:
    """Return a message with a Message-ID and a Date of its own. The addresses are bare and ASCII."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = "[stash_mail] Test of Bitbucket's outgoing mail"
    message["Date"] = email.utils.formatdate(localtime=True)
    message["Message-ID"] = email.utils.make_msgid("stash_mail", domain=_domain(sender))
    # RFC 3834: keeps vacation responders from answering.
    message["Auto-Submitted"] = "auto-generated"
    body = _BODY.format(sender=sender, recipient=recipient, host=host, port=port, security=security)
    message.set_content(body, charset="us-ascii", cte="7bit")
    return TestMessage(str(message["Message-ID"]), message.as_bytes())


def _domain(sender: str) -> str:
    domain = sender.rpartition("@")[2]
    return "localhost" if domain.startswith("[") else domain
