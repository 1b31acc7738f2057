# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing a file so that whoever reads it, at whatever moment, sees the old one or the new one, whole.

That holds for a full disk, a kill at any moment, a power cut and two runs at once.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

_SUFFIX = ".stash_mail_tmp"
_STALE_SECONDS = 3600


def read(path: str, limit: int, where: str | None = None) -> bytes:
    """The contents of a regular file of at most ``limit`` bytes; raises :class:`StashMailError` naming ``where``."""
    name = where or path
    try:
        # A FIFO or a device would block or never end; O_NONBLOCK lets the check come after the opening.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise StashMailError(f"{name} is not a file.")
            data = stream.read(limit + 1)
    except OSError as error:
        raise StashMailError(f"{name} cannot be read: {error.strerror}.") from None
    if len(data) > limit:
        raise StashMailError(f"{name} is larger than {limit} bytes, so it is not what is expected here.")
    return data


def read_if_there(path: str, limit: int, where: str | None = None) -> bytes | None:
    """As :func:`read`; None if there is no such file."""
    if not os.path.lexists(path):
        return None
    return read(path, limit, where)


def replace(
    path: str,
    data: bytes,
    *,
    mode: int = 0o644,
    prepare: t.Callable[[str], object] | None = None,
    in_place: bool = False,
) -> None:
    """Make ``data`` the contents of ``path``, in one step and durably.

    A symbolic link is followed: the file it points to is replaced. An existing file's mode and owner are kept;
    ``mode`` is for a new one. ``prepare`` is called with the temporary file's path before it takes its place, to set
    owner, mode or SELinux context there. ``in_place``: where the file cannot be replaced because it is a mount point
    of its own, as in containers, overwrite it, which is not atomic.

    :raises StashMailError: if that is not possible; the old file is then as it was.
    """
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    temporary = None
    try:
        remove_leftovers(path)
        descriptor, temporary = _make_temporary(folder, name)
        with open(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            _take_permissions(path, stream.fileno(), mode)
            if prepare:
                prepare(temporary)
            os.fsync(stream.fileno())
            # Still open, for its lock ends with it, and others would take it for a leftover.
            _verify(temporary, data)
            try:
                os.rename(temporary, path)
            except OSError as error:
                if not (in_place and error.errno in (errno.EBUSY, errno.EXDEV)):
                    raise
                _overwrite(path, data)
            else:
                temporary = None
        _sync_folder(folder)
    except OSError as error:
        raise StashMailError(f"{path} cannot be written: {_reason(error, folder)}") from None
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def remove_leftovers(path: str) -> None:
    """Remove what killed runs of :func:`replace` left beside ``path``; whatever cannot be removed stays."""
    folder, name = os.path.split(os.path.realpath(path))
    with contextlib.suppress(OSError):
        for item in os.listdir(folder):
            if item.startswith(f".{name}.") and item.endswith(_SUFFIX):
                with contextlib.suppress(OSError):
                    _remove_leftover(os.path.join(folder, item))


def remove(path: str) -> None:
    """Remove a file durably; raises :class:`StashMailError`."""
    try:
        os.unlink(path)
        _sync_folder(os.path.dirname(os.path.abspath(path)))
    except OSError as error:
        raise StashMailError(f"{path} cannot be removed: {error.strerror}.") from None


def _take_permissions(path: str, descriptor: int, mode: int) -> None:
    try:
        old = os.stat(path)
    except FileNotFoundError:
        os.fchmod(descriptor, mode)
        return
    new = os.fstat(descriptor)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    # After the owner, since changing that clears set-user-id bits.
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _verify(path: str, data: bytes) -> None:
    with open(path, "rb") as stream:
        if stream.read(len(data) + 1) != data:
            raise OSError(errno.EIO, "what was written reads back differently")


def _overwrite(path: str, data: bytes) -> None:
    with open(path, "r+b") as stream:
        stream.write(data)
        stream.truncate()
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and overlay file systems cannot; the rename has happened all the same.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise
    finally:
        os.close(descriptor)


def _make_temporary(folder: str, name: str) -> tuple[int, str]:
    """A temporary file, locked for as long as this process lives, so that other runs leave it alone."""
    while True:
        # Not by tempfile, whose imports (random, bz2, lzma) take a fifth of the time of making a whole truststore.
        path = os.path.join(folder, f".{name}.{os.urandom(8).hex()}{_SUFFIX}")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(OSError):  # file systems without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Another run may have taken it for a leftover in between.
        if os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)


def _remove_leftover(path: str) -> None:
    """Remove a temporary file whose run is gone: nobody holds its lock, or there are no locks and it is old."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        except OSError:
            if time.time() - os.fstat(descriptor).st_mtime < _STALE_SECONDS:
                return
        os.unlink(path)
    finally:
        os.close(descriptor)


def _reason(error: OSError, folder: str) -> str:
    if error.errno == errno.ENOENT and not os.path.isdir(folder):
        return f"its folder {folder} is not there. Create it first."
    if error.errno == errno.EBUSY:
        return "it is a mount point of its own. Mount its folder instead, or set unsafe_writes."
    if error.errno == errno.ENOSPC:
        return "the disk is full. Free some space; the old file is as it was."
    return f"{error.strerror or error}."
