# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking times.

``python -m benchmarks.measure COUNT COMMAND...`` prints the seconds of each run of a command, as JSON.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

COMMAND_SECONDS = 600


def nothing() -> None:
    """What is done before a run where nothing needs to be."""


def calls(function: Callable[[], object], count: int, before: Callable[[], object] = nothing) -> list[float]:
    """The seconds of each of ``count`` calls; ``before`` each is not counted, nor a first one of several."""
    seconds = []
    for _ in range(count + (count > 1)):
        before()
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return seconds[-count:]


def run(command: Sequence[str]) -> str:
    """What the command prints; RuntimeError with its last words where it fails."""
    done = subprocess.run(  # noqa: S603 - commands of our own, no shell
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def processes(command: Sequence[str], count: int, before: Callable[[], object] = nothing) -> list[float]:
    """As :func:`calls`, of a command."""
    return calls(lambda: run(command), count, before)


def median(seconds: Sequence[float]) -> float:
    return statistics.median(seconds)


def as_text(seconds: float) -> str:
    """Such as ``2.6 ms`` or ``1.23 s``: three digits at most."""
    return f"{seconds * 1000:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s"


def machine() -> str:
    """What the times were taken on, without names."""
    models = [line for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if line.startswith("model name")]
    model = models[0].split(":")[1].strip() if models else platform.machine()
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{os.cpu_count()} cores ({model}), {system}"


if __name__ == "__main__":
    print(json.dumps(processes(sys.argv[2:], int(sys.argv[1]))))
