# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The suboptions of ``imap``."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._certificate import load
from ansible_collections.stashops.mail.plugins.module_utils._conversation import Settings
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._inputs import (
    check_host,
    check_port,
    check_printable_ascii,
)
from ansible_collections.stashops.mail.plugins.module_utils._mailbox import SECURITY_MODES, Account

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int"},
    "security": {"type": "str", "choices": list(SECURITY_MODES), "default": "starttls"},
    "username": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "mailbox": {"type": "str", "default": "INBOX"},
    "ca": {"type": "path"},
}


def account_of(imap: t.Mapping[str, t.Any], settings: Settings) -> Account:
    """Return the checked mailbox; raise :class:`StashMailError` naming the suboption that is wrong."""
    for name in ("username", "mailbox"):
        check_printable_ascii(imap[name], f"imap.{name}")
    security = imap["security"]
    port = imap["port"] if imap["port"] is not None else (993 if security == "imaps" else 143)
    return Account(
        host=check_host(imap["host"], "imap.host"),
        port=check_port(port, "imap.port"),
        security=security,
        username=imap["username"],
        password=imap["password"],
        mailbox=imap["mailbox"],
        trusted=() if security == "plain" else _trusted(imap["ca"], settings),
    )


def _trusted(path: str | None, settings: Settings) -> t.Sequence[bytes]:
    if not path:
        return settings.anchors().certificates
    try:
        with open(path, "rb") as file:
            return load(file.read(), f"imap.ca ({path})")
    except OSError as error:
        raise StashMailError(f"imap.ca {path} cannot be read: {error.strerror}.") from None
