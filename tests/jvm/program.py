# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Java program of a test that runs on and answers questions: a line with tabs for each, and a line back."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.jvm.images import MAIL_JARS, Java

# Small and quick to start: several run at a time.
OPTIONS = ("-Xmx96m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


class Program:
    """One running JVM, a context manager; it ends by itself after ``seconds``."""

    def __init__(self, java: Java, classes: Path, name: str, seconds: float, arguments: Sequence[str] = ()) -> None:
        class_path = ":".join(str(path) for path in [classes, *(classes / jar.name for jar in MAIL_JARS)])
        self._process = subprocess.Popen(
            [java.command, *OPTIONS, *arguments, "-cp", class_path, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # Whatever happens in there, it ends.
        self._guard = threading.Timer(seconds, self._process.kill)
        self._guard.daemon = True
        self._guard.start()

    def ask(self, *words: str | Path) -> str:
        """The answer; RuntimeError where the program ended."""
        self.put(*words)
        return self.get()

    def put(self, *words: str | Path) -> None:
        """Ask without waiting for the answer, so that several JVMs can think at a time."""
        assert self._process.stdin is not None
        self._process.stdin.write("\t".join(map(str, words)) + "\n")
        self._process.stdin.flush()

    def get(self) -> str:
        """The answer to the oldest question that has none yet."""
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().strip()
        if not answer:
            self._process.kill()
            raise RuntimeError(f"the JVM ended: {self._process.communicate()[1]}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._guard.cancel()
        try:
            self._process.communicate(timeout=20)  # which ends its input, and so the program
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
