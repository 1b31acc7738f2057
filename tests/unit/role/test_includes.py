# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Included tasks: what ansible-core before 2.19 can load of them, and what one leaves that has failed."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

TASKS = Path(__file__).resolve().parents[3] / "roles" / "stash_mail" / "tasks"


def test_an_included_file_imports_none() -> None:
    texts = {path.relative_to(TASKS).as_posix(): path.read_text("utf-8") for path in TASKS.rglob("*.yml")}
    included = {name for text in texts.values() for name in re.findall(r"include_tasks:\n +file: ([\w/]+\.yml)", text)}
    assert included
    assert included <= set(texts)
    assert [name for name in sorted(included) if "import_tasks" in texts[name]] == []


def test_a_secret_that_could_not_be_applied_is_not_taken_for_one_that_was() -> None:
    """Its file is taken back: by what is there, the next run would find all as wanted, and never apply it."""
    (tasks,) = yaml.safe_load((TASKS / "provision/kubernetes_apply.yml").read_text("utf-8"))
    (applied,) = tasks["block"]
    taken_back, said = tasks["rescue"]
    file = {"path": applied["kubernetes.core.k8s"]["src"], "state": "absent"}
    assert taken_back["ansible.builtin.file"] == file
    assert "ansible_failed_result.msg" in said["ansible.builtin.fail"]["msg"]
