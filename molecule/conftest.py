# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the scenarios' testinfra tests."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

import pytest
from testinfra.host import Host

from tests.lab.lab import Lab
from tests.lab.runs import Runs

pytest.register_assert_rewrite("tests.lab.provisioned")

_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with contextlib.closing(Lab.load()) as found:
        yield found


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """What a test has counted or timed, to be shown at the end."""
    return pytestconfig.stash.setdefault(_FIGURES, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(_FIGURES, [])
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def bitbucket(lab: Lab) -> Host:
    return lab.host("bitbucket")


@pytest.fixture(scope="session")
def mail(lab: Lab) -> Host:
    return lab.host("mail")


@pytest.fixture(scope="session")
def runs(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The role's runs with the scenario's variables."""
    return Runs(lab, os.environ.get("MOLECULE_SCENARIO_NAME", "default"), tmp_path_factory.mktemp("runs"))
