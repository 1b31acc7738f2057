# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with ``make`` and ``python3`` on which nothing else was installed: a container with this checkout."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.lab.images.build import CONTAINERS_CONF, apt_options, apt_sources

ROOT = Path(__file__).resolve().parents[2]
# Blanks, and what a shell would take for something else.
CHECKOUT = "/srv/a path with blanks & more/stash_mail"
USER = "somebody"
# What this machine needs to reach a package index; a file that is named there is taken along, out of apt's way.
REACH = ("PIP_CERT", "PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT")
TAKEN = "/run/taken/"
RUN_SECONDS = 900
END_SECONDS = 20
# The first process of a machine, which ends what nobody else waits for.
_INIT = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(0.1)
"""
# Processes of the machine, without the first, the one that asks, and what has ended.
_PROCESSES = """
import os, pathlib
for status in pathlib.Path('/proc').glob('[0-9]*/status'):
    try:
        lines = dict(line.split(':', 1) for line in status.read_text().splitlines() if ':' in line)
        command = status.with_name('cmdline').read_bytes().replace(b'\\0', b' ').decode(errors='replace')
    except OSError:
        continue
    pid = int(lines['Pid'])
    if pid not in (1, os.getpid()) and 'Z' not in lines['State']:
        print(pid, command)
"""


@dataclass(frozen=True)
class Done:
    """What a command left: exit status, both outputs as one, and the seconds that it took."""

    code: int
    output: str
    seconds: float


def images(*names: str) -> dict[str, str]:
    """Build the images that are missing; returns the tag of each."""
    command = [sys.executable, str(ROOT / "tests/lab/images/build.py"), *names]
    built = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=1800)
    os.environ["CONTAINERS_CONF"] = str(CONTAINERS_CONF)
    tags: dict[str, str] = json.loads(built.stdout)
    return tags


def podman(
    *arguments: str, stdin: bytes | None = None, seconds: float = RUN_SECONDS
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["podman", *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(errors="replace"))


class Machine:
    """Context manager: the container runs inside the block and is removed at its end.

    :param image: the tag of one of the images ``fresh_*``, or of one that :meth:`keep` has made.
    :param suite: its Debian release; empty where all is in the image already.
    :param network: False for one without.
    """

    def __init__(self, image: str, suite: str = "", *, network: bool = True) -> None:
        self.image, self.suite, self.network = image, suite, network
        self.name = ""
        self.reach = {name: os.environ[name] for name in REACH if name in os.environ}
        self.taken = {name: Path(value) for name, value in self.reach.items() if Path(value).is_file()}
        self.reach |= {name: f"{TAKEN}{name}" for name in self.taken}

    def __enter__(self) -> Machine:
        mounts = [f"--volume={file}:{TAKEN}{name}:ro" for name, file in self.taken.items()]
        # On this machine's own network, for that is what reaches the mirrors.
        way = "--network=host" if self.network else "--network=none"
        started = podman("run", "--detach", way, *mounts, self.image, "python3", "-c", _INIT)
        assert started.returncode == 0, started.stdout
        self.name = started.stdout.split()[-1]
        if self.suite:
            self._settle()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        podman("rm", "--force", "--time", "0", self.name)

    def _settle(self) -> None:
        """Give apt this machine's mirror, make an account without rights, and lay out the checkout of each."""
        options = [option.removeprefix("--aptopt=") for option in apt_options()]
        self.write("/etc/apt/sources.list", "\n".join(apt_sources(self.suite)) + "\n")
        self.write("/etc/apt/apt.conf.d/99fresh", "\n".join(options) + "\n")
        account = f"{USER}:x:1000:1000::/home/{USER}:/bin/sh"
        made = self.run(f"echo {account} >>/etc/passwd && install -d -o {USER} /home/{USER}", folder="/")
        assert made.code == 0, made.output
        tracked = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
        )
        present = b"\0".join(
            name for name in tracked.stdout.split(b"\0") if name and os.path.lexists(ROOT / os.fsdecode(name))
        )
        packed = subprocess.run(
            ["tar", "--create", "--null", "--files-from=-"], input=present, cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
        folder = shlex.quote(CHECKOUT)
        unpack = f"mkdir -p {folder} && tar -x --no-same-owner -C {folder} && chown -R {USER} /srv"
        assert podman("exec", "-i", self.name, "sh", "-c", unpack, stdin=packed.stdout).returncode == 0

    def write(self, path: str, text: str) -> None:
        done = podman("exec", "-i", self.name, "sh", "-c", f"cat >{shlex.quote(path)}", stdin=text.encode())
        assert done.returncode == 0, done.stdout

    def command(
        self, command: str, *, user: str = "root", folder: str = CHECKOUT, env: Mapping[str, str] | None = None
    ) -> list[str]:
        """A shell's command on the machine, as arguments of podman."""
        home = "/root" if user == "root" else f"/home/{user}"
        given = {"HOME": home, **self.reach, **(env or {})}
        options = [f"--env={name}={value}" for name, value in given.items()]
        return ["exec", f"--user={user}", f"--workdir={folder}", *options, self.name, "sh", "-c", command]

    def run(
        self, command: str, *, user: str = "root", folder: str = CHECKOUT, env: Mapping[str, str] | None = None
    ) -> Done:
        """Run a shell's command to its end."""
        began = time.monotonic()
        done = podman(*self.command(command, user=user, folder=folder, env=env))
        return Done(done.returncode, done.stdout, time.monotonic() - began)

    def keep(self, tag: str) -> str:
        """Make an image of the machine as it is, for others; returns its tag."""
        done = podman("commit", "--quiet", self.name, tag)
        assert done.returncode == 0, done.stdout
        return tag

    def processes(self) -> list[str]:
        """What runs on it beside what holds it, when what is just ending had time for it."""
        deadline = time.monotonic() + END_SECONDS
        while True:
            found = self.run(f"exec python3 -c {shlex.quote(_PROCESSES)}", folder="/").output.splitlines()
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.2)

    def files(self) -> list[str]:
        """All files of temporary folders and homes, and of the checkout those that are not its environment."""
        found = self.run(
            f"find /tmp /var/tmp /run/user /dev/shm /root /home {shlex.quote(CHECKOUT)} "
            "-name .venv -prune -o -name __pycache__ -prune -o -print 2>/dev/null | sort",
            folder="/",
        )
        return found.output.splitlines()
