# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mailbox that the options ``imap`` and ``pop3`` describe."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._inputs import (
    check_host,
    check_password,
    check_port,
    check_printable_ascii,
)
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import load

if t.TYPE_CHECKING:
    from ansible_collections.stashops.mail.plugins.module_utils._mailbox.base import Account, Mailbox

# For each protocol the port, and the port with TLS from the first byte.
_PORTS = {"imap": (143, 993), "pop3": (110, 995)}
_MAX_CA = 16 * 1024 * 1024


def account_of(params: t.Mapping[str, t.Any], trusted: t.Callable[[], t.Sequence[bytes]]) -> Account | None:
    """Return the checked mailbox, None where neither option is given.

    ``trusted`` returns what vouches for the server where no ``ca`` is given. Raises :class:`StashMailError` naming the
    suboption that is wrong.
    """
    protocol = next((name for name in _PORTS if params[name]), None)
    if protocol is None:
        return None
    from ansible_collections.stashops.mail.plugins.module_utils._mailbox.base import Account

    options = params[protocol]
    mailbox = options.get("mailbox") or "INBOX"
    check_printable_ascii(options["username"], f"{protocol}.username")
    check_printable_ascii(mailbox, f"{protocol}.mailbox")
    security = options["security"]
    port = options["port"]
    if port is None:
        port = _PORTS[protocol][security == f"{protocol}s"]
    return Account(
        host=check_host(options["host"], f"{protocol}.host"),
        port=check_port(port, f"{protocol}.port"),
        security=security,
        username=options["username"],
        password=_check_password(options["password"], f"{protocol}.password"),
        mailbox=mailbox,
        trusted=() if security == "plain" else _trusted(options["ca"], f"{protocol}.ca", trusted),
        protocol=protocol,
    )


def open_mailbox(account: Account, deadline: Deadline) -> Mailbox:
    """Log in; raise :class:`StashMailError`."""
    # The protocols' libraries take as long to load as half of a plan's questions, and most ask for no mailbox.
    if account.protocol == "pop3":
        from ansible_collections.stashops.mail.plugins.module_utils._mailbox.pop3 import Pop3Mailbox

        return Pop3Mailbox(account, deadline)
    from ansible_collections.stashops.mail.plugins.module_utils._mailbox.imap import ImapMailbox

    return ImapMailbox(account, deadline)


def _check_password(value: t.Any, option: str) -> str:
    password = check_password(value, option)
    if not password:
        raise StashMailError(f"{option} is empty: give the mailbox's password.")
    return password


def _trusted(path: str | None, option: str, otherwise: t.Callable[[], t.Sequence[bytes]]) -> t.Sequence[bytes]:
    if not path:
        return otherwise()
    return load(_files.read(path, _MAX_CA, f"{option} {path}"), f"{option} ({path})")
