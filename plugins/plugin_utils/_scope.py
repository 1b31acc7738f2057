# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the role's phases the tags of a run select."""

from __future__ import annotations

import typing as t

_PREFIX = "stash_mail_"
_ALL = "stash_mail"


def selects(tags: t.Collection[str], phase: str) -> bool:
    """Whether ``phase`` is to run, by the ``tags`` that were asked for.

    Tags of others, such as those of a play that the role is a part of, select all of it. Tags that are skipped do not
    count: whatever asks has the tags of all phases, so that nothing is asked or done where one of them is skipped.
    """
    own = [name for name in tags if name.startswith(_PREFIX)]
    return not own or f"{_PREFIX}{phase}" in own or _ALL in tags
