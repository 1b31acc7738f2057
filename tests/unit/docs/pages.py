# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages for readers, and what the argument specs say of the role's variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
SPECS: dict[str, dict[str, Any]] = yaml.safe_load(
    (ROOT / "roles/stash_mail/meta/argument_specs.yml").read_text("utf-8")
)["argument_specs"]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/*.md")]
)
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def text_of(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def blocks(page: str, *languages: str) -> Iterator[str]:
    """The contents of a page's code blocks in these languages."""
    for indent, language, content in _BLOCK.findall(text_of(page)):
        if language in languages:
            yield re.sub(f"^{indent}", "", content, flags=re.MULTILINE)


def prose(page: str) -> str:
    """A page without its code blocks."""
    return _BLOCK.sub("", text_of(page))


def variables() -> dict[str, Mapping[str, Any]]:
    """The specs of all variables of the role, by name; where several entry points have one, the first one's."""
    found: dict[str, Mapping[str, Any]] = {}
    for spec in SPECS.values():
        for name, option in spec["options"].items():
            found.setdefault(name, option)
    return found
