# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The presets are sound data, the same in the argument specs and in the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stashops.mail.plugins.module_utils._inputs import SECURITY_MODES, check_host

from tests import doc_table

ROOT = Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles" / "stash_mail"
PRESETS: dict[str, dict[str, Any]] = yaml.safe_load((ROLE / "vars/main/presets.yml").read_text("utf-8"))[
    "__stash_mail_presets"
]
OPTIONS = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text("utf-8"))["argument_specs"]["main"]["options"]


def page() -> str:
    rows = [
        [f"[`{name}`](#{name})", entry["title"], f"`{entry['host']}`", str(entry["port"]), f"`{entry['security']}`"]
        for name, entry in PRESETS.items()
    ]
    parts = [doc_table.table(["preset", "service", "host", "port", "security"], rows)]
    for name, entry in PRESETS.items():
        prepare = "\n".join(f"{number}. {text}" for number, text in enumerate(entry["prepare"], start=1))
        notes = "\n".join(f"- {text}" for text in entry["warnings"])
        parts.append(f"## {name}\n\n{entry['title']}. To prepare:\n\n{prepare}\n\nTo look out for:\n\n{notes}")
    return "\n\n".join(parts)


def test_the_documentation_is_of_this_data() -> None:
    if doc_table.wanted():
        doc_table.write("presets.md", "presets", page())
    assert doc_table.read("presets.md", "presets") == page()


def test_the_argument_specs_know_all() -> None:
    assert OPTIONS["stash_mail_preset"]["choices"] == ["", *PRESETS]


@pytest.mark.parametrize("name", PRESETS)
def test_data(name: str) -> None:
    entry = PRESETS[name]
    assert set(entry) == {"title", "host", "port", "security", "prepare", "warnings"}
    check_host(entry["host"].replace("<region>", "eu-west-1"))
    assert entry["port"] in range(1, 65536)
    assert entry["security"] in SECURITY_MODES
    assert entry["prepare"]
    assert entry["warnings"]
    for text in [*entry["prepare"], *entry["warnings"]]:
        assert text.strip().endswith("."), text
        assert not re.search(r"\b(19|20)\d\d\b", text), "dates move"
        # What is named has to be there.
        assert set(re.findall(r"stash_mail_\w+", text)) <= set(OPTIONS), text
