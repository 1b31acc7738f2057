# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options ``imap`` and ``pop3`` as part of Ansible's ``argument_spec``, documented in the fragment ``mailbox``."""

from __future__ import annotations

import typing as t


def _options(tls_at_once: str) -> dict[str, dict[str, t.Any]]:
    return {
        "host": {"type": "str", "required": True},
        "port": {"type": "int"},
        "security": {"type": "str", "choices": ["starttls", tls_at_once, "plain"], "default": "starttls"},
        "username": {"type": "str", "required": True},
        # Raw, since a list would be taken as its text otherwise.
        "password": {"type": "raw", "required": True, "no_log": True},
        "ca": {"type": "path"},
    }


MAILBOX: dict[str, dict[str, t.Any]] = {
    "imap": {
        "type": "dict",
        "options": {**_options("imaps"), "mailbox": {"type": "str", "default": "INBOX"}},
    },
    "pop3": {"type": "dict", "options": _options("pop3s")},
}
MUTUALLY_EXCLUSIVE = [("imap", "pop3")]
