# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the message that proves a node is sent with its plan."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._plan import proof

AS_WANTED: dict[str, Any] = {"planned": [], "probe": {"outcome": "deliver", "delivers": True}}


@pytest.mark.parametrize(
    ("changed", "due"),
    [
        ({}, True),
        ({"planned": ["server"]}, False),
        ({"jvm": {"restart_needed": True}}, False),
        ({"probe": {"skipped": True}}, False),
        ({"probe": {"outcome": "deliver_plaintext", "delivers": True}}, True),
        # By a mechanism that only the product speaks, or by its token.
        ({"probe": {"outcome": "auth_untested", "delivers": True}}, False),
        ({"probe": {"outcome": "token_untested", "delivers": True}}, False),
    ],
)
def test_it_is_sent_where_nothing_differs_and_it_can_be(changed: dict[str, Any], due: bool) -> None:
    assert proof.is_due({**AS_WANTED, **changed}) is due
