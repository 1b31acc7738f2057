# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page on security names a test for each thing that it says an attacker cannot do, and these tests exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests import attacks

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs" / "security.md"
_NAMED = re.compile(r"`([^`\s]+\.py)::(\w+)`")


def rows(text: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Each row of the tables: its claim, and the tests that it names by file and function."""
    cells = [line.strip("|").split("|", 1) for line in text.splitlines() if re.match(r"\| (?!cannot|---)", line)]
    return [(claim.strip(), _NAMED.findall(tests)) for claim, tests in cells]


def missing(text: str) -> list[str]:
    """The tests that are named in the text, in a table or elsewhere, and are not there."""
    functions: dict[str, set[str]] = {}
    found = []
    for file, name in _NAMED.findall(text):
        if file not in functions:
            tree = ast.parse((TESTS / file).read_text("utf-8")) if (TESTS / file).is_file() else ast.Module([], [])
            functions[file] = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if name not in functions[file] or not name.startswith("test_"):
            found.append(f"{file}::{name}")
    return found


def test_each_test_that_is_named_exists() -> None:
    assert missing(PAGE.read_text("utf-8")) == []


@pytest.mark.parametrize("named", ["unit/none.py::test_it", "unit/test_files.py::test_it", "unit/test_files.py::state"])
def test_one_that_does_not_exist_is_noticed(named: str) -> None:
    assert missing(f"Held by `{named}`.") == [named]


def test_each_claim_has_a_test() -> None:
    claims = rows(PAGE.read_text("utf-8").partition("<!-- end of attacks -->")[2])
    assert len(claims) > 40
    assert [claim for claim, tests in claims if not tests] == []
    assert rows("| cannot | test |\n| --- | --- |\n| fly | none |\n") == [("fly", [])]


def test_what_was_tried_is_no_more_than_there_is_and_all_of_it_was_held(request: pytest.FixtureRequest) -> None:
    """A run of single files does not know of all cases; the whole run does."""
    table = attacks.in_page()
    kinds = attacks.kinds()
    assert list(table) == [*kinds, "all"], "make docs-tables writes it anew"
    assert [kind for kind, (tried, held) in table.items() if not 0 < tried == held] == []
    collected = {item.nodeid for item in request.session.items}
    if not set().union(*kinds.values()) <= set(map(attacks.of_case, collected)):
        pytest.skip("not all attacks are part of this run")
    there = attacks.counted(collected)
    assert [kind for kind in kinds if table[kind][0] > there[kind]] == []
    assert sum(there.values()) < 2 * table["all"][0], "many have come since: make docs-tables"


def test_an_attack_that_was_not_held_shows() -> None:
    kind, tests = next(iter(attacks.kinds().items()))
    first, second = sorted(tests)[:2]
    table = attacks.table({f"{first}[a]": "passed", f"{first}[b]": "failed", f"{second}[c]": "skipped"})
    assert f"| {kind} | {len(tests)} | 2 | 1 |" in table
