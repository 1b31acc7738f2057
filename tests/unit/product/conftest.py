# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine on which nothing runs but what a test starts, whatever else runs at the same time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._product import process as processes


@pytest.fixture(autouse=True)
def only_our_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    products = processes._products

    def ours(proc: str) -> Iterator[processes.Process]:
        return (process for process in products(proc) if _is_descendant(process.pid))

    monkeypatch.setattr(processes, "_products", ours)


def _is_descendant(pid: int) -> bool:
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False
