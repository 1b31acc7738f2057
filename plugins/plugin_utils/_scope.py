# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the role's phases the tags of a run select."""

from __future__ import annotations

import typing as t

Scope = t.Mapping[str, t.Sequence[str]]

_PREFIX = "stash_mail_"
_ALL = "stash_mail"


def selects(scope: Scope, phase: str) -> bool:
    """Whether ``phase`` is to run, by the ``tags`` that were asked for and the ``skipped_tags``.

    Tags of others, such as those of a play that the role is a part of, select all of it.
    """
    tag = f"{_PREFIX}{phase}"
    if tag in scope["skipped_tags"]:
        return False
    own = {name for name in scope["tags"] if name.startswith(_PREFIX)}
    return not own or tag in own or _ALL in scope["tags"]
