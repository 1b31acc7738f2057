# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of ansible-playbook with one task: the whole run's time, and the task's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PLAYBOOK_SECONDS = 900


class Timed(NamedTuple):
    """Seconds of the whole run of ansible-playbook and of its one task, and whether that changed something."""

    whole: float
    task: float
    changed: bool


def run(folder: Path, task: dict[str, Any]) -> Timed:
    """Run a playbook of ``task`` on this machine; RuntimeError where it fails."""
    playbook = folder / "playbook.json"
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}
    playbook.write_text(json.dumps([play]), "utf-8")
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "--inventory=localhost,", str(playbook)]
    command += ["--extra-vars", f"ansible_python_interpreter={sys.executable}"]
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_NOCOLOR": "1",
    }
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - a command of our own, no shell
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PLAYBOOK_SECONDS,
        check=False,
    )
    whole = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"ansible-playbook ended with {done.returncode}: {(done.stdout + done.stderr)[-3000:]}")
    report = json.loads(done.stdout[done.stdout.index("{") :])
    result = report["plays"][0]["tasks"][0]
    duration = result["task"]["duration"]
    seconds = datetime.fromisoformat(duration["end"]) - datetime.fromisoformat(duration["start"])
    return Timed(whole, seconds.total_seconds(), bool(result["hosts"]["localhost"]["changed"]))


def ping() -> dict[str, Any]:
    """The smallest module there is, as the measure of what any module call costs."""
    return {"ansible.builtin.ping": {}}


def ours(base: Path, certificates: list[Path], store: Path) -> dict[str, Any]:
    """One call of our module with all certificates."""
    items = [{"path": str(path)} for path in certificates]
    return {"stashops.mail.stash_mail_truststore": {"path": str(store), "base": str(base), "certificates": items}}


def java_cert(certificates: list[Path], store: Path, password: str) -> dict[str, Any]:
    """A loop over community.general.java_cert; the store has to be there."""
    return {
        "community.general.java_cert": {
            "cert_path": "{{ item }}",
            "cert_alias": "{{ item | ansible.builtin.basename }}",
            "keystore_path": str(store),
            "keystore_pass": password,
            "trust_cacert": True,
        },
        "loop": [str(path) for path in certificates],
    }
