# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a Java, and what is in it."""

from __future__ import annotations

import os
import re
import shutil
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

_MAX_RELEASE = 64 * 1024
# java.home of the JVM is where this library is: right in the folder, or in the jre of a JDK 8.
_LIBRARY = ("lib/libjava.so", "lib/*/libjava.so", "lib/rt.jar")


class JavaHome:
    """A Java by its folder, JDK or JRE. A JDK 8 has its JRE in a folder of its own, and either may be given.

    Nothing is run. What belongs to another account is read within limits, so that nothing in it can stall us.
    """

    def __init__(self, path: str) -> None:
        self.path = path.rstrip("/") or "/"

    @classmethod
    def on_path(cls) -> JavaHome | None:
        """The home of the ``java`` that a shell would find, None without one."""
        java = shutil.which("java")
        return cls(os.path.dirname(os.path.dirname(os.path.realpath(java)))) if java else None

    @property
    def java(self) -> str:
        """Path of the launcher, empty if there is none."""
        return self._program("java")

    @property
    def keytool(self) -> str:
        """Path of keytool, empty if there is none."""
        return self._program("keytool")

    @property
    def version(self) -> str:
        """The version by its ``release`` file, such as ``17.0.9`` or ``1.8.0_402``; empty if it is not known."""
        for folder in (self.path, os.path.dirname(self.path)):
            try:
                data = _files.read(os.path.join(folder, "release"), _MAX_RELEASE)
            except StashMailError:
                continue
            match = re.search(r'^JAVA_VERSION="?([^"\n]+)"?', data.decode("utf-8", "replace"), re.MULTILINE)
            if match:
                return match.group(1)
        # Of the Javas that can come without that file, only those up to 8 have an rt.jar.
        return "8" if os.path.isfile(os.path.join(self._runtime(), "lib", "rt.jar")) else ""

    @property
    def major(self) -> int:
        """8 for 1.8.0_402, 17 for 17.0.13, and 0 for an unknown version."""
        numbers = [int(number) for number in re.findall(r"\d{1,9}", self.version)]
        if not numbers:
            return 0
        return numbers[1] if numbers[0] == 1 and len(numbers) > 1 else numbers[0]

    def cacerts(self, with_jssecacerts: bool = True) -> str:
        """Path of the bundle that this JVM trusts by itself, empty if there is none.

        A ``jssecacerts`` comes before ``cacerts`` where no truststore is set. Where one is set and missing, the JVM
        falls back to ``cacerts`` alone.
        """
        folder = os.path.join(self._runtime(), "lib", "security")
        for name in ("jssecacerts", "cacerts") if with_jssecacerts else ("cacerts",):
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                return path
        return ""

    @property
    def security_file(self) -> str:
        """Path of ``java.security``, empty if there is none."""
        for parts in (("conf", "security"), ("lib", "security")):
            path = os.path.join(self._runtime(), *parts, "java.security")
            if os.path.isfile(path):
                return path
        return ""

    def _runtime(self) -> str:
        """What this JVM calls ``java.home``: the first folder with its library, as its launcher looks for it."""
        folders = (self.path, os.path.join(self.path, "jre"))
        for marks in (_LIBRARY, ("lib/security/cacerts", "lib/security/jssecacerts")):
            for folder in folders:
                if any(_files.matching(folder, *mark.split("/")) for mark in marks):
                    return folder
        return self.path

    def _program(self, name: str) -> str:
        return next((path for path in self._programs(name) if os.path.isfile(path) and os.access(path, os.X_OK)), "")

    def _programs(self, name: str) -> t.Iterator[str]:
        yield os.path.join(self.path, "bin", name)
        yield os.path.join(self.path, "jre", "bin", name)
        if os.path.basename(self.path) == "jre":  # the JDK around it
            yield os.path.join(os.path.dirname(self.path), "bin", name)
