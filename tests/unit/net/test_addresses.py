# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of a host's addresses the one that Java connects to."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline, resolve_first

V6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 25, 0, 0))
V4 = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 25))
V4_SECOND = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 25))


@pytest.mark.parametrize(
    ("given", "taken"), [([V6, V4], V4), ([V4, V6], V4), ([V6], V6), ([V6, V4_SECOND, V4], V4_SECOND)]
)
def test_ipv4_first_whatever_order_the_system_gives(
    monkeypatch: pytest.MonkeyPatch, given: list[object], taken: object
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: given)
    assert resolve_first("mail.example.com", 25, Deadline(5)) == taken
