# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages show can be used: YAML that parses, and variables that there are, with values that they take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.unit.docs.pages import PAGES, ROOT, blocks, text_of, variables

_NAME = re.compile(r"(?<![\w./-])(?:__)?stash_mail_\w+(?![\w*]|<|\{)")
KINDS: dict[str, type | tuple[type, ...]] = {
    "bool": bool,
    "int": int,
    "float": (int, float),
    "dict": dict,
    "list": list,
    "path": str,
}
ENTRY_POINTS = {path.stem for path in (ROOT / "roles/stash_mail/tasks").glob("*.yml")}
PLAYBOOKS = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
# Facts that the role leaves or hands to tasks of the user's, and metrics.
FACTS = {
    *("stash_mail_is_changed", "stash_mail_result", "stash_mail_failure", "stash_mail_checks"),
    *("stash_mail_check_certificates", "stash_mail_check_error", "stash_mail_rotate_to"),
}


def known() -> set[str]:
    modules = {path.stem for path in (ROOT / "library").glob("*.py")}
    # The tags are the phases, which are words of the filter that says what is done.
    phases = set(re.findall(r"stash_mail_\w+", (ROOT / "playbooks/provision.yml").read_text("utf-8")))
    metrics = set(
        re.findall(r"# TYPE (\w+)", (ROOT / "roles/stash_mail/templates/report/metrics.prom.j2").read_text("utf-8"))
    )
    return {*variables(), *modules, *phases, *metrics, *FACTS}


@pytest.mark.parametrize("page", PAGES)
def test_only_variables_and_modules_that_there_are(page: str) -> None:
    # Names of the collection's inside, and of folders, are no variables.
    named = {name for name in _NAME.findall(text_of(page)) if not name.startswith("__")}
    assert sorted(named - known()) == []


@pytest.mark.parametrize("page", PAGES)
def test_yaml_can_be_read_and_says_what_can_be_set(page: str) -> None:
    for content in blocks(page, "yaml", "yml"):
        for path, value in _settings(yaml.safe_load(content)):
            _check(path, value)


@pytest.mark.parametrize("page", PAGES)
def test_only_playbooks_and_entry_points_that_there_are(page: str) -> None:
    text = text_of(page)
    assert set(re.findall(r"\bplaybooks/(\w+)\.yml", text)) <= PLAYBOOKS
    assert set(re.findall(r"ansible-playbook[^\n]* stashops\.mail\.(\w+)", text)) <= PLAYBOOKS
    assert set(re.findall(r"\btasks_from: (\w+)", text)) <= ENTRY_POINTS


def test_every_playbook_is_told_of() -> None:
    told = " ".join(text_of(page) for page in ("README.md", "docs/README.md"))
    assert [name for name in sorted(PLAYBOOKS) if name not in told] == []


def _settings(document: object) -> Iterator[tuple[str, Any]]:
    """The role's variables in a document and their values, wherever they stand in it."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            if str(key).startswith("stash_mail_"):
                yield str(key), value
            else:
                yield from _settings(value)
    elif isinstance(document, list):
        for item in document:
            yield from _settings(item)


def _check(name: str, value: Any) -> None:
    option = variables().get(name)
    if option is None:
        assert name in known(), name
        return
    if isinstance(value, str) and "{{" in value:
        return
    if choices := option.get("choices"):
        given = value if isinstance(value, list) else [value]
        assert set(given) <= set(choices), f"{name} cannot be {value!r}"
    kind = option.get("type", "str")
    assert isinstance(value, KINDS.get(kind, (str, int))), f"{name} is no {kind}: {value!r}"
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Mapping) and "options" in option:
            assert set(item) <= set(option["options"]), f"{name} has no {set(item) - set(option['options'])}"
