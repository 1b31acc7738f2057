# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs of playbooks that are killed, and what of a site must be whole whenever that was."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from tests import packed
from tests.integration.role.conftest import ROOT, Site
from tests.lab import leaks
from tests.processes import family

RUN_SECONDS = 240
# What a process that has lost its playbook may take to come to its end: a question to a server has its deadline.
ORPHAN_SECONDS = 60
SUFFIX = ".stash_mail_tmp"


class State(NamedTuple):
    """What the runs write, in its parts."""

    truststore: bytes | None
    start_script: bytes | None
    properties: bytes | None
    mail: str

    def differences(self, whole: list[State]) -> list[str]:
        """The parts that are as in none of the states that are whole."""
        return [name for name in self._fields if all(getattr(self, name) != getattr(one, name) for one in whole)]


def state_of(site: Site) -> State:
    database = site.bitbucket.home / "shared" / "standin-state.json"
    files = [site.truststore, site.bitbucket.jvm_args_file, site.bitbucket.home / "shared" / "bitbucket.properties"]
    found = [file.read_bytes() if file.exists() else None for file in files]
    mail = json.loads(database.read_text()).get("mail") if database.exists() else None
    return State(found[0], found[1], found[2], json.dumps(mail, sort_keys=True))


class Killed(NamedTuple):
    """Whether the signal came before the run had ended, and the task that it came into."""

    hit: bool
    task: str


class Runner:
    """Runs one playbook of a site, to its end or until it is killed."""

    def __init__(self, site: Site, playbook: str, number: int) -> None:
        self._site, self._playbook = site, playbook
        self._log = site.folder / f"run-{number}.log"

    def _start(self, options: tuple[str, ...], changes: dict[str, Any]) -> subprocess.Popen[bytes]:
        settings = {**self._site.settings, **{f"stash_mail_{name}": value for name, value in changes.items()}}
        inventory = self._site.folder / "inventory.json"
        inventory.write_text(json.dumps({"bitbucket": {"hosts": {"stand_in": settings}}}))
        temporary = self._site.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        ours = {
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(temporary),
            "ANSIBLE_REMOTE_TMP": str(temporary),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "TMPDIR": str(temporary),
        }
        command = [
            str(Path(sys.executable).parent / "ansible-playbook"),
            *("--diff", "--inventory", str(inventory), *options),
            str(ROOT / "playbooks" / f"{self._playbook}.yml"),
        ]
        with self._log.open("wb") as log:
            # A group of its own, as a shell gives it one.
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **packed.environment(), **ours},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _output(self) -> str:
        text = self._log.read_text()
        self._site.output += text
        return text

    def finish(self, *options: str, **changes: Any) -> tuple[bool, str, float]:
        """Run to the end; whether it went well, its output, and the seconds it took."""
        began = time.monotonic()
        code = self._start(options, changes).wait(RUN_SECONDS)
        return code == 0, self._output(), time.monotonic() - began

    def kill(self, number: signal.Signals, after: float, **changes: Any) -> Killed:
        """Start it and send the signal ``after`` so many seconds; then wait until nothing of it is there.

        TERM and HUP go to its group, as from a terminal that is closed; KILL to every process of it.
        """
        run = self._start((), changes)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(after)
        hit = run.poll() is None
        processes = list(family(run.pid)) if hit else []
        if number == signal.SIGKILL:
            for pid in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        elif hit:
            os.killpg(run.pid, number)
        run.wait(ORPHAN_SECONDS)
        until = time.monotonic() + ORPHAN_SECONDS
        while left := [pid for pid in processes if _is_alive(pid)]:
            assert time.monotonic() < until, f"of the killed run there is still {[_command(pid) for pid in left]}"
            time.sleep(0.02)
        # A restart has made itself independent, and comes to its end.
        while self._site.bitbucket.state() != "RUNNING":
            assert time.monotonic() < until, "the killed run has left the product stopped"
            time.sleep(0.1)
        tasks = [line for line in self._output().splitlines() if line.startswith("TASK [")]
        return Killed(hit, tasks[-1].removeprefix("TASK [").rstrip("*] ") if tasks else "")


def assert_nothing_secret_is_left(site: Site) -> None:
    """Fail if a file for the moment holds a password."""
    for folder in (site.folder / "tmp", site.truststore.parent, site.bitbucket.install_dir / "bin"):
        for file in folder.rglob("*") if folder.exists() else ():
            if file.is_file():
                text = file.read_bytes().decode("latin-1")
                assert leaks.in_text(text, site.secrets) == [], f"a password is left in {file.name}"


def leftovers(site: Site) -> list[Path]:
    folders = [site.truststore.parent, site.bitbucket.jvm_args_file.parent, site.bitbucket.home / "shared"]
    return [file for folder in folders if folder.exists() for file in folder.glob(f".*{SUFFIX}")]


def _is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")[:200]
    return ""
