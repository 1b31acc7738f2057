# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fingerprint file: what it knows, what it never holds, and who may read it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.password_record import PasswordRecord
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

from tests.pythons.interpreters import TARGET_VERSIONS, interpreter

URL, USER, HOST, SECRET = "https://bitbucket.example.com", "bitbucket", "smtp.example.com", "Grünkohl & Pinkel 9"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "passwords.json"


def test_knows_what_was_recorded(path: Path) -> None:
    assert PasswordRecord(str(path)).matches(URL, USER, HOST, SECRET) is None
    PasswordRecord(str(path)).record(URL, USER, HOST, SECRET)
    again = PasswordRecord(str(path))
    assert again.matches(URL, USER, HOST, SECRET) is True
    assert again.matches(URL, USER, HOST, SECRET + " ") is False
    assert again.matches(URL, USER, "other.example.com", SECRET) is None
    assert again.matches(URL, "other", HOST, SECRET) is None
    assert again.matches("https://other.example.com", USER, HOST, SECRET) is None


def test_file_is_private_slow_and_salted(path: Path) -> None:
    PasswordRecord(str(path)).record(URL, USER, HOST, SECRET)
    first = json.loads(path.read_text())["entries"][URL]
    PasswordRecord(str(path)).record(URL, USER, HOST, SECRET)
    second = json.loads(path.read_text())["entries"][URL]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert first["iterations"] >= 600_000
    assert len(bytes.fromhex(first["salt"])) >= 16
    assert first["salt"] != second["salt"]
    assert first["sha256"] != second["sha256"]
    assert SECRET not in path.read_text()
    assert os.listdir(path.parent) == ["passwords.json"]


def test_fingerprint_is_bound_to_user_and_host(path: Path) -> None:
    """A fingerprint moved to another entry must not say that the password is the same."""
    PasswordRecord(str(path)).record(URL, USER, HOST, SECRET)
    content = json.loads(path.read_text())
    content["entries"][URL]["username"] = "other"
    path.write_text(json.dumps(content))
    assert PasswordRecord(str(path)).matches(URL, "other", HOST, SECRET) is False


def test_instances_do_not_disturb_one_another(path: Path) -> None:
    # Both are opened before either writes, as forks of one controller do.
    one, two = PasswordRecord(str(path)), PasswordRecord(str(path))
    one.record("https://one", USER, HOST, "first")
    two.record("https://two", USER, HOST, "second")
    after = PasswordRecord(str(path))
    assert after.matches("https://one", USER, HOST, "first") is True
    assert after.matches("https://two", USER, HOST, "second") is True
    after.forget("https://one")
    assert PasswordRecord(str(path)).matches("https://one", USER, HOST, "first") is None
    assert PasswordRecord(str(path)).matches("https://two", USER, HOST, "second") is True


def test_forgetting_nothing_touches_nothing(path: Path) -> None:
    PasswordRecord(str(path)).forget(URL)
    assert not path.parent.exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": "something else", "version": 1, "entries": {}}',
        '{"format": "stash_mail password fingerprints", "version": 2, "entries": {}}',
        '{"format": "stash_mail password fingerprints", "version": 1, "entries": []}',
        "\x00\x01",
        "[" * 100_000,
    ],
)
def test_damaged_and_foreign_files_know_nothing_and_are_kept(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    record = PasswordRecord(str(path))
    assert record.damaged
    assert record.matches(URL, USER, HOST, SECRET) is None
    record.record(URL, USER, HOST, SECRET)
    again = PasswordRecord(str(path))
    assert again.matches(URL, USER, HOST, SECRET) is True
    assert not again.damaged
    assert path.with_name("passwords.json.damaged").read_text() == content


@pytest.mark.parametrize(
    "change",
    [
        {"salt": "zz"},
        {"salt": ""},
        {"sha256": ""},
        {"iterations": 0},
        {"iterations": 10**12},
        {"iterations": "many"},
        {"sha256": None},
    ],
)
def test_damaged_entries_know_nothing(path: Path, change: dict[str, object]) -> None:
    PasswordRecord(str(path)).record(URL, USER, HOST, SECRET)
    content = json.loads(path.read_text())
    content["entries"][URL].update(change)
    path.write_text(json.dumps(content))
    assert PasswordRecord(str(path)).matches(URL, USER, HOST, SECRET) is None


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PasswordRecord(str(path)).record(URL, USER, HOST, SECRET)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StashMailError, match=r"disk is full.*written and read back"):
        PasswordRecord(str(path)).record(URL, USER, HOST, "another")
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["passwords.json"]


def test_a_readable_file_becomes_private(path: Path) -> None:
    PasswordRecord(str(path)).record(URL, USER, HOST, SECRET)
    path.chmod(0o644)
    PasswordRecord(str(path)).record(URL, USER, HOST, SECRET)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", ["/proc/stash_mail/passwords.json", "file/passwords.json"])
def test_places_that_cannot_be_written_are_said(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StashMailError, match=r"password_state_path .*cannot be written"):
        PasswordRecord(str(tmp_path / place)).check_writable()


def test_a_path_that_is_no_file_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for place in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(StashMailError, match="password_state_path"):
            PasswordRecord(str(place))


@pytest.mark.parametrize("version", TARGET_VERSIONS)
def test_every_python_reads_the_others_files(version: str, path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    PasswordRecord(str(path)).record(URL, USER, HOST, SECRET)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.password_record import PasswordRecord\n"
        "f = PasswordRecord(sys.argv[2]); print(f.matches(*sys.argv[3:])); f.record(*sys.argv[3:])\n"
    )
    done = subprocess.run(
        [python, "-I", "-S", "-X", "utf8", "-c", script, str(ROOT / "collections"), str(path), URL, USER, HOST, SECRET],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == "True", done.stderr
    assert PasswordRecord(str(path)).matches(URL, USER, HOST, SECRET) is True


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give links to other accounts")
@pytest.mark.parametrize("there", [True, False])
def test_a_link_of_another_account_leads_nowhere(tmp_path: Path, there: bool) -> None:
    """The record's folder, swapped for a link to a folder of root's by an account that may write beside it."""
    precious, home = tmp_path / "precious", tmp_path / "home"
    precious.mkdir()
    home.mkdir()
    os.chown(home, 12345, 12345)
    (home / "state").symlink_to(precious)
    os.chown(home / "state", 12345, 12345, follow_symlinks=False)
    record = PasswordRecord(str(home / "state" / ("" if there else "further") / "passwords.json"))
    with pytest.raises(StashMailError, match="symbolic link of the account 12345 led there"):
        record.check_writable()
    with pytest.raises(StashMailError, match="symbolic link of the account 12345 led there"):
        record.record(URL, USER, HOST, SECRET)
    assert os.listdir(precious) == []
