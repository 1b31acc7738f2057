# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running product as /proc shows it: its Java, its arguments, its user and when it started."""

from __future__ import annotations

import contextlib
import os
import pwd
import time
import typing as t
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import bears_on_tls, trust_properties
from ansible_collections.stashops.mail.plugins.module_utils._secrets import mask_argument

# The product starts its search engine as a second JVM out of the same folder.
_OTHER_JVMS = ("org.elasticsearch.", "org.opensearch.")
_LAUNCHERS = ("java", "jsvc")
# They pass the JVM's arguments on, and are there for a moment only.
_SHELLS = ("sh", "bash", "dash", "ksh", "su", "sudo", "runuser", "nohup", "setsid", "env", "nice", "timeout")
_PRODUCT_MARKS = ("-Dbitbucket.home=", "-Dstash.home=", "-Dbitbucket.install=", "com.atlassian.")


@dataclass(frozen=True)
class Process:
    """A running JVM. ``started`` is in seconds since 1970; what may not be read is empty."""

    pid: int
    arguments: tuple[str, ...]
    executable: str
    working_dir: str
    user: str
    started: float

    @property
    def trust_arguments(self) -> dict[str, str]:
        """The ``-Djavax.net.ssl.trustStore*`` properties in force; of repeated ones the JVM takes the last."""
        return trust_properties(self.arguments)

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
    return {
        "pid": process.pid,
        "user": process.user,
        "started": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "arguments": [mask_argument(argument) for argument in process.arguments if bears_on_tls(argument)],
    }


def find_process(install_dir: str | None, service: str | None, proc: str = "/proc") -> Process | None:
    """The product's JVM: the one in the service's control group, else the one that runs from ``install_dir``.

    None if it does not run, or if this user may not see it.
    """
    in_service = []
    in_folder = []
    for process in _products(proc):
        if _in_container(process.pid, proc):
            continue
        if service and _in_service(process.pid, service, proc):
            in_service.append(process)
        elif _runs_from(process, install_dir) if install_dir else not service and _is_marked(process):
            in_folder.append(process)
    candidates = in_service or in_folder
    # Where a wrapper JVM is about as well, the product is the one with its marks, then the oldest.
    return min(candidates, key=lambda process: (not _is_marked(process), process.started), default=None)


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
        with open(f"{folder}/cmdline", "rb") as stream:
            raw = stream.read()
        arguments = tuple(part.decode("utf-8", "surrogateescape") for part in raw.rstrip(b"\0").split(b"\0"))
        if not _is_jvm(arguments):
            return None
        return Process(
            pid=pid,
            arguments=arguments,
            executable=_readlink(f"{folder}/exe") or (arguments[0] if os.path.isabs(arguments[0]) else ""),
            working_dir=_readlink(f"{folder}/cwd"),
            user=_user_name(os.stat(folder).st_uid),
            started=_started(folder),
        )
    except (OSError, IndexError, ValueError):
        return None  # It ended while we looked, or may not be looked at.


def _products(proc: str) -> t.Iterator[Process]:
    for name in os.listdir(proc):
        process = read_process(int(name), proc) if name.isdigit() else None
        if process is not None and _is_product(process):
            yield process


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


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


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
    unit = service if service.endswith(".service") else f"{service}.service"
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
