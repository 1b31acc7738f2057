# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tutorial, word by word: tutorial.py."""

from __future__ import annotations

from pathlib import Path

from tests.integration.docs.checkout import in_namespaces, needs_namespaces


@needs_namespaces
def test_tutorial(tmp_path: Path) -> None:
    in_namespaces("tutorial", tmp_path)
