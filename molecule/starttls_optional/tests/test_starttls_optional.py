# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role has made of Bitbucket in this scenario."""

from __future__ import annotations

from testinfra.host import Host


def test_bitbucket_is_up(bitbucket: Host) -> None:
    assert bitbucket.service("atlbitbucket").is_running
