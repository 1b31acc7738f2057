# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site that is provisioned already, one for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.role.conftest import Site, make_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Bitbucket with its mail provisioned by the role."""
    with make_site(tmp_path_factory.mktemp("site")) as made:
        done = made.run()
        assert done.ok, done.output
        yield made
