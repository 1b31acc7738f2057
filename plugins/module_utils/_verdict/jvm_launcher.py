# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether, and how, the product's Java can run a program that comes as source.

No class file is shipped: Java 11 and later runs a source file by itself where it has the compiler (module
``jdk.compiler``); for any other Java a ``javac`` that is found on the target compiles it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline

# Quick to start, small, and without a file in /tmp for other tools to look into.
OPTIONS = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Xmx128m",
)
_SOURCE_LAUNCH = 11  # JEP 330


class Launcher(t.NamedTuple):
    """A Java and how it gets at the program. ``javac`` empty: it takes the source itself. ``how`` says why."""

    java: str
    version: str
    javac: str
    how: str


def java_home_of_path() -> str:
    """Return the home of the ``java`` on the PATH, empty without one."""
    java = shutil.which("java")
    return os.path.dirname(os.path.dirname(os.path.realpath(java))) if java else ""


def find_launcher(java_home: str | None) -> Launcher:
    """Return how the Java in ``java_home`` (else the one on the PATH) runs our program.

    Raises ``StashMailError`` where it cannot, with the reason.
    """
    home = java_home or java_home_of_path()
    if not home:
        raise StashMailError("no Java was found: neither java_home is given nor is a java on the PATH")
    java = next((path for path in _candidates(home, "java") if os.access(path, os.X_OK)), "")
    if not java:
        raise StashMailError(f"java_home {home} holds no Java: neither bin/java nor jre/bin/java is there")
    version, modules = read_release(home)
    known = f"Java {version}" if version else "the Java"
    if major(version) >= _SOURCE_LAUNCH and "jdk.compiler" in modules:
        return Launcher(java, version, "", f"{known} in {home} compiles the program itself")
    for javac in [*_candidates(home, "javac"), shutil.which("javac") or ""]:
        if javac and os.access(javac, os.X_OK):
            return Launcher(java, version, javac, f"{javac} compiles the program for {known} in {home}")
    why = "is too old to run a source file" if 0 < major(version) < _SOURCE_LAUNCH else "has no module jdk.compiler"
    raise StashMailError(f"{known} in {home} {why}, and no javac was found there or on the PATH")


def compile_program(launcher: Launcher, source: str, folder: str, deadline: Deadline) -> None:
    """Compile the file ``source`` into ``folder`` by the launcher's ``javac``; raise ``StashMailError``."""
    # From Java 9 on: what comes out runs on 8, too.
    release = ["--release", "8"] if _javac_knows_release(launcher.javac) else []
    command = [launcher.javac, "-J-Xmx128m", "-J-XX:TieredStopAtLevel=1", *release, "-proc:none", "-nowarn"]
    ended, _output, errors = run([*command, "-d", folder, source], b"", deadline)
    if ended != 0:
        raise StashMailError(f"{launcher.javac} did not compile the program: {errors}")


def run(command: t.Sequence[str], given: bytes, deadline: Deadline) -> tuple[int | None, bytes, str]:
    """Run ``command`` with ``given`` on its standard input, and kill it at the deadline.

    Returns its exit status (None: it was killed), its output, and the end of its standard error. The process sees
    nothing of our environment that could change what Java does or that it need not know.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    try:
        process = subprocess.Popen(  # noqa: S603 - a Java and its compiler, no shell
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
        )
    except OSError as error:
        raise StashMailError(f"{command[0]} cannot be run: {error.strerror}") from None
    status: int | None
    try:
        output, errors = process.communicate(given, timeout=max(deadline.seconds - deadline.elapsed(), 0.01))
        status = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        status = None
    return status, output, " ".join(errors.decode("utf-8", "replace").split())[-300:]


def _candidates(home: str, program: str) -> list[str]:
    # A Java 8 JDK has its JRE in a folder of its own; java_home may be either.
    home = home.rstrip("/")
    homes = [home, os.path.join(home, "jre")]
    if os.path.basename(home) == "jre":
        homes.append(os.path.dirname(home))
    return [os.path.join(folder, "bin", program) for folder in homes]


def _javac_knows_release(javac: str) -> bool:
    home = os.path.dirname(os.path.dirname(os.path.realpath(javac)))
    # Java 9 brought both this file and the option.
    return os.path.exists(os.path.join(home, "lib", "modules"))


def read_release(home: str) -> tuple[str, list[str]]:
    """Return version and modules as the Java's own ``release`` file tells them, empty where they are not known."""
    for folder in (home, os.path.dirname(home)):
        try:
            with open(os.path.join(folder, "release"), encoding="utf-8", errors="replace") as stream:
                text = stream.read()
        except OSError:
            continue
        facts = dict(re.findall(r'^([A-Z_]+)="?([^"\n]*)"?', text, re.MULTILINE))
        if "JAVA_VERSION" in facts:
            return facts["JAVA_VERSION"], facts.get("MODULES", "").split()
    # Of the Javas that can come without that file, only those up to 8 have an rt.jar.
    old = any(os.path.exists(os.path.join(home, *parts, "lib", "rt.jar")) for parts in ((), ("jre",)))
    return ("8" if old else ""), []


def major(version: str) -> int:
    """Return 8 for 1.8.0_402, 17 for 17.0.13, and 0 for an unknown version."""
    numbers = [int(number) for number in re.findall(r"\d+", version)]
    if not numbers:
        return 0
    return numbers[1] if numbers[0] == 1 and len(numbers) > 1 else numbers[0]
