# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the scenarios' testinfra tests."""

from __future__ import annotations

import os

import pytest
from testinfra.host import Host

from tests.molecule.lab import Lab
from tests.molecule.runs import Runs

pytest.register_assert_rewrite("tests.molecule.provisioned")


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab.load()


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
