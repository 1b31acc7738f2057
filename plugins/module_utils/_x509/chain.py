# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates that a server presents."""

from __future__ import annotations

import typing as t


class PresentedChain(t.NamedTuple):
    """What a server presented: DER ``certificates``, the leaf first, in the server's order.

    ``complete`` is False where this Python could hand out the leaf only; ``how`` says what the chain was read with.
    """

    host: str
    port: int
    certificates: list[bytes]
    complete: bool
    how: str
