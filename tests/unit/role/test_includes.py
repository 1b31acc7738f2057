# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Included tasks: what ansible-core before 2.19 can load of them."""

from __future__ import annotations

import re
from pathlib import Path

TASKS = Path(__file__).resolve().parents[3] / "roles" / "stash_mail" / "tasks"


def test_an_included_file_imports_none() -> None:
    texts = {path.relative_to(TASKS).as_posix(): path.read_text("utf-8") for path in TASKS.rglob("*.yml")}
    included = {name for text in texts.values() for name in re.findall(r"include_tasks:\n +file: ([\w/]+\.yml)", text)}
    assert included
    assert included <= set(texts)
    assert [name for name in sorted(included) if "import_tasks" in texts[name]] == []
