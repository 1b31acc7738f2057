# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Java installations in containers of Debian's releases, and a program in them that answers questions."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[3]
SOURCE = Path(__file__).with_name("Matrix.java")
CONTAINERS_CONF = ROOT / ".cache/containers.conf"
JARS = (Path("/usr/share/java/javax.mail.jar"), Path("/usr/share/java/javax.activation.jar"))
# The Debian release that tests/lab/images/java*/image.toml takes each from.
RELEASES = {8: "sid", 11: "bullseye", 17: "bookworm", 21: "trixie", 25: "trixie"}
# Where the test's folder is inside the container.
WORK = "/work"
# A cold build takes about half a minute for each on an idle machine, and several times that on a busy one.
BUILD_SECONDS = 1500
# One takes some ten seconds; after this time its container is stopped.
MATRIX_SECONDS = 240


def missing() -> str:
    """What this machine lacks for containers with a JVM, empty if nothing."""
    if os.geteuid() != 0:
        return "the containers' images are built by root"
    for program, package in (
        ("podman", "podman"),
        ("mmdebstrap", "mmdebstrap"),
        ("apt-get", "apt"),
        ("javac", "openjdk-17-jdk-headless"),
    ):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian: {package})"
    return "" if all(jar.exists() for jar in JARS) else "JavaMail is not installed (Debian: libmail-java)"


@functools.cache
def build_images() -> dict[str, str]:
    """Build the images that are not there yet; the tag of each by its name. RuntimeError with the builder's words."""
    names = [f"java{number}" for number in RELEASES]
    command = [sys.executable, str(ROOT / "tests/lab/images/build.py"), *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BUILD_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"the images of the JVMs cannot be built:\n{done.stderr}")
    tags: dict[str, str] = json.loads(done.stdout)
    return tags


def compile_to(folder: Path) -> None:
    """Compile the program, so that Java 8 and all later ones run it."""
    command = ["javac", "--release", "8", "-Xlint:-options", "-cp", str(JARS[0]), "-d", str(folder), str(SOURCE)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


class Jvm:
    """The program, running in a container on this machine's network; a context manager.

    ``work`` is a folder here that the container sees as :data:`WORK`.
    """

    def __init__(self, image: str, classes: Path, work: Path) -> None:
        self.name = f"stash_mail-{work.name}-{os.getpid()}"
        mounts = [f"--volume={classes}:{classes}:ro", f"--volume={work}:{WORK}"]
        mounts += [f"--volume={jar.resolve()}:{jar}:ro" for jar in JARS]
        class_path = ":".join(str(path) for path in (classes, *JARS))
        command = ["podman", "run", "--rm", "--interactive", "--network=host", f"--name={self.name}", *mounts, image]
        self._process = subprocess.Popen(
            [*command, "java", "-cp", class_path, "Matrix"],
            env=os.environ | {"CONTAINERS_CONF": str(CONTAINERS_CONF)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # Whatever happens in there, it ends: the program with its input, the container with the program.
        self._guard = threading.Timer(MATRIX_SECONDS, self._remove)
        self._guard.start()

    def ask(self, *words: str) -> str:
        """The program's answer; RuntimeError where it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write("\t".join(words) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline().rstrip("\n")
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._remove()
            raise RuntimeError(f"the JVM's container ended: {self._process.communicate()[1]}")
        return answer

    def _remove(self) -> None:
        environment = os.environ | {"CONTAINERS_CONF": str(CONTAINERS_CONF)}
        command = ["podman", "rm", "--force", "--ignore", "--time=0", self.name]
        subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)

    def __enter__(self) -> Jvm:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._guard.cancel()
        try:
            self._process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self._remove()
            self._process.kill()
            self._process.communicate()
