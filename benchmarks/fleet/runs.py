# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of ansible-playbook, with what each has cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOKS = {"ours": ROOT / "playbooks/provision.yml", "theirs": ROOT / "benchmarks/fleet/community.yml"}
_PLUGINS = ROOT / "benchmarks/fleet/plugins"
FORKS = 10


class Cost(NamedTuple):
    """What one run has cost.

    ``controller`` and ``targets`` are CPU seconds: of ansible-playbook and its workers, and of all that these had the
    hosts run. What a restarted product costs is in neither. ``memory`` is the most of ansible-playbook's own process,
    in bytes; ``started`` counts a task for each host that it was started on.
    """

    controller: float
    targets: float
    wall: float
    memory: int
    calls: int
    commands: int
    sent: int
    tasks: int
    started: int
    changed: int

    @property
    def cpu(self) -> float:
        return self.controller + self.targets


def run(folder: Path, side: str, inventory: dict[str, Any], *, pipelining: bool = True) -> Cost:
    """Run the playbook of ``side`` on the inventory's hosts; RuntimeError with its last words where it fails."""
    files = {name: folder / f"bench-{name}" for name in ("inventory.json", "commands", "counts", "output")}
    for file in files.values():
        file.unlink(missing_ok=True)
    files["commands"].touch()
    files["inventory.json"].touch(mode=0o600)
    files["inventory.json"].write_text(json.dumps(inventory), "utf-8")
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORKS": str(FORKS),
        "ANSIBLE_PIPELINING": "1" if pipelining else "0",
        "ANSIBLE_CONNECTION_PLUGINS": str(_PLUGINS / "connection"),
        "ANSIBLE_CALLBACK_PLUGINS": str(_PLUGINS / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "counts",
        "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        "STASH_MAIL_BENCH_COMMANDS": str(files["commands"]),
        "STASH_MAIL_BENCH_COUNTS": str(files["counts"]),
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "--inventory", str(files["inventory.json"])]
    began = time.perf_counter()
    with files["output"].open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - a command of our own, no shell
            [*command, str(PLAYBOOKS[side])],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        # With all that it waited for; subprocess would not say.
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode:
        words = files["output"].read_text("utf-8", "replace")[-3000:]
        raise RuntimeError(f"{side}: ansible-playbook ended with {process.returncode}: {words}")
    commands = [json.loads(line) for line in files["commands"].read_text("utf-8").splitlines()]
    counts = json.loads(files["counts"].read_text("utf-8"))
    targets = sum(item["cpu"] for item in commands)
    return Cost(
        controller=used.ru_utime + used.ru_stime - targets,
        targets=targets,
        wall=wall,
        memory=counts["memory"],
        calls=sum(item["module"] for item in commands),
        commands=len(commands),
        sent=sum(item["bytes"] for item in commands),
        tasks=counts["tasks"],
        started=counts["started"],
        changed=counts["changed"],
    )
