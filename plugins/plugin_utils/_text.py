# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from other machines as a report may hold it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _secrets

# What XML 1.0 or UTF-8 cannot hold, what a terminal obeys, and what turns the direction of the text around it.
_UNFIT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_LONGEST = 4000


def map_text(function: t.Callable[[str], str], value: t.Any) -> t.Any:
    """``value`` with every text in it, keys included, put through ``function``; tuples become lists."""
    if isinstance(value, str):
        return function(value)
    if isinstance(value, t.Mapping):
        return {function(str(key)): map_text(function, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [map_text(function, item) for item in value]
    return value


def presentable(value: t.Any) -> t.Any:
    """``value`` with every unfit character replaced by U+FFFD, and no text longer than 4000 characters."""
    return map_text(lambda text: _UNFIT.sub("\ufffd", _shortened(text.replace("\r\n", "\n"))), value)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "\u2026"


def without(secrets: t.Iterable[str], value: t.Any) -> t.Any:
    """``value`` with ``secrets`` masked, but for the words of our own by which something is decided."""
    return _secrets.Redactor(secrets).value(value)


def how_many(items: t.Sized, word: str) -> str:
    """Return the number of ``items`` with the ``word``, in its plural unless there is one: ``1 host``, ``2 hosts``."""
    return f"{len(items)} {word}{'' if len(items) == 1 else 's'}"
