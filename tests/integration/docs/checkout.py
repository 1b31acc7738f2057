# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of this checkout, and namespaces in which ports, names and folders are free."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("java") is None,
    reason="names and ports as the page has them need root, and the product a Java",
)


def copy_checkout(goal: Path) -> Path:
    """The files of the project as they are in the working tree, links as links."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT)
    for name in filter(lambda name: os.path.lexists(ROOT / name), listed.rstrip("\0").split("\0")):
        copy = goal / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy, follow_symlinks=False)
    return goal


def run(*command: str, cwd: Path | None = None) -> str:
    """What a command prints; RuntimeError, with what it said, where it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return done.stdout


def in_namespaces(program: str, folder: Path) -> None:
    """Run ``python -m tests.integration.docs.<program> FOLDER`` with network, mounts and processes of its own."""
    done = subprocess.run(
        [
            *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"),
            # Process 1 is a shell, which takes leave of the processes that end after their parents.
            *("sh", "-c", '"$0" "$@"; exit $?', sys.executable, "-m", f"tests.integration.docs.{program}", str(folder)),
        ],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-8000:]
