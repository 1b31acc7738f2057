# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the scenarios' testinfra tests."""

from __future__ import annotations

import pytest
from testinfra.host import Host

from tests.molecule.lab import Lab


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab.load()


@pytest.fixture(scope="session")
def bitbucket(lab: Lab) -> Host:
    return lab.host("bitbucket")


@pytest.fixture(scope="session")
def mail(lab: Lab) -> Host:
    return lab.host("mail")
