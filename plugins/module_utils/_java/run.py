# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a program of a Java, by the right account: what root does not own never runs as root.

The product's Java may belong to the product's account, and so may a file that somebody put in its place. Whoever can
change the program, a folder or link on the way to it, or what lies in the Java's folder is the one to run it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import selectors
import signal
import stat
import subprocess
import time
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

_NOBODY = 65534
_MAX_LINKS = 40
# What of a Java's folder gets into its process.
_PARTS = ("bin", "conf", "jre", "lib")
_MAX_FILES = 20000
_MAX_ERRORS = 4096
_MAX_OUTPUT = 4 * 1024 * 1024
_PR_SET_PDEATHSIG = 1
_CHUNK = 65536


class Account(t.NamedTuple):
    """Whom a program runs as: ids, and the name for those who read of it."""

    uid: int
    gid: int
    groups: list[int]
    name: str


class Owner(t.NamedTuple):
    """Who besides root can change ``path``; ``uid`` None: members of a group, or everybody."""

    path: str
    uid: int | None


def only_root_changes(path: str) -> bool:
    """Tell whether root alone can change the file, and every folder and link on the way to it."""
    try:
        return next(_others_on_the_way(path), None) is None
    except OSError:
        return False


def who_changes(path: str) -> set[int | None]:
    """Return who besides root can change what is found at ``path``: accounts by their numbers, None for a group."""
    return {other.uid for other in _others_on_the_way(path)}


def account_for(program: str, product_account: str | None = None) -> Account | None:
    """Return whom ``program``, a file in a Java's ``bin``, is to be run as; None: as we are.

    It is root's where root alone can change it and the Java around it; else its owner's, or ``product_account``'s where
    there is no one owner. Who is not root runs it as himself. Raises ``StashMailError`` where nobody is left.
    """
    if os.geteuid() != 0:
        return None
    try:
        others = [*_others_on_the_way(os.path.abspath(program)), *_others_within(_home_of(program))]
    except OSError as error:
        raise StashMailError(f"{program} cannot be looked at: {error.strerror}") from None
    if not others:
        return None
    uids = {other.uid for other in others}
    only = uids.pop() if len(uids) == 1 else None
    account = _account_of(only) if only is not None else _account_named(product_account)
    if account is None or account.uid == 0:
        raise StashMailError(
            f"{program} is not run, since root would run it and accounts other than root can change {others[0].path}. "
            "Have that belong to root and be writable by root alone, or to the product's account."
        )
    return account


def _home_of(program: str) -> str:
    return os.path.dirname(os.path.dirname(os.path.realpath(program)))


def _others_on_the_way(path: str) -> t.Iterator[Owner]:
    """Who else can change what a lookup of ``path`` passes: folders, links, and the file."""
    waiting = [part for part in reversed(path.split("/")) if part not in ("", ".")]
    current, links = "/", 0
    yield from _others(current)
    while waiting:
        part = waiting.pop()
        if part == "..":
            current = os.path.dirname(current)
            continue
        step = os.path.join(current, part)
        yield from _others(step)
        if not os.path.islink(step):
            current = step
            continue
        links += 1
        if links > _MAX_LINKS:
            raise OSError(0, "too many links")
        target = os.readlink(step)
        current = "/" if target.startswith("/") else current
        waiting += [part for part in reversed(target.split("/")) if part not in ("", ".")]


def _others_within(home: str) -> t.Iterator[Owner]:
    """Who else can change what a Java runs; of the first such file only, so that nobody can stall us."""
    count = 0
    tops = [os.path.join(home, part) for part in _PARTS]
    seen: set[str] = set()
    while tops:
        top = tops.pop(0)
        yield from _others_on_the_way(top)
        real = os.path.realpath(top)
        if real in seen:
            continue
        seen.add(real)
        for parent, folders, files in os.walk(top):
            count += len(folders) + len(files)
            if count > _MAX_FILES:  # no Java's own folder, but /usr
                return
            # As packagers have the configuration of a Java in /etc: what is in there counts too.
            tops += [path for path in (os.path.join(parent, name) for name in folders) if os.path.islink(path)]
            for path in (os.path.join(parent, name) for name in [*folders, *files]):
                found = list(_others_on_the_way(path) if os.path.islink(path) else _others(path))
                if found:
                    yield from found
                    return


def _others(path: str) -> t.Iterator[Owner]:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return  # a link to nowhere: who could make something there is seen by its folder
    if status.st_uid != 0:
        yield Owner(path, status.st_uid)
    elif not stat.S_ISLNK(status.st_mode):
        # In a sticky folder, as /tmp is, only their owners can replace what is there.
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
        by_group = status.st_mode & stat.S_IWGRP and status.st_gid != 0
        if (by_group or status.st_mode & stat.S_IWOTH) and not sticky:
            yield Owner(path, None)


def _account_of(uid: int) -> Account:
    try:
        return _account(pwd.getpwuid(uid))
    except KeyError:
        return Account(uid, _NOBODY, [], str(uid))


def _account_named(name: str | None) -> Account | None:
    if not name:
        return None
    try:
        return _account_of(int(name)) if name.isdigit() else _account(pwd.getpwnam(name))
    except KeyError:
        return None


def _account(entry: pwd.struct_passwd) -> Account:
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return Account(entry.pw_uid, entry.pw_gid, groups, entry.pw_name)


class Program:
    """A running program that is told something and answers. It ends with us, whatever ends us.

    It sees nothing of our environment that could change what a Java does, or that it need not know, unless it is given
    an ``environment``. ``files`` are descriptors that it gets under their own numbers. Raises ``StashMailError`` where
    it cannot be run.
    """

    def __init__(
        self,
        command: t.Sequence[str],
        account: Account | None = None,
        files: t.Sequence[int] = (),
        environment: t.Mapping[str, str] | None = None,
    ) -> None:
        self._name = command[0]
        self.errors = b""
        if environment is None:
            environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a program of a Java, no shell
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd="/",
                pass_fds=tuple(files),
                # It could type into our terminal otherwise, which may be that of root's shell.
                start_new_session=True,
                preexec_fn=_become(account),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise StashMailError(f"{self._name} cannot be run: {getattr(error, 'strerror', None) or error}") from None
        for stream in self._streams():
            os.set_blocking(stream.fileno(), False)

    def _streams(self) -> list[t.IO[bytes]]:
        process = self._process
        return [stream for stream in (process.stdin, process.stdout, process.stderr) if stream is not None]

    def exchange(
        self, data: bytes, seconds: float, is_whole: t.Callable[[bytes], bool] | None = None, limit: int = 1 << 20
    ) -> tuple[bytes, bool]:
        """Write ``data`` and read until ``is_whole`` of all that came, or to the end, for ``seconds`` at most.

        Returns what came, ``limit`` bytes at most, and whether it is whole. Without ``is_whole`` the input is closed.
        """
        output, is_open = b"", True
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            stdin, stdout, stderr = self._streams()
            selector.register(stdout, selectors.EVENT_READ)
            selector.register(stderr, selectors.EVENT_READ)
            selector.register(stdin, selectors.EVENT_WRITE)
            while is_open and len(output) <= limit and not (is_whole and is_whole(output)):
                left = until - time.monotonic()
                if left <= 0:
                    return output[:limit], False
                for key, _events in selector.select(left):
                    if key.fileobj is stdin:
                        data = self._write(data)
                        if not data:
                            selector.unregister(stdin)
                            if is_whole is None:
                                stdin.close()
                        continue
                    chunk = self._read(key.fd)
                    if chunk is None:
                        continue
                    if key.fileobj is stderr:
                        self.errors = (self.errors + chunk)[-_MAX_ERRORS:]
                    output += chunk if key.fileobj is stdout else b""
                    if not chunk:
                        selector.unregister(key.fileobj)
                        is_open = key.fileobj is not stdout and is_open
        return output[:limit], is_whole is None or is_whole(output)

    def _write(self, data: bytes) -> bytes:
        """Write what goes in; return what is left, nothing where nobody reads it any more."""
        try:
            return data[os.write(self._streams()[0].fileno(), data[:_CHUNK]) :] if data else b""
        except BlockingIOError:
            return data
        except BrokenPipeError:
            return b""

    @staticmethod
    def _read(descriptor: int) -> bytes | None:
        try:
            return os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return None

    def end(self, seconds: float = 0.0) -> int | None:
        """End it, if it does not by itself within ``seconds``; return its exit status, None if it was killed."""
        try:
            status: int | None = self._process.wait(seconds) if seconds > 0 else self._process.poll()
        except subprocess.TimeoutExpired:
            status = None
        if status is None:
            # What it has started goes with it, which is of its session.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for stream in self._streams():
            with contextlib.suppress(OSError):
                stream.close()
        return status

    @property
    def complaint(self) -> str:
        """The end of its standard error, on one line."""
        text = " ".join(self.errors.decode("utf-8", "replace").split())[-300:]
        return "".join(character if character.isprintable() else "?" for character in text)


def output_of(command: t.Sequence[str], environment: t.Mapping[str, str], seconds: float, data: bytes = b"") -> bytes:
    """Return what a program says to ``data``; nothing where it cannot be run or fails, or does not end in time."""
    until = time.monotonic() + seconds
    try:
        program = Program(command, environment=environment)
        output, is_whole = program.exchange(data, seconds, limit=_MAX_OUTPUT)
        status = program.end(max(until - time.monotonic(), 0) if is_whole else 0)
    except StashMailError:
        return b""
    return output if status == 0 else b""


def _become(account: Account | None) -> t.Callable[[], None]:
    prctl, parent = getattr(ctypes.CDLL(None), "prctl", None), os.getpid()

    def become() -> None:
        if account is not None:
            os.setgroups(account.groups)
            os.setgid(account.gid)
            os.setuid(account.uid)
            os.umask(0o077)
        if prctl is not None:  # after the change of account, which takes it back
            prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            if os.getppid() != parent:  # that has ended before it could be said
                os._exit(1)

    return become
