# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Java 8 to 25 of Debian's releases, out of container images, run like programs of this machine.

Each runs in its image's file system with this machine's network, processes and temporary files. That takes root; where
it cannot be had, the JDKs of this machine serve.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTAINERS_CONF = ROOT / ".cache/containers.conf"
BUILDER = ROOT / "tests/lab/images/build.py"
MAIL_JARS = (Path("/usr/share/java/javax.mail.jar"), Path("/usr/share/java/javax.activation.jar"))
# The Debian release that the images take each from.
RELEASES = {8: "sid", 11: "bullseye", 17: "bookworm", 21: "trixie", 25: "trixie"}
# A cold build takes about half a minute for each on an idle machine, and several times that on a busy one.
BUILD_SECONDS = 1500
# What a Java needs of this machine to see the network, the processes and the files of a test.
_SHARED = ("/proc", "/dev", "/tmp", "/etc/resolv.conf")
_RUN = """\
#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec unshare --mount --propagation private sh -c '
for path in {shared}; do mount --rbind "$path" "{root}$path" || exit 1; done
exec chroot "{root}" "$@"' sh {program} "$@"
"""


@dataclass(frozen=True)
class Java:
    """A Java: ``number`` is its major version, ``home`` a folder whose ``bin`` runs it, ``version`` its own word."""

    number: int
    home: Path
    version: str

    @property
    def name(self) -> str:
        return f"Java {self.number}"

    @property
    def command(self) -> str:
        return str(self.home / "bin/java")


def missing_images() -> str:
    """What this machine lacks for Javas out of images, empty if nothing."""
    if os.geteuid() != 0:
        return "the containers' images are built by root"
    for program in ("podman", "mmdebstrap", "apt-get", "unshare", "chroot"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return ""


def missing() -> str:
    """What this machine lacks for asking JavaMail on a JVM at all, empty if nothing."""
    if not MAIL_JARS[0].exists():
        return f"JavaMail is not installed ({MAIL_JARS[0]}): apt-get install libmail-java"
    return "" if compilers() else "no JDK is installed: apt-get install openjdk-17-jdk-headless"


def compilers() -> list[Path]:
    """The ``javac`` of each JDK on this machine, each once."""
    found = {path.resolve() for path in Path("/usr/lib/jvm").glob("*/bin/javac")}
    on_path = shutil.which("javac")
    return sorted(found | ({Path(on_path).resolve()} if on_path else set()))


def compile_to(folder: Path, source: Path) -> Path:
    """Compile a program that uses JavaMail, so that Java 8 and all later ones run it; returns ``folder``.

    JavaMail goes there, too.
    """
    for jar in MAIL_JARS:
        shutil.copy(jar, folder)
    jars = ":".join(map(str, MAIL_JARS))
    command = [str(compilers()[0]), "--release", "8", "-Xlint:-options", "-cp", jars, "-d", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder


def own_javas() -> list[Java]:
    """The JDKs of this machine."""
    found = []
    for javac in compilers():
        home = javac.parent.parent
        version = _version(str(home / "bin/java"))
        found.append(Java(_major(version), home, version))
    return found


@contextlib.contextmanager
def javas(folder: Path) -> Iterator[list[Java]]:
    """Javas to ask, each with a home below ``folder``: those of the images, or this machine's where they cannot be."""
    if missing_images():
        yield own_javas()
        return
    with contextlib.ExitStack() as stack:
        found = []
        for name, tag in build_images().items():
            root = _podman("image", "mount", tag)
            stack.callback(_podman, "image", "umount", tag)
            found.append(_make_home(folder / name, Path(root)))
        yield found


@functools.cache
def build_images() -> dict[str, str]:
    """Build the images that are not there yet; the tag of each by its name. RuntimeError with the builder's words."""
    command = [sys.executable, str(BUILDER), *(f"java{number}" for number in RELEASES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BUILD_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"the images of the JVMs cannot be built:\n{done.stderr}")
    tags: dict[str, str] = json.loads(done.stdout)
    return tags


def _make_home(home: Path, root: Path) -> Java:
    java = subprocess.run(
        ["chroot", root, "readlink", "-f", "/usr/bin/java"], check=True, capture_output=True, text=True
    )
    inside = Path(java.stdout.strip())
    (home / "bin").mkdir(parents=True)
    for program in ("java", "keytool"):
        shared = " ".join(path for path in _SHARED if (root / path[1:]).exists())
        script = home / "bin" / program
        script.write_text(_RUN.format(shared=shared, root=root, program=shlex.quote(str(inside.with_name(program)))))
        script.chmod(0o755)
    # The same folders as inside, as far as others than the Java itself read them.
    runtime = Path(f"{root}{inside}").parent.parent
    for part in ("conf", "lib/security", "release"):
        target = home / part
        if (runtime / part).is_dir():
            shutil.copytree(runtime / part, target, symlinks=False, ignore_dangling_symlinks=True, dirs_exist_ok=True)
        elif (runtime / part).exists():
            shutil.copy(runtime / part, target)
    _copy_bundle(root, home)
    if not (home / "release").exists():
        (home / "lib/rt.jar").touch()  # what tells a Java 8 without that file
    version = _version(str(home / "bin/java"))
    return Java(_major(version), home, version)


def _copy_bundle(root: Path, home: Path) -> None:
    # A link out of the Java's folder, which only inside leads where it should.
    bundle = root / "etc/ssl/certs/java/cacerts"
    if bundle.exists():
        (home / "lib/security").mkdir(parents=True, exist_ok=True)
        (home / "lib/security/cacerts").unlink(missing_ok=True)
        shutil.copy(bundle, home / "lib/security/cacerts")


def _version(java: str) -> str:
    done = subprocess.run([java, "-version"], check=True, capture_output=True, text=True, timeout=60)
    return done.stderr.split('"')[1]


def _major(version: str) -> int:
    first, _dot, rest = version.partition(".")
    return int(rest.partition(".")[0]) if first == "1" else int(first)


def _podman(*arguments: str) -> str:
    environment = os.environ | {"CONTAINERS_CONF": str(CONTAINERS_CONF)}
    done = subprocess.run(
        ["podman", *arguments], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()
