# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/variables.md is of the argument specs: every variable, in their words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests import doc_table
from tests.unit.docs.pages import SPECS

PAGE = "variables.md"
# The entry points with variables of their own, beside those of main, and what the page calls them.
ENTRIES = {
    "main": "Provisioning",
    "check": "The check",
    "report": "Its reports",
    "rotate_credentials_prepare": "Rotating the account or the password",
    "rotate_certificate_ask": "Rotating the mail server's certificate",
}


def plain(text: str) -> str:
    """Ansible's markup as Markdown: options and values as code."""
    text = re.sub(r"O\((?:\w+\.)*(\w+)#module:([^)]*)\)", r"`\2` of `\1`", text)
    text = re.sub(r"O\(([^)]*)\)", r"`\1`", text)
    text = re.sub(r"M\(([^)]*)\)", r"`\1`", text)
    text = re.sub(r"[VC]\(([^)]*)\)", r"`\1`", text)
    return text.replace("|", "\\|")


def default(option: Mapping[str, Any]) -> str:
    if option.get("required"):
        return "**required**"
    value = option.get("default")
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "" if value in ("", [], {}) else f"`{value}`" if not isinstance(value, list) else f"`{', '.join(value)}`"


def rows(options: Mapping[str, Mapping[str, Any]], prefix: str = "") -> list[list[str]]:
    found = []
    for name, option in options.items():
        said = option["description"]
        text = " ".join(map(plain, [said] if isinstance(said, str) else said))
        if choices := [f"`{choice}`" for choice in option.get("choices", []) if choice != ""]:
            text += f" One of {', '.join(choices)}."
        kind = option.get("type", "str") + (f" of {option['elements']}" if "elements" in option else "")
        found.append([f"`{prefix}{name}`", kind, default(option), " ".join(text.split())])
        found += rows(option.get("options", {}), f"{prefix}{name}{'[]' if option.get('type') == 'list' else ''}.")
    return found


def page() -> str:
    shown: set[str] = set()
    parts = []
    for entry, title in ENTRIES.items():
        own = {name: option for name, option in SPECS[entry]["options"].items() if name not in shown}
        shown |= set(own)
        parts.append(f"## {title}\n\n{doc_table.table(['variable', 'type', 'default', 'what it says'], rows(own))}")
    return "\n\n".join(parts)


def test_the_page_has_every_variable() -> None:
    if doc_table.wanted():
        doc_table.write(PAGE, "variables", page())
    assert doc_table.read(PAGE, "variables") == page()


def test_no_entry_point_has_others() -> None:
    there = {name for entry in ENTRIES for name in SPECS[entry]["options"]}
    assert {name for spec in SPECS.values() for name in spec["options"]} == there
