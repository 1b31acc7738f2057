# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to run a program on the product's Java: on this machine, as the right account, or where a command leads to."""

from __future__ import annotations

import base64
import os
import tempfile
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.home import JavaHome
from ansible_collections.stashops.mail.plugins.module_utils._java.run import Program, account_for, only_root_changes

_OLDEST = 8
_SECONDS = 20.0
# The program is in memory there, or at least gone when it ends, which it does with its input.
_IN_A_SHELL = """\
folder=$(mktemp -d /dev/shm/stash_mail.XXXXXX 2>/dev/null || mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
printf %s "$1" | base64 -d > "$folder/program.jar" || exit 1
home=$2
shift 2
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS
for java in "$home/bin/java" "$home/jre/bin/java" java; do
  command -v "$java" >/dev/null && break
done
CLASSPATH=$folder/program.jar "$java" "$@"
"""
_HOME = """\
[ -n "$JAVA_HOME" ] || JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
printf %s "$JAVA_HOME"
"""
_MAX_PATH = 4096


class Start(t.Protocol):
    """A Java that can be run: ``version`` as far as it is known unasked, ``where`` for messages."""

    version: str
    where: str

    def run(self, jar: bytes, options: t.Sequence[str]) -> Program:
        """Start Java with the classes in ``jar``; ``options`` end with the class. Raises ``StashMailError``."""

    def may_name(self, path: str) -> bool:
        """Whether an argument may name this file, which the Java then reads."""


class OwnJava:
    """The Java in ``java_home`` (None: the one on the PATH), run by whoever can change it and by root only otherwise.

    ``account`` is the product's, for a Java that several can change. Raises ``StashMailError`` where it cannot be run.
    """

    def __init__(self, java_home: str | None, account: str | None = None) -> None:
        home = JavaHome(java_home) if java_home else JavaHome.on_path()
        if home is None:
            raise StashMailError("no Java was found: neither java_home is given nor is a java on the PATH")
        self._java = home.java
        if not self._java:
            raise StashMailError(f"java_home {home.path} holds no Java: neither bin/java nor jre/bin/java is there")
        if 0 < home.major < _OLDEST:
            raise StashMailError(f"Java {home.version} in {home.path} is too old: Java {_OLDEST} is the least")
        self._account = account_for(self._java, account)
        self.version = home.version
        self.where = f"in {home.path}"
        if self._account is not None:
            self.where += f", run as {self._account.name}, who can change it"

    def run(self, jar: bytes, options: t.Sequence[str]) -> Program:
        """Start it; no file is written, for ``jar`` gets no name and is gone with us."""
        with tempfile.TemporaryFile() as file:
            file.write(jar)
            file.flush()
            os.fchmod(file.fileno(), 0o444)  # for another account to read; there is no secret in it
            command = [self._java, "-cp", f"/proc/self/fd/{file.fileno()}", *options]
            return Program(command, self._account, [file.fileno()])

    def may_name(self, path: str) -> bool:
        """A file counts only where root alone can change it."""
        return only_root_changes(path)


class JavaBehind:
    """The Java where ``command`` runs what comes after it, such as ``podman exec -i --user bitbucket NAME``.

    That has to pass on the standard input and to run as the account that the product runs as. A shell is needed there,
    with mktemp and base64. ``java_home`` None: its JAVA_HOME, or the Java on its PATH.
    """

    def __init__(self, command: t.Sequence[str], java_home: str | None) -> None:
        self._command = list(command)
        self._home = java_home
        self.version = ""
        self.where = f"behind {' '.join(command)}"

    def home(self) -> str:
        """The Java's home; raises ``StashMailError`` where nothing can be run there."""
        if self._home is None:
            data, status, words = self.say(["sh", "-c", _HOME], _MAX_PATH)
            self._home = data.decode("utf-8", "surrogateescape")
            if status != 0 or not self._home.startswith("/"):
                raise StashMailError(f"No Java was found {self.where}: {words or 'it said nothing'}")
        return self._home

    def run(self, jar: bytes, options: t.Sequence[str]) -> Program:
        """Start it; ``jar`` is a file there for as long as it runs."""
        text = base64.b64encode(jar).decode("ascii")
        return self._run(["sh", "-c", _IN_A_SHELL, "sh", text, self.home(), *options])

    def may_name(self, path: str) -> bool:
        """It reads what the product reads, as the product does."""
        return True

    def read(self, path: str, most: int) -> bytes | None:
        """What is in a file there, None where there is none that can be read."""
        data, status, _words = self.say(["cat", path], most)
        return data if status == 0 and len(data) < most else None

    def say(self, words: t.Sequence[str], most: int) -> tuple[bytes, int | None, str]:
        """Run a program there: the first ``most`` bytes that it says, its exit status, and its complaint."""
        program = self._run(words)
        data, is_whole = program.exchange(b"", _SECONDS, limit=most)
        status = program.end(_SECONDS if is_whole and len(data) < most else 0)
        return data, status, program.complaint

    def _run(self, words: t.Sequence[str]) -> Program:
        # The engine's client looks into our environment for its own settings; what it runs there does not get that.
        return Program([*self._command, *words], environment=os.environ)


def find(java_home: str | None, account: str | None, behind: t.Sequence[str]) -> Start:
    """Return how to run the product's Java; raises ``StashMailError`` where it cannot be run."""
    return JavaBehind(behind, java_home) if behind else OwnJava(java_home, account)
