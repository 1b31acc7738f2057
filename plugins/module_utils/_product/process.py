# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running product as /proc shows it: its Java, its arguments, its account and when it started.

Whoever has an account can start a process that looks like the product. So a process counts only where its account is
the service's, that of the installation's owner, or root. In the service's control group it counts too where the
service names no account, which then is the matter of its scripts.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
import typing as t
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import (
    LAUNCHER_VARIABLE,
    OPTION_VARIABLES,
    PATH_PROPERTY,
    Given,
    bears_on_tls,
    effective_arguments,
    trust_properties,
)
from ansible_collections.stashops.mail.plugins.module_utils._java.home import JavaHome
from ansible_collections.stashops.mail.plugins.module_utils._product import accounts, supervisor, systemd
from ansible_collections.stashops.mail.plugins.module_utils._secrets import mask_argument, printable

# The product starts its search engine as a second JVM out of the same folder.
_OTHER_JVMS = ("org.elasticsearch.", "org.opensearch.")
_LAUNCHERS = ("java", "jsvc")
# They pass the JVM's arguments on, and are there for a moment only.
_SHELLS = ("sh", "bash", "dash", "ksh", "su", "sudo", "runuser", "nohup", "setsid", "env", "nice", "timeout")
_PRODUCT_MARKS = ("-Dbitbucket.home=", "-Dstash.home=", "-Dbitbucket.install=", "com.atlassian.")


# More than a Linux takes for a program's arguments or environment by default.
_MAX_PROC = 8 * 1024 * 1024
_MAX_OPTIONS_FILE = 256 * 1024
# What was read from each folder of processes, while that counts; None where it is read for each question.
_seen: dict[str, list[Process]] | None = None


class _Credentials(t.NamedTuple):
    uid: int
    gid: int
    groups: list[int]


@dataclass(frozen=True)
class Process:
    """A running JVM. ``started`` is in seconds since 1970; what may not be read is empty.

    ``given`` are its arguments in force and what gave each: command line and environment, in the order in which they
    count. Of its environment nothing else is kept.
    """

    pid: int
    given: tuple[Given, ...]
    executable: str
    working_dir: str
    uid: int
    started: float

    @property
    def user(self) -> str:
        """The name of its account, the number where it has none."""
        return accounts.name_of(self.uid)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Its arguments in force; of repeated properties the last counts."""
        return tuple(item.argument for item in self.given)

    @property
    def trust_arguments(self) -> dict[str, str]:
        """The ``-Djavax.net.ssl.trustStore*`` properties in force."""
        return trust_properties(self.arguments)

    @property
    def truststore(self) -> Given | None:
        """The path of the truststore in force (as ``argument``) and what gave it; None for the JVM's own bundle."""
        prefix = f"-D{PATH_PROPERTY}="
        found = [item for item in self.given if item.argument.startswith(prefix)]
        path = found[-1].argument[len(prefix) :] if found else ""
        return Given(path, found[-1].source) if path else None

    def property(self, name: str) -> str | None:
        """The value of ``-Dname=``, the last one, or None."""
        prefix = f"-D{name}="
        values = [argument[len(prefix) :] for argument in self.arguments if argument.startswith(prefix)]
        return values[-1] if values else None


def describe(process: Process | None) -> dict[str, t.Any] | None:
    """A process as modules return it: who and since when, and the arguments that bear on TLS with secrets masked."""
    if process is None:
        return None
    started = datetime.fromtimestamp(process.started, tz=timezone.utc)
    truststore = process.truststore
    return {
        "pid": process.pid,
        "user": process.user,
        "started": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "arguments": [printable(mask_argument(argument)) for argument in process.arguments if bears_on_tls(argument)],
        "truststore": printable(truststore.argument) if truststore else None,
        "truststore_source": printable(truststore.source) if truststore else None,
    }


def find_process(install_dir: str | None, service: str | None, proc: str = "/proc") -> Process | None:
    """The product's JVM: the one in the service's control group, else the one that runs from ``install_dir``.

    None if it does not run, or if this user may not see it.

    :raises StashMailError: if several products run and neither argument tells which.
    """
    in_service = []
    in_folder = []
    for process in _products(proc):
        if _in_container(process.pid, proc):
            continue
        if service and _in_service(process.pid, service, proc):
            if not _account_of(service) or _counts(process, install_dir, service):
                in_service.append(process)
        elif (_runs_from(process, install_dir) if install_dir else not service and _is_marked(process)) and (
            _counts(process, install_dir, service)
        ):
            in_folder.append(process)
    return _the_one(in_service or in_folder)


def _the_one(candidates: t.Sequence[Process]) -> Process | None:
    # Where a wrapper JVM is about as well, the product is the one with its marks.
    candidates = [process for process in candidates if _is_marked(process)] or candidates
    products = {_identity(process): process for process in candidates}
    if len(products) > 1:
        listed = "; ".join(
            f"{printable(install)}, home {printable(home) or 'unknown'} (process {process.pid} of {process.user})"
            for (install, home), process in sorted(products.items(), key=lambda item: item[0])
        )
        raise StashMailError(
            f"Several products run on this host: {listed}. Say which one is meant: give the name of its service, or "
            "its folder by install_dir."
        )
    return min(candidates, key=lambda process: process.started, default=None)


def _identity(process: Process) -> tuple[str, str]:
    """What tells one product from another: its folder and its home."""
    install = process.property("bitbucket.install") or process.property("stash.install") or process.working_dir
    return install, process.property("bitbucket.home") or process.property("stash.home") or ""


def _counts(process: Process, install_dir: str | None, service: str | None) -> bool:
    """Whether this account's process may speak for the product."""
    if process.uid in (0, os.geteuid()):
        return True
    account = _account_of(service)
    if account and process.uid == accounts.uid_of(account):
        return True
    if install_dir:
        return process.uid == accounts.owner_of(install_dir)
    # It names its folder itself: that counts only where its account cannot have put the folder there.
    folder = _identity(process)[0]
    return process.uid == accounts.owner_of(folder) and accounts.is_placed_by_root(folder)


def of_words(command: t.Sequence[str], options: t.Mapping[str, str], facts: t.Mapping[str, t.Any]) -> Process | None:
    """The product's process that has this command line and these option variables; ``facts`` are its other fields.

    None if it is another one. Files of arguments are not looked into.
    """
    if not command or not _is_jvm(tuple(command)):
        return None
    process = Process(given=tuple(effective_arguments(command, options)), **facts)
    return process if _is_product(process) and _is_marked(process) else None


def _account_of(service: str | None) -> str | None:
    if not service:
        return None
    unit = systemd.find_unit(service)
    program = None if systemd.is_service(service) else supervisor.find_program(service)
    return unit.user if unit else program.user if program else None


def find_contained(paths: t.Callable[[Process], tuple[str, str]], proc: str = "/proc") -> Process | None:
    """The product's JVM in a container on this host that has a file or folder of ours mounted.

    ``paths`` gives for a process the path in its container and the one here. None unless it is just one process, or
    if this user may not look.
    """
    found = []
    for process in _products(proc):
        if _is_marked(process) and _in_container(process.pid, proc):
            inside, outside = paths(process)
            with contextlib.suppress(OSError):
                if os.path.samefile(f"{proc}/{process.pid}/root{inside}", outside):
                    found.append(process)
    return found[0] if len(found) == 1 else None


def read_process(pid: int, proc: str = "/proc") -> Process | None:
    """The process of this id, or None if it is gone or is no JVM."""
    folder = f"{proc}/{pid}"
    try:
        command = tuple(_read_words(f"{folder}/cmdline"))
        if not _is_jvm(command):
            return None
        executable = _readlink(f"{folder}/exe") or (command[0] if os.path.isabs(command[0]) else "")
        working_dir = _readlink(f"{folder}/cwd")
        credentials = _credentials(folder)

        def read_file(path: str) -> str:
            return _read_options(f"{folder}/root{os.path.join(working_dir, path)}", credentials)

        return Process(
            pid=pid,
            given=tuple(effective_arguments(command, _options(folder, executable), read_file)),
            executable=executable,
            working_dir=working_dir,
            uid=credentials.uid,
            started=_started(folder),
        )
    except (OSError, LookupError, ValueError):
        return None  # It ended while we looked, or may not be looked at.


def _read_words(path: str) -> list[str]:
    """What is separated by null bytes; bytes that are not UTF-8 survive a round trip."""
    with open(path, "rb") as stream:
        return [word.decode("utf-8", "surrogateescape") for word in stream.read(_MAX_PROC).rstrip(b"\0").split(b"\0")]


def _read_options(path: str, credentials: _Credentials) -> str:
    """A file of arguments that a process names, empty where it could not read it itself."""
    try:
        # As its account where we are root, so that it is the system which says what it may. A FIFO would block.
        with _acting_as(credentials):
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with open(descriptor, "rb") as stream:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return stream.read(_MAX_OPTIONS_FILE).decode("utf-8", "surrogateescape")
    except (OSError, ValueError):
        pass
    return ""


@contextlib.contextmanager
def _acting_as(account: _Credentials) -> t.Iterator[None]:
    if os.geteuid() != 0 or account.uid == 0:
        yield
        return
    groups, gid = os.getgroups(), os.getegid()
    try:
        os.setgroups(account.groups)
        os.setegid(account.gid)
        os.seteuid(account.uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)


def _options(folder: str, executable: str) -> dict[str, str]:
    """The variables that the JVM reads arguments from; nothing else of the environment is kept."""
    found: dict[str, str] = {}
    with contextlib.suppress(OSError):  # Another account's environment is for root only.
        for word in _read_words(f"{folder}/environ"):
            name, _equals, value = word.partition("=")
            if name in OPTION_VARIABLES:
                found.setdefault(name, value)
    if LAUNCHER_VARIABLE in found:
        java = JavaHome(f"{folder}/root{os.path.dirname(os.path.dirname(executable))}")
        if os.path.basename(executable) == "jsvc" or 0 < java.major < 9:
            del found[LAUNCHER_VARIABLE]
    return found


@contextlib.contextmanager
def looked_at_once() -> t.Iterator[None]:
    """Within this the processes are read once, however often they are asked for: there may be hundreds."""
    global _seen
    _seen = {}
    try:
        yield
    finally:
        _seen = None


def _products(proc: str) -> t.Sequence[Process]:
    if _seen is None:
        return _read_products(proc)
    if proc not in _seen:
        _seen[proc] = _read_products(proc)
    return _seen[proc]


def _read_products(proc: str) -> list[Process]:
    found = [read_process(int(name), proc) for name in os.listdir(proc) if name.isdigit()]
    return [process for process in found if process is not None and _is_product(process)]


def _credentials(folder: str) -> _Credentials:
    """The account that started it; its folder is root's as soon as it may not be dumped, whoever started it."""
    found: dict[bytes, list[int]] = {}
    with open(f"{folder}/status", "rb") as stream:
        for line in stream:
            name, _colon, rest = line.partition(b":")
            if name in (b"Uid", b"Gid", b"Groups"):
                found[name] = [int(word) for word in rest.split()]
    return _Credentials(found[b"Uid"][0], found[b"Gid"][0], found[b"Groups"])


def _started(folder: str) -> float:
    with open(f"{folder}/stat", "rb") as stream:
        # The command name, in parentheses, may itself hold spaces and parentheses.
        fields = stream.read().rpartition(b")")[2].split()
    seconds_after_boot = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return _boot_time() + seconds_after_boot


def _boot_time() -> float:
    # btime of /proc/stat has whole seconds only: too coarse to tell whether a file is older than the process.
    samples = []
    for _sample in range(5):
        before, now, after = (
            time.clock_gettime(time.CLOCK_BOOTTIME),
            time.time(),
            time.clock_gettime(time.CLOCK_BOOTTIME),
        )
        samples.append((after - before, now - (before + after) / 2))
    # The one that was least interrupted: on a busy machine there may be much between two looks at a clock.
    return min(samples)[1]


def _readlink(path: str) -> str:
    try:
        target = os.readlink(path)
    except OSError:
        return ""
    # An upgraded package leaves a running process with a link that says so.
    suffix = " (deleted)"
    return target[: -len(suffix)] if target.endswith(suffix) else target


def _is_jvm(arguments: tuple[str, ...]) -> bool:
    launcher = os.path.basename(arguments[0])
    # Whatever its launcher is called, a process with the product's -D arguments is the product.
    return launcher in _LAUNCHERS or (
        launcher not in _SHELLS and any(argument.startswith(_PRODUCT_MARKS) for argument in arguments)
    )


def _is_product(process: Process) -> bool:
    return not any(argument.startswith(_OTHER_JVMS) for argument in process.arguments)


def _is_marked(process: Process) -> bool:
    return any(argument.startswith(_PRODUCT_MARKS) for argument in process.arguments)


def _in_service(pid: int, service: str, proc: str) -> bool:
    unit = systemd.unit_name(service)
    try:
        with open(f"{proc}/{pid}/cgroup", encoding="utf-8", errors="replace") as stream:
            return any(unit in line.rstrip("\n").split("/") for line in stream)
    except OSError:
        return False


def _in_container(pid: int, proc: str) -> bool:
    # A host sees the processes of its containers, whose paths are not its own.
    ours, theirs = _readlink(f"{proc}/self/ns/pid"), _readlink(f"{proc}/{pid}/ns/pid")
    return bool(ours and theirs) and ours != theirs


def _runs_from(process: Process, install_dir: str) -> bool:
    folders = {install_dir.rstrip("/"), os.path.realpath(install_dir)}
    for folder in folders:
        if process.working_dir == folder or process.working_dir.startswith(f"{folder}/"):
            return True
        # As part of a class path or of a property such as -Dbitbucket.install=.
        for argument in process.arguments:
            for part in argument.replace("=", ":").split(":"):
                if part == folder or part.startswith(f"{folder}/"):
                    return True
    return False
