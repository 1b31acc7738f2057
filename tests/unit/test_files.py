# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing a file: the old one or the new one, whole, whatever happens."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("STASH_MAIL_KILLS", "40"))


def test_a_name_that_no_file_can_have() -> None:
    """Such as what a script of others makes of $(basename $0)."""
    for path in ("/etc/default/\0", "/etc/\ud800"):
        assert _files.read_if_there(path, 10) is None
        assert _files.read_text_if_there(path) is None
        with pytest.raises(StashMailError, match="cannot be read"):
            _files.read(path, 10)
        with pytest.raises(StashMailError, match="cannot be written"):
            _files.replace(path, b"")


def test_folders_are_searched_within_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links to one full folder, under names that a pattern takes or that it gives."""
    monkeypatch.setattr(_files, "_MAX_NAMES", 300)
    (tmp_path / "full").mkdir()
    for number in range(290):
        (tmp_path / "full" / str(number)).touch()
    (tmp_path / "top").mkdir()
    for number in range(250):
        (tmp_path / "top" / str(number)).symlink_to("../full")
    assert len(_files.matching(str(tmp_path / "top"), "*")) == 250
    assert len(_files.matching(str(tmp_path / "top"), "*", "*")) <= 300
    assert len(_files.matching(str(tmp_path / "top"), "*", "7")) == 200


def leftovers(folder: Path) -> list[str]:
    return [item.name for item in folder.iterdir() if item.name.endswith(".stash_mail_tmp")]


def test_a_new_file_is_readable_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "new"
    old = os.umask(0o077)
    try:
        _files.replace(str(path), b"data")
    finally:
        os.umask(old)
    assert path.read_bytes() == b"data"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert leftovers(tmp_path) == []


def test_an_old_file_keeps_its_mode_and_owner(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"old")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 12345, 54321)
    before = path.stat()
    _files.replace(str(path), b"new")
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert path.read_bytes() == b"new"
    assert after.st_ino != before.st_ino


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    _files.replace(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_prepare_sees_the_whole_file_and_its_failure_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    seen = []
    _files.replace(str(path), b"new", prepare=lambda temporary: seen.append(Path(temporary.path).read_bytes()))
    assert seen == [b"new"]

    def refuse(temporary: _files.Opened) -> None:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        _files.replace(str(path), b"newer", prepare=refuse)
    assert path.read_bytes() == b"new"
    assert leftovers(tmp_path) == []


def test_what_reads_back_differently_is_not_installed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(StashMailError, match="reads back differently"):
        _files.replace(str(path), b"new", prepare=lambda temporary: Path(temporary.path).write_bytes(b"bad"))
    assert path.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StashMailError, match=r"folder .* is not there\. Create it first"):
        _files.replace(str(tmp_path / "no" / "file"), b"x")


def test_a_folder_that_is_not_ours() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "file").write_bytes(b"old")
        folder.chmod(0o555)
        root = os.geteuid() == 0
        if root:  # who may write anywhere, so be someone else for a moment
            os.seteuid(65534)
        try:
            with pytest.raises(StashMailError, match="Permission denied"):
                _files.replace(str(folder / "file"), b"x")
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)
        assert (folder / "file").read_bytes() == b"old"
        assert leftovers(folder) == []


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """A limit on file sizes fails the write half-way, as a full disk does, and needs no root."""
    path = tmp_path / "file"
    path.write_bytes(b"old" * 1000)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, old[1]))
    try:
        with pytest.raises(StashMailError, match="too large"):
            _files.replace(str(path), bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == b"old" * 1000
    assert leftovers(tmp_path) == []


FILL_UP = """
import sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.stashops.mail.plugins.module_utils import _errors, _files
_files.replace("file", b"old" * 20_000)
try:
    _files.replace("file", bytes(160_000))
except _errors.StashMailError as error:
    print(error)
import os
assert open("file", "rb").read() == b"old" * 20_000
assert os.listdir() == ["file"], os.listdir()
"""


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """On a real file system of 200 KB, mounted for this test's own process only."""
    mount = ["unshare", "--mount", "--map-root-user"] if os.geteuid() else ["unshare", "--mount"]
    probe = subprocess.run([*mount, "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"no file system can be mounted here: {probe.stderr.decode().strip()}")
    script = 'mount -t tmpfs -o size=200k tmpfs "$1" && cd "$1" && shift && exec "$@"'
    command = [*mount, "sh", "-c", script, "sh", str(tmp_path)]
    command += [sys.executable, "-I", "-S", "-c", FILL_UP, str(ROOT / "collections")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "the disk is full" in done.stdout


def test_the_message_of_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StashMailError, match="disk is full"):
        _files.replace(str(tmp_path / "file"), b"x")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_a_mount_point_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(source: str, target: str, **_folders: int) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    path = tmp_path / "file"
    path.write_bytes(b"old and longer")
    monkeypatch.setattr(os, "rename", busy)
    with pytest.raises(StashMailError, match="unsafe_writes"):
        _files.replace(str(path), b"new")
    assert path.read_bytes() == b"old and longer"
    _files.replace(str(path), b"new", in_place=True)
    assert path.read_bytes() == b"new"
    assert leftovers(tmp_path) == []


def test_leftovers_are_removed_but_not_what_a_run_is_writing(tmp_path: Path) -> None:
    left, written, other = (tmp_path / name for name in (".f.a.stash_mail_tmp", ".f.b.stash_mail_tmp", ".g.stale"))
    for path in (left, written, other):
        path.write_bytes(b"")
    with written.open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        _files.replace(str(tmp_path / "f"), b"x")
    assert (left.exists(), written.exists(), other.exists()) == (False, True, True)


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert _files.read(str(path), 5) == b"12345"
    assert _files.read_if_there(str(tmp_path / "no"), 5) is None
    with pytest.raises(StashMailError, match="larger than 4"):
        _files.read(str(path), 4)
    with pytest.raises(StashMailError, match=r"the name .*No such file"):
        _files.read(str(tmp_path / "no"), 5, "the name")
    with pytest.raises(StashMailError, match=r"is not a file|Is a directory"):
        _files.read(str(tmp_path), 5)


def test_reading_a_fifo_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(StashMailError, match="is not a file"):
        _files.read(str(tmp_path / "fifo"), 5)


def test_removing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    _files.remove(str(path))
    assert not path.exists()
    with pytest.raises(StashMailError, match="cannot be removed"):
        _files.remove(str(path))


def test_two_writers_and_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = [bytes([letter]) * 200_000 for letter in b"ab"]
    _files.replace(str(path), contents[0])

    failed = []

    def write(data: bytes) -> None:
        try:
            for _ in range(300):
                _files.replace(str(path), data)
        except StashMailError as error:
            failed.append(error)

    writers = [threading.Thread(target=write, args=(data,)) for data in contents]
    for writer in writers:
        writer.start()
    reads = 0
    while any(writer.is_alive() for writer in writers):
        assert path.read_bytes() in contents
        reads += 1
    for writer in writers:
        writer.join()
    assert failed == []
    assert reads > 0
    assert leftovers(tmp_path) == []


WRITE_FOR_EVER = """
import sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.stashops.mail.plugins.module_utils import _files
print("ready", flush=True)
number = 0
while True:
    number += 1
    _files.replace(sys.argv[2], (b"%08d" % number) * 25_000)
"""


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """Kills a process that does nothing but replace the file, KILLS times (STASH_MAIL_KILLS sets how often)."""
    path = tmp_path / "file"
    rng = random.Random(1)  # noqa: S311 - moments, not secrets
    seen = set()
    for _ in range(KILLS):
        command = [sys.executable, "-I", "-S", "-c", WRITE_FOR_EVER, str(ROOT / "collections"), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0.001, 0.03))
            process.kill()
        if path.exists():
            data = path.read_bytes()
            assert len(data) == 200_000
            assert data == data[:8] * 25_000
            seen.add(data[:8])
    assert seen, "no process lived long enough to write once"
