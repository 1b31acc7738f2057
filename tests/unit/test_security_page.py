# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page on security names a test for each thing that it says an attacker cannot do, and these tests exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

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
    claims = rows(PAGE.read_text("utf-8"))
    assert len(claims) > 40
    assert [claim for claim, tests in claims if not tests] == []
    assert rows("| cannot | test |\n| --- | --- |\n| fly | none |\n") == [("fly", [])]
