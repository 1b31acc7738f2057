# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of tests/lab/client in the containers: each is started once there, and answers a line by a line."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "client"
SECONDS = 60


class Programs:
    """Those that have been asked for so far. :meth:`close` ends them."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str], subprocess.Popen[str]] = {}

    def ask(self, name: str, request: Any, container: str) -> Any:
        """The answer of client/<name> in the container. AssertionError where it has none within :data:`SECONDS`."""
        process = self._running.get((name, container))
        # A container that was started anew has none of the programs.
        if process is None or process.poll() is not None:
            process = self._running[name, container] = start(name, container)
        assert process.stdin
        assert process.stdout
        timer = threading.Timer(SECONDS, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        finally:
            timer.cancel()
        assert line, process.communicate()[1]
        return json.loads(line)

    def close(self) -> None:
        for process in self._running.values():
            process.communicate()
        self._running.clear()


def start(name: str, container: str) -> subprocess.Popen[str]:
    """Run client/<name> in the container, by its standard input and output."""
    return subprocess.Popen(
        ["podman", "exec", "-i", container, "python3", "-c", (_FOLDER / name).read_text("utf-8")],
        env=os.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
