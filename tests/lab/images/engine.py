#!/usr/bin/env python3
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the settings podman needs on this machine and write them to a containers.conf for our own runs only.

Most machines need none. In a small virtual machine without CAP_SYS_RESOURCE no limit may be raised, and crun refuses
control groups in hybrid mode. So a container is tried with the machine's own settings first, then with lower limits,
then with another runtime, then with both; the first that runs is written. The file is meant for the environment
variable CONTAINERS_CONF, in whose presence podman reads no other.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SYSTEM_FILE = Path("/etc/containers/containers.conf")
HEADER = "# Made by tests/lab/images/engine.py: what podman needs on this machine for the test containers.\n"
# Enough for systemd, a JVM and a mail server; low enough that a shell with limits of its own may still enter.
MOST = 4096


def limits() -> str:
    """Limits that need no privilege: never above the ones this process has, nor (for processes) above pid_max."""
    pid_max = int(Path("/proc/sys/kernel/pid_max").read_text("ascii"))
    values = {"nofile": (resource.RLIMIT_NOFILE, MOST), "nproc": (resource.RLIMIT_NPROC, min(MOST, pid_max))}
    pairs = []
    for name, (number, most) in values.items():
        hard = resource.getrlimit(number)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        pairs.append(f"{name}={value}:{value}")
    return f"[containers]\ndefault_ulimits = {json.dumps(pairs)}\n"


def candidates() -> Iterator[tuple[str, str]]:
    """What to try, least first: a description and the text of a containers.conf."""
    yield "the machine's own settings", SYSTEM_FILE.read_text("utf-8") if SYSTEM_FILE.exists() else ""
    yield "lower limits", limits()
    for runtime in ("runc", "crun"):
        if shutil.which(runtime):
            engine = f'[engine]\nruntime = "{runtime}"\n'
            yield f"the runtime {runtime}", engine
            yield f"lower limits and the runtime {runtime}", limits() + engine


def run_container(image: str, conf: Path) -> str:
    """Run a command in a container under this containers.conf; returns why it failed, empty if it did not."""
    result = subprocess.run(
        ["podman", "run", "--rm", "--network=none", image, "true"],
        env=os.environ | {"CONTAINERS_CONF": str(conf)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return "" if result.returncode == 0 else result.stderr.strip() or f"exit status {result.returncode}"


def write(image: str, path: Path) -> str:
    """Write the first settings that work to ``path``; returns their description.

    RuntimeError with each try's failure if no container runs at all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The file of a run that goes on meanwhile stays whole.
    trial = path.with_suffix(f".{os.getpid()}")
    failures = []
    try:
        for description, text in candidates():
            trial.write_text(HEADER + text, "utf-8")
            failure = run_container(image, trial)
            if not failure:
                trial.replace(path)
                return description
            failures.append(f"with {description}: {failure}")
    finally:
        trial.unlink(missing_ok=True)
    raise RuntimeError("podman can run no container on this machine:\n" + "\n".join(failures))


def main() -> int:
    """Returns the exit status: 0, or 1 after saying what failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("image", help="an image to try with; it must have the program true")
    parser.add_argument("file", type=Path, help="the containers.conf to write")
    options = parser.parse_args()
    try:
        description = write(options.image, options.file)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"engine.py: {error}", file=sys.stderr)
        return 1
    print(f"containers run with {description}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
