# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real JVMs with real JavaMail, asked about mail servers: Java 8 to 25 in containers, or this machine's."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path
from types import TracebackType

from tests.integration.jvm_matrix import jvm as containers

SOURCE = Path(__file__).with_name("Verdict.java")
JARS = containers.JARS
# Small and quick to start: several run at a time.
OPTIONS = ("-Xmx96m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def missing() -> str:
    """Return what is missing for asking a JVM at all, empty if nothing is."""
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


def compile_to(directory: Path, home: Path) -> Path:
    """Compile the questioner with the JDK in ``home``; return the folder of its classes."""
    command = [str(home / "bin" / "javac"), "--release", "8", "-cp", ":".join(map(str, JARS)), "-d", str(directory)]
    subprocess.run([*command, "-Xlint:-options", str(SOURCE)], check=True, capture_output=True, timeout=120)
    return directory


def version(home: Path) -> str:
    """Return the Java version, such as 17.0.13."""
    release = (home / "release").read_text()
    return next(line.split('"')[1] for line in release.splitlines() if line.startswith("JAVA_VERSION="))


class Jvm:
    """One running JVM that answers questions, a context manager. ``java`` is the command that runs it."""

    def __init__(self, java: list[str], home: Path, classes: Path, limit: float = 240) -> None:
        self._home = home
        class_path = ":".join(str(path) for path in [classes, *JARS])
        self._process = subprocess.Popen(
            [*java, *OPTIONS, "-cp", class_path, "Verdict"],
            env=os.environ | {"CONTAINERS_CONF": str(containers.CONTAINERS_CONF)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # Whatever happens in there, it ends.
        self._guard = threading.Timer(limit, self.stop)
        self._guard.start()

    def make_home(self) -> Path:
        """Return a folder that looks like the Java's home, and whose ``bin/java`` runs it."""
        return self._home

    def ask(self, mode: str, store: Path | str, host: str, port: int) -> str:
        """Return ``ok`` or the exceptions."""
        self.put(mode, store, host, port)
        return self.get()

    def put(self, mode: str, store: Path | str, host: str, port: int) -> None:
        """Ask without waiting for the answer, so that several JVMs can think at a time."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{mode}\t{store}\t{host}\t{port}\n")
        self._process.stdin.flush()

    def get(self) -> str:
        """Return the answer to the oldest question that has none yet."""
        assert self._process.stdout is not None
        answer = self._process.stdout.readline().strip()
        if not answer:
            self.stop()
            raise RuntimeError(f"the JVM ended: {self._process.communicate()[1]}")
        return answer

    def stop(self) -> None:
        """End it, now."""
        self._process.kill()

    def __enter__(self) -> Jvm:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._guard.cancel()
        try:
            self._process.communicate(timeout=20)  # which ends its input, and so the program
        except subprocess.TimeoutExpired:
            self.stop()
            self._process.communicate()


class ContainedJvm(Jvm):
    """A JVM in a container on this machine's network that sees ``shared`` at the same path."""

    def __init__(self, image: str, classes: Path, shared: Path, name: str, limit: float) -> None:
        self._name = f"stash_mail-verdict-{name}-{os.getpid()}"
        mounts = [f"--volume={path.resolve()}:{path}" for path in (classes, shared, *JARS)]
        command = ["podman", "run", "--rm", "--interactive", "--network=host", f"--name={self._name}", *mounts, image]
        super().__init__([*command, "java"], shared / f"home-{name}", classes, limit)

    def command(self) -> list[str]:
        """Return what runs another Java in there, as long as this one runs."""
        return ["podman", "exec", "--interactive", self._name, "java"]

    def make_home(self) -> Path:
        # The container is there once its program answers, whatever.
        self.ask("smtps", "-", "127.0.0.1", 1)
        (self._home / "bin").mkdir(parents=True)
        script = self._home / "bin/java"
        environment = f"CONTAINERS_CONF='{containers.CONTAINERS_CONF}'"
        script.write_text(f'#!/bin/sh\n{environment} exec {" ".join(self.command())} "$@"\n')
        script.chmod(0o755)
        copy = (
            'home=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")"); '
            "for part in release conf lib/security; do "
            f'if [ -e "$home/$part" ]; then mkdir -p "$(dirname "{self._home}/$part")"; '
            f'cp -rL "$home/$part" "{self._home}/$part"; fi; done; '
            # What tells a Java 8 without a release file; its 60 MB are of no use here.
            f'if [ -e "$home/lib/rt.jar" ]; then touch "{self._home}/lib/rt.jar"; fi'
        )
        self._podman("exec", self._name, "sh", "-c", copy)
        return self._home

    def stop(self) -> None:
        self._podman("rm", "--force", "--ignore", "--time=0", self._name)
        super().stop()

    @staticmethod
    def _podman(*arguments: str) -> None:
        environment = os.environ | {"CONTAINERS_CONF": str(containers.CONTAINERS_CONF)}
        subprocess.run(["podman", *arguments], env=environment, capture_output=True, timeout=60, check=True)
