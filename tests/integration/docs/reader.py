# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who does what a page says: writes its files, types its commands, and answers their prompts."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

from tests.integration.docs.blocks import Command, File, missing

_PROMPT = re.compile(rb"(?:password|Password)[^\n]*: ?$")
_STYLE = re.compile(r"\x1b\[[\d;]*m")
COMMAND_SECONDS = 240.0


class Reader:
    """Works in ``folder`` with ``environment``; ``password`` is the answer to each prompt for one."""

    def __init__(self, folder: Path, environment: dict[str, str], password: str) -> None:
        self._folder, self._environment = folder, environment
        self._password = password.encode() + b"\n"
        self.commands = 0

    def follow(self, step: File | Command) -> str:
        """Do one step; returns what a command printed. AssertionError where that is not as the page says."""
        if isinstance(step, File):
            path = self._folder / step.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.content)
            return ""
        self.commands += 1
        fails = any(text.startswith("fatal:") or "failed=1" in text for text in step.shown)
        status, output = self.run(step.line)
        said = f"$ {step.line}\n{output}"
        assert (status != 0) == fails, f"ended with {status}:\n{said}"
        lost = missing(step.shown, output)
        assert lost is None, f"the page shows {lost!r}, but:\n{said}"
        return said

    def run(self, line: str) -> tuple[int, str]:
        """Run a command line on a terminal; returns its status and what it printed there."""
        terminal, its_end = pty.openpty()
        process = subprocess.Popen(
            # Its controlling terminal, on which ansible asks for passwords.
            ["setsid", "--ctty", "--wait", "bash", "-c", line],
            cwd=self._folder,
            env=self._environment,
            stdin=its_end,
            stdout=its_end,
            stderr=its_end,
        )
        os.close(its_end)
        output, answered = b"", 0
        deadline = time.monotonic() + COMMAND_SECONDS
        try:
            while time.monotonic() < deadline:
                if not select.select([terminal], [], [], 0.2)[0]:
                    continue
                try:
                    output += os.read(terminal, 65536)
                except OSError:  # the command has ended
                    break
                if _PROMPT.search(output[answered:]):
                    os.write(terminal, self._password)
                    answered = len(output)
        finally:
            os.close(terminal)  # which ends one that is still there
            status = process.wait(timeout=30)
        return status, _STYLE.sub("", output.decode("utf-8", "replace")).replace("\r\n", "\n")
