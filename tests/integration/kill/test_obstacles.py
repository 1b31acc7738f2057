# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module where it cannot write: a full disk, a file system or a folder that is read-only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ansible_module import Outcome
from tests.integration.kill import runs
from tests.integration.kill.runs import Wanted

ROOT = Path(__file__).resolve().parents[3]
NOBODY = 65534


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    return runs.prepare(tmp_path_factory.mktemp("wanted"))


def in_namespace(mount: str, folder: Path, options: dict[str, object]) -> Outcome:
    """A run after the shell commands ``mount``, in a mount namespace of its own; ``$1`` in them is ``folder``.

    The folder's contents as they are then come back in the result as ``listing`` and ``content`` (of cacerts).
    """
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    probe = subprocess.run(
        [*unshare, "mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if probe.returncode:
        pytest.skip(f"no file system can be mounted here: {probe.stderr.strip()}")
    script = f'{mount}\n"$2" -m tests.integration.kill.runs\nls -A "$1"\nsha256sum <"$1/cacerts"'
    done = subprocess.run(
        [*unshare, "sh", "-euc", script, "sh", str(folder), sys.executable],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "collections")])},
        input=json.dumps({"path": str(folder / "cacerts"), **options}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, *listing, digest = done.stdout.splitlines()
    result = json.loads(first)
    return Outcome({**result["result"], "listing": listing, "content": digest.split()[0]}, result["failed"])


def digest(data: bytes) -> str:
    return subprocess.run(["sha256sum"], input=data, capture_output=True, check=True).stdout.decode().split()[0]


@pytest.mark.parametrize("kilobytes_left", [0, 8, 24])
def test_a_full_disk(tmp_path: Path, wanted: Wanted, kilobytes_left: int) -> None:
    """Full at once, and full in the middle of writing."""
    source = tmp_path / "old"
    source.write_bytes(wanted.contents[0])
    folder = tmp_path / "disk"
    folder.mkdir()
    size = len(wanted.contents[0])
    assert size > 24 * 1024, "the new file would fit"
    # tmpfs counts in pages of 4 KB.
    pages = -(-size // 4096) + kilobytes_left // 4
    mount = f'mount -t tmpfs -o size={pages * 4096} tmpfs "$1"\ncat "{source}" >"$1/cacerts"'
    outcome = in_namespace(mount, folder, wanted.options[1])
    assert outcome.failed
    assert "the disk is full" in outcome.message
    assert outcome.result["listing"] == ["cacerts"]
    assert outcome.result["content"] == digest(wanted.contents[0])


def test_a_read_only_file_system(tmp_path: Path, wanted: Wanted) -> None:
    (tmp_path / "cacerts").write_bytes(wanted.contents[0])
    mount = 'mount --bind "$1" "$1"\nmount -o remount,bind,ro "$1"'
    outcome = in_namespace(mount, tmp_path, wanted.options[1])
    assert outcome.failed
    assert "Read-only file system" in outcome.message
    assert outcome.result["listing"] == ["cacerts"]
    assert outcome.result["content"] == digest(wanted.contents[0])


def test_a_folder_of_another_user(shared_path: Path, wanted: Wanted) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be another user")
    folder = shared_path / "folder"
    folder.mkdir(mode=0o755)
    path = folder / "cacerts"
    path.write_bytes(wanted.contents[0])
    base = shared_path / "base"
    base.write_bytes(Path(wanted.options[1]["base"]).read_bytes())
    base.chmod(0o644)
    process = runs.start_as(NOBODY, path, {**wanted.options[1], "base": str(base)}, shared_path / "result")
    process.join(60)
    assert process.exitcode == 0
    outcome = Outcome(**json.loads((shared_path / "result").read_bytes()))
    assert outcome.failed
    assert "Permission denied" in outcome.message
    assert [item.name for item in folder.iterdir()] == ["cacerts"]
    assert path.read_bytes() == wanted.contents[0]
