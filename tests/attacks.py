# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of docs/security.md: how many attacks of each kind were tried, and how many of these were held.

An attack is a case of a test that the page names. ``python -m tests.attacks`` prints these tests for pytest, and the
run that tries them writes the table.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests import doc_table

PAGE, NAME = "security.md", "attacks"
# What happens without anybody's doing.
_NO_ATTACKER = ("A run that is ended in its middle",)
_NAMED = re.compile(r"`([^`\s]+\.py)::(\w+)`")
_CASE = re.compile(r"^tests/(.+\.py)::(\w+)")


def kinds() -> dict[str, set[str]]:
    """The tests that the page names, as pytest knows them and without their cases, by the heading they stand under."""
    found: dict[str, set[str]] = {}
    for section in (doc_table.DOCS / PAGE).read_text("utf-8").split("\n## ")[1:]:
        tests = {f"tests/{file}::{function}" for file, function in _NAMED.findall(section)}
        heading = section.partition("\n")[0].strip()
        if tests and heading not in _NO_ATTACKER:
            found[heading] = tests
    return found


def of_case(case: str) -> str:
    """The test that a case is of."""
    found = _CASE.match(case)
    return f"tests/{found[1]}::{found[2]}" if found else ""


def counted(cases: Iterable[str]) -> dict[str, int]:
    """How many of these cases are attacks of each kind."""
    numbers = collections.Counter(map(of_case, cases))
    return {kind: sum(numbers[test] for test in tests) for kind, tests in kinds().items()}


def table(outcomes: Mapping[str, str]) -> str:
    """The table, by what each case came to: ``passed``, ``failed`` or ``skipped``."""
    tried = counted(case for case, outcome in outcomes.items() if outcome != "skipped")
    held = counted(case for case, outcome in outcomes.items() if outcome == "passed")
    rows = [[kind, str(len(tests)), str(tried[kind]), str(held[kind])] for kind, tests in kinds().items()]
    rows.append(["all", *(str(sum(int(row[column]) for row in rows)) for column in (1, 2, 3))])
    return doc_table.table(["attacker", "kinds of attack", "tried", "held"], rows)


def in_page() -> dict[str, tuple[int, int]]:
    """How many were tried and held, as the page says it."""
    rows = [line.strip("| ").split(" | ") for line in doc_table.read(PAGE, NAME).splitlines()[2:]]
    return {row[0]: (int(row[2]), int(row[3])) for row in rows}


class Writer:
    """For pytest: notes what each case comes to, and writes the table where all tests that the page names have run."""

    def __init__(self) -> None:
        self._outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self._outcomes[report.nodeid] = report.outcome

    def pytest_sessionfinish(self) -> None:
        wanted = set().union(*kinds().values())
        if wanted <= set(map(of_case, self._outcomes)):
            doc_table.write(PAGE, NAME, table(self._outcomes))


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    print(*sorted(test for test in set().union(*kinds().values()) if (root / test.partition("::")[0]).is_file()))
