# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for CI systems name what there is: variables, reports and the playbook."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs" / "ci"
ROLE = ROOT / "roles" / "stash_mail"
REPOSITORY = "stash_mail.git"
FILES = sorted(path.name for path in FOLDER.iterdir())


def known() -> set[str]:
    """The role's variables, the files of the reports, and the metrics."""
    specs = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    files = yaml.safe_load((ROLE / "vars/main/main.yml").read_text())["__stash_mail_report_files"]
    metrics = re.findall(
        r"^# TYPE (\w+)", (ROLE / "templates" / "report" / "metrics.prom.j2").read_text(), re.MULTILINE
    )
    return (
        {name for spec in specs.values() for name in spec["options"]}
        | {item["file"] for item in files}
        | {*metrics, REPOSITORY}
    )


@pytest.mark.parametrize("name", FILES)
def test_only_names_that_there_are(name: str) -> None:
    named = set(re.findall(r"\bstash_mail[_.][a-z_]+", (FOLDER / name).read_text()))
    assert named
    assert named <= known()


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".yml")])
def test_they_are_yaml(name: str) -> None:
    assert yaml.safe_load((FOLDER / name).read_text())


@pytest.mark.parametrize("name", [name for name in FILES if name != "README.md"])
def test_they_run_the_playbook(name: str) -> None:
    assert "ansible-playbook stashops.mail.check" in (FOLDER / name).read_text()
    assert (ROOT / "playbooks" / "check.yml").is_file()


def test_no_file_is_left_out_of_the_read_me() -> None:
    text = (FOLDER / "README.md").read_text()
    assert [name for name in FILES if name != "README.md" and f"({name})" not in text] == []
