#!/usr/bin/env python3
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay the collection out as Ansible's own tools want it: below ansible_collections/stashops/mail, without links.

`ansible-test` passes over linked folders in silence, and `ansible-galaxy collection build` would ship the links,
so both work on a copy in which `plugins/modules` and `plugins/filter` are real folders.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What an installed collection is made of; the rest of the checkout serves its developers.
SHIPPED = (
    "CHANGELOG.rst",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "changelogs",
    "docs",
    "galaxy.yml",
    "meta",
    "playbooks",
    "plugins",
    "roles",
    "tests/sanity",
)
# Where a shipped folder's files really are.
LINKED = {"library": "plugins/modules", "filter_plugins": "plugins/filter"}


def project_files() -> list[str]:
    """The files of the project: those git tracks and new ones it does not ignore, as they are in the working tree.

    Where this is no checkout, as in a downloaded archive, all files of the shipped folders are.
    """
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        return _files_without_git()
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607 - git of the PATH
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def _files_without_git() -> list[str]:
    found = []
    for top in (*SHIPPED, *LINKED):
        path = ROOT / top
        # os.walk passes over linked folders; what they show is found in its real place.
        walked = [Path(folder) / name for folder, _, names in os.walk(path) for name in names] or [path]
        found += [file for file in walked if file.is_file() and file.suffix != ".pyc"]
    return sorted(file.relative_to(ROOT).as_posix() for file in found)


def staged_name(name: str) -> str | None:
    """Where a file of the project goes in the collection; ``None`` for one that is not shipped."""
    top, _, rest = name.partition("/")
    if top in LINKED:
        return f"{LINKED[top]}/{rest}"
    if any(name == shipped or name.startswith(shipped + "/") for shipped in SHIPPED):
        return name
    return None


def stage(target: Path) -> Path:
    """Copy the collection below ``target`` and return its folder; what stood there before is removed."""
    collection = target / "ansible_collections" / "stashops" / "mail"
    if collection.exists():
        shutil.rmtree(collection)
    for name in project_files():
        goal = staged_name(name)
        if goal is None:
            continue
        copy = collection / goal
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy)
    return collection


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path, help="the folder below which the collection is laid out")
    print(stage(parser.parse_args().target))
