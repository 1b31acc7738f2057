# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the target: read, replaced, copied and removed, so that nobody who may write nearby can mislead us.

We may be root, and the folders may belong to the product's account. So the folder is opened first, step by step, and
everything is done in what was opened: whoever swaps a folder or a file for a link meanwhile has no effect. A link is
followed where root or we have made it, and one of another account where it leads to what is that account's own.

Whoever reads a replaced file, at whatever moment, sees the old one or the new one, whole. That holds for a full disk, a
kill at any moment, a power cut and two runs at once.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import fnmatch
import itertools
import os
import stat
import time
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

_SUFFIX = ".stash_mail_tmp"
_STALE_SECONDS = 3600
_LOCK_SECONDS = 20.0
_MAX_LINKS = 40
_MAX_COPY = 64 * 1024 * 1024
_MAX_TEXT = 4 * 1024 * 1024
# More names than are in any folder of a product's, and more folders than hold its web application.
_MAX_NAMES = 20_000
_MAX_FOLDERS = 200
# How the text of other's files is encoded and decoded.
TEXT = ("utf-8", "surrogateescape")
# To search in it is enough, so that folders which we may not list can be passed.
_PASS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A FIFO or a device would block or never end; O_NONBLOCK lets the check come after the opening.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC


class Opened(t.NamedTuple):
    """An open file. ``path`` leads to it through its open folder, for what cannot take a ``descriptor``."""

    descriptor: int
    path: str


Prepare = t.Callable[[Opened], object]


def read(path: str, limit: int, where: str | None = None) -> bytes:
    """The contents of a regular file of at most ``limit`` bytes; raises :class:`StashMailError` naming ``where``."""
    data = read_if_there(path, limit, where)
    if data is None:
        raise StashMailError(f"{where or path} cannot be read: {os.strerror(errno.ENOENT)}.")
    return data


def read_if_there(path: str, limit: int, where: str | None = None) -> bytes | None:
    """As :func:`read`; None if there is no such file."""
    name = where or path
    try:
        with _Place(path) as place, place.opened(name) as file:
            return _read(file.descriptor, limit, name)
    except OSError as error:
        if not os.path.lexists(path):
            return None
        raise StashMailError(f"{name} cannot be read: {_reason(error, path)}") from None


def read_text_if_there(path: str, limit: int = _MAX_TEXT) -> str | None:
    """As :func:`read_if_there`, a file of settings as text; bytes that are not UTF-8 survive a round trip."""
    data = read_if_there(path, limit)
    return None if data is None else data.decode(*TEXT)


def stream(path: str) -> t.BinaryIO:
    """A regular file, open for reading; raises ``OSError``, and :class:`StashMailError` for what is no such file."""
    with _Place(path) as place, place.opened(path) as file:
        return open(os.dup(file.descriptor), "rb")


def listed(folder: str | int, most: int | None = None) -> list[str]:
    """The names in a folder, of one that somebody has filled to hold us up the first ones; raises ``OSError``."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in itertools.islice(entries, _MAX_NAMES if most is None else most)]


def matching(top: str, *patterns: str) -> list[str]:
    """The paths below ``top`` whose parts are as ``patterns`` say, in their order, as far as they can be listed.

    All folders together are listed up to as many names as one is: links of another account may lead to the same one.
    """
    found = [top]
    left = _MAX_NAMES
    for pattern in patterns:
        found = found[:_MAX_FOLDERS]
        if not any(character in pattern for character in "*?["):
            found = [os.path.join(folder, pattern) for folder in found]
            continue
        inside = []
        for folder in found:
            with contextlib.suppress(OSError):
                names = listed(folder, left)
                left -= len(names)
                names = [name for name in names if not name.startswith(".")]
                inside += [os.path.join(folder, name) for name in sorted(fnmatch.filter(names, pattern))]
        found = inside
    return [path for path in found if os.path.lexists(path)]


def resolve(path: str) -> str:
    """The path without links, of a file that may be missing; raises :class:`StashMailError` as reading would."""
    try:
        with _Place(path) as place:
            place.check(place.stat(), writing=False)
            return place.path
    except OSError:
        return os.path.abspath(path)  # Reading it says what is wrong.


def replace(
    path: str,
    data: bytes,
    *,
    mode: int = 0o644,
    owner_of_folder: bool = False,
    prepare: Prepare | None = None,
    in_place: bool = False,
) -> None:
    """Make ``data`` the contents of ``path``, in one step and durably.

    A symbolic link is followed: the file it points to is replaced. An existing file's mode and owner are kept;
    ``mode`` is for a new one, and so is ``owner_of_folder``: it shall be its folder's owner's instead of ours.
    ``prepare`` is called with the temporary file before it takes its place, to set owner, mode or SELinux context
    there. ``in_place``: where the file cannot be replaced because it is a mount point of its own, as in containers,
    overwrite it, which is not atomic.

    :raises StashMailError: if that is not possible; the old file is then as it was.
    """
    try:
        with _Place(path) as place:
            place.check(place.stat(), writing=True)
            _replace(place, data, mode, owner_of_folder, prepare, in_place)
    except OSError as error:
        raise StashMailError(f"{path} cannot be written: {_reason(error, path)}") from None


def backup(path: str, prepare: Prepare | None = None) -> str:
    """Copy the file to one beside it with a timestamp in its name, which is returned.

    Owner, mode and dates are those of the file. ``prepare`` is called with the copy before it gets its contents.

    :raises StashMailError: if that is not possible.
    """
    try:
        with _Place(path) as place, place.opened() as original:
            info = os.fstat(original.descriptor)
            place.check(info, writing=True)
            data = _read(original.descriptor, _MAX_COPY, path)
            name = f"{place.name}.{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S~')}"
            while place.exists(name):  # the second one of a run within a second
                name += "~"
            descriptor = _create(name, place.folder)
            try:
                with open(descriptor, "wb") as stream:
                    _take_permissions(info, descriptor)
                    if prepare:
                        prepare(place.through(descriptor, name))
                    stream.write(data)
                    stream.flush()
                    os.utime(descriptor, ns=(info.st_atime_ns, info.st_mtime_ns))
                    os.fsync(descriptor)
            except BaseException:
                os.unlink(name, dir_fd=place.folder)
                raise
            _sync(place.folder)
            return os.path.join(os.path.dirname(place.path), name)
    except OSError as error:
        raise StashMailError(f"{path} cannot be copied to a backup: {_reason(error, path)}") from None


@contextlib.contextmanager
def opened(path: str) -> t.Iterator[Opened]:
    """A regular file, to change its attributes; raises :class:`StashMailError`."""
    try:
        with _Place(path) as place, place.opened(writing=True) as file:
            yield file
    except OSError as error:
        raise StashMailError(f"{path} cannot be changed: {_reason(error, path)}") from None


def make_folder(path: str, mode: int = 0o755, prepare: Prepare | None = None) -> bool:
    """Make a folder in one that exists, with just this mode whatever the umask; returns whether it was missing.

    ``prepare`` is called with the new folder. Raises :class:`StashMailError`.
    """
    try:
        with _Place(path) as place:
            if place.stat() is not None:
                return False
            place.check(None, writing=True)
            os.mkdir(place.name, 0o700, dir_fd=place.folder)
            descriptor = os.open(place.name, _LIST, dir_fd=place.folder)
            try:
                if os.fstat(descriptor).st_uid != os.geteuid():
                    raise StashMailError(f"{path} was swapped for another folder while it was made: see who did.")
                if prepare:
                    prepare(place.through(descriptor, place.name))
                os.fchmod(descriptor, mode)
            finally:
                os.close(descriptor)
            _sync(place.folder)
            return True
    except OSError as error:
        raise StashMailError(f"The folder {path} cannot be made: {_reason(error, path)}") from None


def check_replaceable(path: str) -> None:
    """Raise :class:`StashMailError` where :func:`replace` could not make a file of this name. Nothing is left there."""
    try:
        with _Place(path) as place:
            place.check(place.stat(), writing=True)
            descriptor, temporary = _make_temporary(place)
            os.close(descriptor)
            os.unlink(temporary, dir_fd=place.folder)
    except OSError as error:
        raise StashMailError(f"{path} cannot be written: {_reason(error, path)}") from None


def set_aside(path: str, suffix: str) -> None:
    """Rename a file, or a link itself, to its name with ``suffix``; raises :class:`StashMailError`."""
    try:
        with _Place(path, follow=False) as place:
            place.check(place.stat(), writing=True)
            os.replace(place.name, place.name + suffix, src_dir_fd=place.folder, dst_dir_fd=place.folder)
            _sync(place.folder)
    except OSError as error:
        raise StashMailError(f"{path} cannot be renamed: {_reason(error, path)}") from None


def remove(path: str, with_empty_folder: bool = False) -> None:
    """Remove a file durably, or a link itself; raises :class:`StashMailError`.

    ``with_empty_folder``: its folder goes too, if nothing else is in it.
    """
    try:
        with _Place(path, follow=False) as place:
            place.check(place.stat(), writing=True)
            os.unlink(place.name, dir_fd=place.folder)
            _sync(place.folder)
        if with_empty_folder:
            with contextlib.suppress(OSError), _Place(os.path.dirname(place.path), follow=False) as above:
                os.rmdir(above.name, dir_fd=above.folder)  # fails where somebody else's files are in it
    except OSError as error:
        raise StashMailError(f"{path} cannot be removed: {_reason(error, path)}") from None


def remove_leftovers(path: str) -> None:
    """Remove what killed runs of :func:`replace` left beside ``path``; whatever cannot be removed stays."""
    with contextlib.suppress(OSError, StashMailError), _Place(path) as place:
        place.check(None, writing=True)
        _remove_leftovers(place)


@contextlib.contextmanager
def locked(folder: str, seconds: float = _LOCK_SECONDS) -> t.Iterator[None]:
    """Hold the lock of a folder, alone among our runs; raises :class:`StashMailError` after ``seconds``."""
    try:
        with _Place(folder) as place:
            place.check(place.stat(), writing=True)
            descriptor = os.open(place.name, _LIST, dir_fd=place.folder)
        try:
            _lock(descriptor, seconds, folder)
            yield
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StashMailError(f"The folder {folder} cannot be locked: {_reason(error, folder)}") from None


def keep_context(module: AnsibleModule, path: str) -> Prepare:
    """What gives a temporary file the SELinux context that ``path`` has, or would have as a new file."""

    def prepare(temporary: Opened) -> None:
        if module.selinux_enabled():
            there = os.path.lexists(path)
            context = module.selinux_context(path) if there else module.selinux_default_context(path)
            module.set_context_if_different(temporary.path, context, False)

    return prepare


class _Place:
    """A name in a folder that is held open, found link by link. A context manager."""

    def __init__(self, path: str, follow: bool = True) -> None:
        self.path = ""
        self.name = "."
        # The accounts that made the links which led here, and whether others may look at what lies behind these.
        self._makers: set[int] = set()
        self._is_public = True
        if not _is_name(path):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self.folder = os.open("/", _PASS)
        try:
            self._walk(os.path.abspath(path), follow)
        except BaseException:
            os.close(self.folder)
            raise

    def __enter__(self) -> _Place:
        return self

    def __exit__(self, *_details: object) -> None:
        os.close(self.folder)

    def stat(self) -> os.stat_result | None:
        """What is under this name, not followed; None if nothing is."""
        return self._stat(self.name)

    def exists(self, name: str) -> bool:
        """Whether there is anything of this name in the folder."""
        return self._stat(name) is not None

    def through(self, descriptor: int, name: str) -> Opened:
        """An open file of this folder under its name."""
        return Opened(descriptor, f"/proc/self/fd/{self.folder}/{name}")

    @contextlib.contextmanager
    def opened(self, where: str | None = None, writing: bool = False) -> t.Iterator[Opened]:
        """The regular file under this name, open for reading."""
        info = self.stat()
        if info is not None and not stat.S_ISREG(info.st_mode):
            raise StashMailError(f"{where or self.path} is not a file.")
        descriptor = os.open(self.name, _READ, dir_fd=self.folder)
        try:
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode):
                raise StashMailError(f"{where or self.path} is not a file.")
            self.check(info, writing)
            yield self.through(descriptor, self.name)
        finally:
            os.close(descriptor)

    def check(self, info: os.stat_result | None, writing: bool) -> None:
        """Raise :class:`StashMailError` if another account has led us to what is not its own."""
        folder = os.fstat(self.folder)
        is_for_others = _is_for_others(folder)
        is_shared = folder.st_uid not in _trusted() or is_for_others
        is_linked = bool(info and stat.S_ISREG(info.st_mode) and info.st_nlink > 1)
        # In a folder that others may write to, its owner says nothing about who has made the name.
        if info and is_linked and is_shared and (info.st_uid != folder.st_uid or is_for_others):
            raise StashMailError(
                f"{self.path} is not used: it is a second name (a hard link) of a file of {_account(info.st_uid)}, "
                f"in a folder of {_account(folder.st_uid)}. Remove it, and see who made it."
            )
        if not self._makers or self._makers == {folder.st_uid}:
            return
        if info and not writing:
            is_readable = self._is_public and info.st_mode & stat.S_IROTH
            if is_readable or self._makers == {info.st_uid}:
                return
        makers = " and ".join(sorted(_account(maker) for maker in self._makers))
        owner = _account(info.st_uid if info else folder.st_uid)
        raise StashMailError(
            f"{self.path} is not used: a symbolic link of {makers} led there, and it is in the hands of {owner}. "
            "Put what the link stands for in its place, or let root make the link, in a folder of root."
        )

    def _stat(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _walk(self, path: str, follow: bool) -> None:
        todo = path.split("/")[::-1]
        walked: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                self._enter(part)
                walked, self.name = walked[:-1], "."
                continue
            is_last = not any(todo)
            info = self._stat(part)
            if info is not None and stat.S_ISLNK(info.st_mode) and (follow or not is_last):
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                self._note(info)
                target = os.readlink(part, dir_fd=self.folder)
                if target.startswith("/"):
                    self._enter("/")
                    walked = []
                todo += target.split("/")[::-1]
            elif is_last:
                self.name = part
                walked.append(part)
            else:
                self._enter(part)
                walked.append(part)
        self.path = "/" + "/".join(walked)

    def _note(self, link: os.stat_result) -> None:
        """Remember who made a link: its owner, or who may rename one of root's into its place."""
        trusted, folder = _trusted(), os.fstat(self.folder)
        maker = link.st_uid if link.st_uid not in trusted else folder.st_uid
        if maker in trusted and _is_for_others(folder) and not folder.st_mode & stat.S_ISVTX:
            maker = -1
        if maker not in trusted:
            self._is_public = self._is_public if self._makers else True
            self._makers.add(maker)

    def _enter(self, name: str) -> None:
        descriptor = os.open(name, _PASS, dir_fd=self.folder)
        os.close(self.folder)
        self.folder = descriptor
        self._is_public = self._is_public and bool(os.fstat(descriptor).st_mode & stat.S_IXOTH)


def _is_name(path: str) -> bool:
    """Whether a file can have this path: no text that others wrote into a script makes our own calls fail."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _trusted() -> tuple[int, int]:
    return (0, os.geteuid())


def _is_for_others(folder: os.stat_result) -> bool:
    """Whether everybody, or the members of a group that is neither root's nor ours, may make names in a folder."""
    by_group = folder.st_mode & stat.S_IWGRP and folder.st_gid not in (0, os.getegid())
    return bool(by_group or folder.st_mode & stat.S_IWOTH)


def _account(uid: int) -> str:
    import pwd

    if uid < 0:
        return "accounts other than root"
    try:
        return f"the account {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the account {uid}"


def _read(descriptor: int, limit: int, name: str) -> bytes:
    too_large = f"{name} is larger than {limit} bytes, so it is not what is expected here."
    if os.fstat(descriptor).st_size > limit:
        raise StashMailError(too_large)
    with open(descriptor, "rb", closefd=False) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise StashMailError(too_large)
    return data


def _replace(
    place: _Place, data: bytes, mode: int, owner_of_folder: bool, prepare: Prepare | None, in_place: bool
) -> None:
    _remove_leftovers(place)
    descriptor, temporary = _make_temporary(place)
    renamed = False
    try:
        with open(descriptor, "w+b") as stream:
            stream.write(data)
            stream.flush()
            old = place.stat()
            if old is not None:
                _take_permissions(old, descriptor)
            else:
                if owner_of_folder:
                    folder = os.fstat(place.folder)
                    os.fchown(descriptor, folder.st_uid, folder.st_gid)
                os.fchmod(descriptor, mode)
            if prepare:
                prepare(place.through(descriptor, temporary))
            os.fsync(descriptor)
            stream.seek(0)
            # Still open, for its lock ends with it, and others would take it for a leftover.
            if stream.read(len(data) + 1) != data:
                raise OSError(errno.EIO, "what was written reads back differently")
            try:
                os.rename(temporary, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
                renamed = True
            except OSError as error:
                if not (in_place and error.errno in (errno.EBUSY, errno.EXDEV)):
                    raise
                _overwrite(place, data)
        _sync(place.folder)
    finally:
        if not renamed:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=place.folder)


def _take_permissions(old: os.stat_result, descriptor: int) -> None:
    new = os.fstat(descriptor)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    # After the owner, since changing that clears set-user-id bits.
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _overwrite(place: _Place, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(place.name, flags, dir_fd=place.folder), "wb") as stream:
        info = os.fstat(stream.fileno())
        place.check(info, writing=True)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "it is not a file")
        stream.write(data)
        stream.truncate()
        stream.flush()
        os.fsync(stream.fileno())


def _sync(folder: int) -> None:
    descriptor = os.open(".", _LIST, dir_fd=folder)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and overlay file systems cannot; the rename has happened all the same.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise
    finally:
        os.close(descriptor)


def _create(name: str, folder: int) -> int:
    return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)


def _make_temporary(place: _Place) -> tuple[int, str]:
    """A temporary file, locked for as long as this process lives, so that other runs leave it alone."""
    while True:
        # Not by tempfile, whose imports (random, bz2, lzma) take a fifth of the time of making a whole truststore.
        name = f".{place.name}.{os.urandom(8).hex()}{_SUFFIX}"
        descriptor = _create(name, place.folder)
        with contextlib.suppress(OSError):  # file systems without locks
            # Another run that looks for leftovers holds it for a moment, nobody for longer: only we may open it.
            _lock(descriptor, _LOCK_SECONDS, place.path)
        # That run may have taken it for one in between.
        if os.fstat(descriptor).st_nlink:
            return descriptor, name
        os.close(descriptor)


def _remove_leftovers(place: _Place) -> None:
    with contextlib.suppress(OSError):
        folder = os.open(".", _LIST, dir_fd=place.folder)
        try:
            for item in listed(folder):
                if item.startswith(f".{place.name}.") and item.endswith(_SUFFIX):
                    with contextlib.suppress(OSError):
                        _remove_leftover(item, folder)
        finally:
            os.close(folder)


def _remove_leftover(name: str, folder: int) -> None:
    """Remove a temporary file whose run is gone: nobody holds its lock, or there are no locks and it is old."""
    descriptor = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        except OSError:
            if time.time() - os.fstat(descriptor).st_mtime < _STALE_SECONDS:
                return
        os.unlink(name, dir_fd=folder)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, seconds: float, name: str) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise StashMailError(
                    f"Another process has held the lock of {name} for {seconds:g} seconds. "
                    "If that is another run, wait for its end; else see who it is: lsof or /proc/locks tell."
                ) from None
            time.sleep(0.01)
        else:
            return


def _reason(error: OSError, path: str) -> str:
    folder = os.path.dirname(os.path.abspath(path))
    if error.errno == errno.ENOENT and not os.path.isdir(folder):
        return f"its folder {folder} is not there. Create it first."
    if error.errno == errno.EBUSY:
        return "it is a mount point of its own. Mount its folder instead, or set unsafe_writes."
    if error.errno == errno.ENOSPC:
        return "the disk is full. Free some space; the old file is as it was."
    return f"{error.strerror or error}."
