# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real JVMs with real JavaMail, asked what they make of a mail server."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path
from types import TracebackType

SOURCE = Path(__file__).with_name("Verdict.java")
JARS = [Path("/usr/share/java/javax.mail.jar"), Path("/usr/share/java/javax.activation.jar")]


def missing() -> str:
    """Return what is missing for asking a JVM, empty if nothing is."""
    if not JARS[0].exists():
        return f"JavaMail is not installed ({JARS[0]}): apt-get install libmail-java"
    return "" if javas() else "no Java with a compiler is installed: apt-get install openjdk-17-jdk-headless"


def javas() -> list[Path]:
    """Return the homes of the JDKs on this machine, each once."""
    found = {Path(path).resolve() for path in Path("/usr/lib/jvm").glob("*/bin/javac")}
    on_path = shutil.which("javac")
    if on_path:
        found.add(Path(on_path).resolve())
    return sorted(path.parent.parent for path in found)


class Jvm:
    """One running JVM that answers questions, a context manager. ``arguments`` are its ``-D`` arguments."""

    def __init__(self, home: Path, classes: Path, *arguments: str, limit: float = 240) -> None:
        class_path = ":".join(str(path) for path in [classes, *JARS])
        command = [str(home / "bin" / "java"), "-Xshare:auto", "-XX:TieredStopAtLevel=1", *arguments]
        self._process = subprocess.Popen(
            [*command, "-cp", class_path, "Verdict"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # Whatever happens in there, it ends.
        self._guard = threading.Timer(limit, self._process.kill)
        self._guard.start()

    def ask(self, mode: str, store: Path | str, host: str, port: int) -> str:
        """Return ``ok`` or the exceptions."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{mode}\t{store}\t{host}\t{port}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if not answer:
            self._process.kill()
            raise RuntimeError(f"the JVM ended: {self._process.communicate()[1]}")
        return answer

    def __enter__(self) -> Jvm:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._guard.cancel()
        self._process.kill()
        self._process.communicate()


def compile_to(directory: Path, home: Path) -> Path:
    """Compile the questioner with the JDK in ``home``; return the folder of its classes."""
    command = [str(home / "bin" / "javac"), "--release", "8", "-cp", ":".join(map(str, JARS)), "-d", str(directory)]
    subprocess.run([*command, "-Xlint:-options", str(SOURCE)], check=True, capture_output=True, timeout=120)
    return directory


def version(home: Path) -> str:
    """Return the Java version, such as 17.0.13."""
    release = (home / "release").read_text()
    return next(line.split('"')[1] for line in release.splitlines() if line.startswith("JAVA_VERSION="))
