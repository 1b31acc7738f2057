# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change log can be read by its tool, is of the version that is built, and a clean clone builds that version."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
GALAXY: dict[str, Any] = yaml.safe_load((ROOT / "galaxy.yml").read_text("utf-8"))
RELEASES: dict[str, Any] = yaml.safe_load((ROOT / "changelogs/changelog.yaml").read_text("utf-8"))["releases"]


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout


def newest() -> str:
    return max(RELEASES, key=lambda version: [int(part) for part in version.split(".")])


def test_fragments_and_change_log_are_sound() -> None:
    run("antsibull-changelog", "lint", cwd=ROOT)
    run("antsibull-changelog", "lint-changelog-yaml", "changelogs/changelog.yaml", cwd=ROOT)


def test_every_place_names_the_newest_release() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert GALAXY["version"] == project["version"] == newest()


def test_the_first_release_is_one_and_not_its_own_fixes() -> None:
    first = RELEASES["1.0.0"]["changes"]
    assert first["release_summary"]
    assert set(first) == {"release_summary", "major_changes"}


def test_the_page_is_of_the_change_log(tmp_path: Path) -> None:
    for name in ("galaxy.yml", "changelogs/config.yaml", "changelogs/changelog.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    run("antsibull-changelog", "generate", cwd=tmp_path)
    assert (tmp_path / "CHANGELOG.rst").read_text("utf-8") == (ROOT / "CHANGELOG.rst").read_text("utf-8")


def test_a_clean_clone_builds_it(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", "--no-local", str(ROOT), str(clone), cwd=tmp_path)
    run("make", "collection", cwd=clone)
    version = yaml.safe_load((clone / "galaxy.yml").read_text("utf-8"))["version"]
    with tarfile.open(clone / ".cache/dist" / f"stashops-mail-{version}.tar.gz") as archive:
        names = set(archive.getnames())
    assert {"README.md", "CHANGELOG.rst", "changelogs/changelog.yaml", "docs/README.md", "meta/runtime.yml"} <= names
    assert not [name for name in names if name.startswith(("tests/unit", "molecule", ".github", "demo"))]
