# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every truststore format holds, and the error they all raise."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError


class TruststoreError(StashMailError):
    """A store that cannot be read or written as asked; the message says why and what to do."""


class Entry(t.NamedTuple):
    """A trusted certificate. ``created_ms`` is milliseconds since 1970, UTC; PKCS12 has no place for it."""

    alias: str
    der: bytes
    created_ms: int = 0
