# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root's work in folders of an account that strangers may have taken over: what that account tries has no effect."""

from __future__ import annotations

import fcntl
import os
import stat
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other accounts")

ATTACKER = 12345
LIMIT = 1_000_000


class Host(t.NamedTuple):
    """``of_root`` only root may write to; ``home`` belongs to the attacker's account."""

    of_root: Path
    home: Path
    secret: Path
    public: Path

    def link(self, name: str, target: Path, owner: int = ATTACKER) -> Path:
        link = self.home / name
        link.symlink_to(target)
        os.chown(link, owner, owner, follow_symlinks=False)
        return link

    def give(self, name: str, text: str = "its own\n", owner: int = ATTACKER) -> Path:
        path = self.home / name
        path.write_text(text)
        os.chown(path, owner, owner)
        return path


@pytest.fixture
def host(shared_path: Path) -> Host:
    return make_host(shared_path)


def make_host(folder: Path) -> Host:
    of_root, home = folder / "root", folder / "home"
    of_root.mkdir(mode=0o755)
    home.mkdir(mode=0o755)
    os.chown(home, ATTACKER, ATTACKER)
    secret, public = of_root / "crontab", of_root / "cacerts"
    secret.write_text("root's own\n")
    secret.chmod(0o600)
    public.write_text("for all\n")
    public.chmod(0o644)
    return Host(of_root, home, secret, public)


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    found = {}
    for path in sorted(folder.iterdir()):
        info = path.lstat()
        found[path.name] = (info.st_mode, info.st_uid, path.read_bytes() if stat.S_ISREG(info.st_mode) else b"")
    return found


WRITES: dict[str, t.Callable[[str], object]] = {
    "replace": lambda path: _files.replace(path, b"evil\n"),
    "backup": _files.backup,
    "check_replaceable": _files.check_replaceable,
    "set_aside": lambda path: _files.set_aside(path, ".damaged"),
    "make_folder": lambda path: _files.make_folder(path + "/new"),
    "opened": lambda path: _files.opened(path).__enter__(),
    "locked": lambda path: _files.locked(path).__enter__(),
}


@pytest.mark.parametrize("name", ["replace", "backup", "opened", "check_replaceable"])
@pytest.mark.parametrize("target", ["secret", "public"])
def test_a_link_to_a_file_of_root_is_not_written_through(host: Host, name: str, target: str) -> None:
    """As ``bitbucket.properties`` that was a link to root's crontab."""
    before = state(host.of_root)
    link = host.link("bitbucket.properties", getattr(host, target))
    with pytest.raises(StashMailError, match=r"symbolic link of the account 12345 led there.*let root make the link"):
        WRITES[name](str(link))
    assert state(host.of_root) == before
    assert os.listdir(host.home) == [link.name]


@pytest.mark.parametrize("name", list(WRITES))
def test_a_link_to_a_folder_of_root_is_not_entered(host: Host, name: str) -> None:
    """As the start script's ``bin`` that was a link to root's ``profile.d``."""
    before = state(host.of_root)
    link = host.link("bin", host.of_root)
    with pytest.raises(StashMailError, match="symbolic link of the account 12345"):
        WRITES[name](str(link) if name in ("make_folder", "locked") else str(link / "cacerts"))
    assert state(host.of_root) == before


def test_a_link_does_not_lead_to_where_a_file_is_missing(host: Host) -> None:
    host.link("bin", host.of_root)
    with pytest.raises(StashMailError, match="symbolic link of the account 12345"):
        _files.replace(str(host.home / "bin" / "evil.sh"), b"evil\n")
    with pytest.raises(StashMailError, match="symbolic link of the account 12345"):
        _files.remove(str(host.home / "bin" / "crontab"))
    assert set(state(host.of_root)) == {"crontab", "cacerts"}


@pytest.mark.parametrize("way", ["link", "chain", "hard link"])
def test_what_only_root_may_read_is_not_read(host: Host, way: str) -> None:
    """As a linked start script that showed a file of root's in a difference."""
    path = host.home / "script"
    if way == "hard link":
        os.link(host.secret, path)
    elif way == "chain":
        host.link("second", host.secret)
        host.link("script", host.home / "second")
    else:
        host.link("script", host.secret)
    with pytest.raises(StashMailError, match=r"(script|crontab) is not used") as caught:
        _files.read(str(path), LIMIT)
    assert "root's own" not in str(caught.value)
    with pytest.raises(StashMailError, match="is not used"):
        _files.resolve(str(path))


def test_a_hard_link_in_a_folder_for_everybody(host: Host) -> None:
    """Where the system lets everybody link to what he may not write, its owner says nothing about who did."""
    folder = host.of_root / "tmp"
    folder.mkdir()
    folder.chmod(0o1777)
    os.link(host.secret, folder / "script")
    for work in (lambda path: _files.read(path, LIMIT), WRITES["replace"], WRITES["opened"]):
        with pytest.raises(StashMailError, match="a second name"):
            work(str(folder / "script"))


@pytest.mark.parametrize("mode", [0o775, 0o757], ids=["its group", "everybody"])
@pytest.mark.parametrize("way", ["link", "hard link"])
def test_what_root_owns_and_others_may_write_to(host: Host, mode: int, way: str) -> None:
    """As ``/opt/atlassian`` of ``root:bitbucket``: who may rename what is in it says where root's links lead."""
    folder = host.of_root / "shared"
    folder.mkdir()
    os.chown(folder, 0, ATTACKER)
    folder.chmod(mode)
    if way == "link":
        (folder / "script").symlink_to(host.secret)
    else:
        os.link(host.secret, folder / "script")
    for work in (lambda path: _files.read(path, LIMIT), WRITES["replace"], WRITES["backup"], WRITES["opened"]):
        with pytest.raises(
            StashMailError, match=r"is not used: (a symbolic link of accounts other than root|it is a second)"
        ):
            work(str(folder / "script"))
    assert host.secret.read_text() == "root's own\n"


def test_what_a_group_of_root_may_write_to_is_roots(host: Host) -> None:
    """With the umask 002 every folder of an account's is its group's, which is its own."""
    folder = host.of_root / "shared"
    folder.mkdir()
    folder.chmod(0o775)
    (folder / "link").symlink_to(host.secret)
    _files.replace(str(folder / "link"), b"new\n")
    assert host.secret.read_bytes() == b"new\n"


def test_a_link_of_root_that_only_root_can_rename(host: Host) -> None:
    folder = host.of_root / "shared"
    folder.mkdir()
    os.chown(folder, 0, ATTACKER)
    folder.chmod(0o1775)
    (folder / "link").symlink_to(host.secret)
    _files.replace(str(folder / "link"), b"new\n")
    assert host.secret.read_bytes() == b"new\n"


def test_a_folder_filled_with_names(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_files, "_MAX_NAMES", 100)
    library = host.home / "app" / "WEB-INF" / "lib"
    library.mkdir(parents=True)
    for number in range(300):
        (library / f"mail-{number}.jar").touch()
    assert len(_files.listed(str(library))) == 100
    found = _files.matching(str(host.home), "*", "WEB-INF", "lib", "*mail*.jar")
    assert len(found) == 99, "in all, with the one above it"
    assert all(Path(path).parent == library for path in found)
    assert _files.matching(str(host.home), "*", "WEB-INF", "nothing", "*.jar") == []
    assert _files.matching(str(host.home), "app", "WEB-INF") == [str(library.parent)]


def test_what_is_looked_at_stays_and_what_is_set_aside_is_kept(host: Host) -> None:
    path = host.give("record")
    _files.check_replaceable(str(path))
    assert os.listdir(host.home) == ["record"]
    _files.set_aside(str(path), ".damaged")
    assert (os.listdir(host.home), (host.home / "record.damaged").read_text()) == (["record.damaged"], "its own\n")


def test_a_file_that_all_may_read_but_not_reach_is_not_read(host: Host) -> None:
    host.of_root.chmod(0o700)
    host.link("script", host.public)
    with pytest.raises(StashMailError, match="is not used"):
        _files.read(str(host.home / "script"), LIMIT)


def test_what_all_may_read_is_read(host: Host) -> None:
    """As a ``jre`` that the product's account has linked to the system's Java."""
    assert _files.read(str(host.link("cacerts", host.public)), LIMIT) == b"for all\n"


def test_a_link_of_root_works_as_packagers_make_it(host: Host) -> None:
    link = host.of_root / "link"
    link.symlink_to("cacerts")
    _files.replace(str(link), b"new\n")
    assert link.is_symlink()
    assert host.public.read_bytes() == b"new\n"


def test_a_link_of_an_account_to_what_is_its_own_works(host: Host) -> None:
    """As ``current``, which points to the release in use."""
    releases = host.home / "9.4"
    releases.mkdir()
    os.chown(releases, ATTACKER, ATTACKER)
    host.link("current", Path("9.4"))
    script = releases / "setenv.sh"
    script.write_text("old\n")
    os.chown(script, ATTACKER, ATTACKER)
    _files.replace(str(host.home / "current" / "setenv.sh"), b"new\n")
    assert script.read_bytes() == b"new\n"
    assert (script.stat().st_uid, _files.resolve(str(host.home / "current" / "setenv.sh"))) == (ATTACKER, str(script))


def test_a_link_of_root_in_a_folder_of_another_leads_to_that_others_files_only(host: Host) -> None:
    """Who owns the folder may rename what root has put there."""
    with pytest.raises(StashMailError, match="is not used"):
        _files.replace(str(host.link("moved", host.secret, owner=0)), b"evil\n")
    host.give("own")
    _files.replace(str(host.link("fine", Path("own"), owner=0)), b"new\n")
    assert (host.home / "own").read_bytes() == b"new\n"


@pytest.mark.parametrize("work", ["replace", "backup", "attributes"])
def test_swapped_in_the_middle(host: Host, work: str) -> None:
    """Another thread swaps the folder ``bin``, then the file in it, for links to what is root's, and back."""
    before = state(host.of_root)
    folder = host.home / "bin"
    folder.mkdir()
    os.chown(folder, ATTACKER, ATTACKER)
    script = folder / "cacerts"
    script.write_text("old\n")
    os.chown(script, ATTACKER, ATTACKER)
    (host.home / "link").symlink_to(host.of_root)
    (host.home / "file").symlink_to(host.secret)
    for name in ("link", "file"):
        os.chown(host.home / name, ATTACKER, ATTACKER, follow_symlinks=False)
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            folder.rename(host.home / "real")
            (host.home / "link").rename(folder)
            folder.rename(host.home / "link")
            (host.home / "real").rename(folder)
            try:
                script.rename(folder / "real")
                (host.home / "file").rename(script)
                script.rename(host.home / "file")
                (folder / "real").rename(script)
            except FileNotFoundError:
                pass  # replaced meanwhile

    def attributes() -> None:
        with _files.opened(str(script)) as file:
            os.fchmod(file.descriptor, 0o644)

    swapper = threading.Thread(target=swap)
    swapper.start()
    done = refused = 0
    end = time.monotonic() + 30
    try:
        while (done < 100 or refused < 20) and time.monotonic() < end:
            try:
                if work == "attributes":
                    attributes()
                elif work == "backup":
                    os.unlink(_files.backup(str(script)))
                else:
                    _files.replace(str(script), b"new\n")
                done += 1
            except (StashMailError, FileNotFoundError):
                refused += 1
    finally:
        ended.set()
        swapper.join()
    assert state(host.of_root) == before
    assert done
    assert refused


def test_a_backup_is_its_owners_as_the_file_is(host: Host) -> None:
    path = host.give("setenv.sh")
    path.chmod(0o640)
    copy = Path(_files.backup(str(path)))
    assert copy.parent == host.home
    assert copy.read_bytes() == path.read_bytes()
    assert (copy.stat().st_uid, stat.S_IMODE(copy.stat().st_mode)) == (ATTACKER, 0o640)
    assert copy.stat().st_mtime_ns == path.stat().st_mtime_ns


@pytest.mark.parametrize("what", ["fifo", "device", "link to a device", "sparse", "socket folder"])
def test_reading_never_waits_and_never_fills_the_memory(host: Host, what: str) -> None:
    path = host.home / "script"
    if what == "fifo":
        os.mkfifo(path)
    elif what == "device":
        try:
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("no device can be made here")
    elif what == "link to a device":
        host.link("script", Path("/dev/zero"))
    elif what == "sparse":
        with path.open("wb") as stream:
            stream.truncate(20 << 30)
    else:
        path.mkdir()
    started = time.monotonic()
    with pytest.raises(StashMailError, match=r"is not a file|is larger than|is not used"):
        _files.read(str(path), LIMIT)
    if what != "sparse":
        with pytest.raises(StashMailError, match=r"is not a file|is not used"):
            _files.backup(str(path))
    assert time.monotonic() - started < 2


def test_links_in_a_circle_end(host: Host) -> None:
    host.link("a", Path("b"))
    host.link("b", Path("a"))
    with pytest.raises(StashMailError, match="cannot be read"):
        _files.read(str(host.home / "a"), LIMIT)


def test_a_lock_that_another_holds_for_ever(host: Host) -> None:
    descriptor = os.open(host.home, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        started = time.monotonic()
        with (
            pytest.raises(StashMailError, match=r"held the lock of .* for 0\.2 seconds"),
            _files.locked(str(host.home), 0.2),
        ):
            pass
        assert time.monotonic() - started < 2
    finally:
        os.close(descriptor)
    with _files.locked(str(host.home), 0.2):
        pass


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_a_folder_has_its_mode_whatever_the_umask(host: Host, mask: int) -> None:
    old = os.umask(mask)
    try:
        assert _files.make_folder(str(host.home / "new"))
    finally:
        os.umask(old)
    info = (host.home / "new").stat()
    assert (stat.S_IMODE(info.st_mode), info.st_uid) == (0o755, 0)
    assert not _files.make_folder(str(host.home / "new"))
    with pytest.raises(StashMailError, match="Create it first"):
        _files.make_folder(str(host.home / "no" / "such"))


def test_a_new_file_for_the_folders_owner(host: Host) -> None:
    _files.replace(str(host.home / "new"), b"x", mode=0o640, owner_of_folder=True)
    info = (host.home / "new").stat()
    assert (stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid) == (0o640, ATTACKER, ATTACKER)
