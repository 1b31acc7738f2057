#!/usr/bin/env python3
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compile the program that asks a JVM, and write it as plugins/module_utils/_verdict/program.py.

It is compiled for Java 8 by the JDK of :data:`RELEASE`, since each JDK may write other bytes. A test compiles
it again and compares.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from pathlib import Path

RELEASE = 17
FOLDER = Path(__file__).resolve().parent.parent / "plugins/module_utils/_verdict"
SOURCE = FOLDER / "StashMailVerdict.java"
TARGET = FOLDER / "program.py"
# The oldest that a zip archive knows: the archive depends on the classes alone.
NO_TIME = (1980, 1, 1, 0, 0, 0)
TEXT = '''\
# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""StashMailVerdict.java, compiled for Java 8: written by scripts/java_program.py (``make java-program``)."""

from __future__ import annotations

CLASS_NAME = "{name}"

# A jar file, in base64.
JAR = """
{jar}
"""
'''


def find_javac() -> str:
    """The compiler of a JDK of :data:`RELEASE`, empty if this machine has none."""
    candidates = [shutil.which("javac") or "", *map(str, Path("/usr/lib/jvm").glob("*/bin/javac"))]
    for javac in filter(None, candidates):
        said = subprocess.run([javac, "-version"], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
        if (said.stdout + said.stderr).startswith(f"javac {RELEASE}."):
            return javac
    return ""


def compile_classes(javac: str) -> dict[str, bytes]:
    """The program's classes by their files' names."""
    with tempfile.TemporaryDirectory() as folder:
        command = [javac, "--release", "8", "-Xlint:-options", "-proc:none", "-g:none", "-d", folder, str(SOURCE)]
        subprocess.run(command, check=True, timeout=300)  # noqa: S603
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def make_jar(classes: dict[str, bytes]) -> bytes:
    """The classes as a jar file without a manifest."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in classes.items():
            archive.writestr(zipfile.ZipInfo(name, NO_TIME), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def main() -> int:
    """Write the module."""
    javac = find_javac()
    if not javac:
        print(f"no JDK {RELEASE} was found: apt-get install openjdk-{RELEASE}-jdk-headless", file=sys.stderr)
        return 1
    text = base64.b64encode(make_jar(compile_classes(javac))).decode("ascii")
    TARGET.write_text(TEXT.format(name=SOURCE.stem, jar="\n".join(textwrap.wrap(text, 118))), "utf-8")
    print(f"{os.path.relpath(TARGET)}: {TARGET.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
