# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The message that a new user gets."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid

from .settings import Settings
from .store import Account


@dataclass(frozen=True)
class MailJob:
    """One message and the settings it is to be sent with. Timeouts in seconds."""

    host: str
    port: int | None
    protocol: str
    use_starttls: bool
    require_starttls: bool
    username: str
    password: str = field(repr=False)
    sender: str
    recipient: str
    message: bytes = field(repr=False)
    connect_timeout: float
    read_timeout: float


def welcome(settings: Settings, sender: str, account: Account) -> bytes:
    """The mail with the link at which ``account`` sets a password."""
    name = settings.product.display_name
    message = EmailMessage(policy=SMTP)
    message["From"] = f"{name} <{sender}>"
    message["To"] = account.email
    message["Subject"] = f"Your {name} account"
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        f"Hello {account.display_name},\n\n"
        f"An account named {account.name} was created for you. Set its password here:\n\n"
        f"{settings.url}/passwordreset?token={secrets.token_hex(20)}\n"
    )
    return message.as_bytes()
