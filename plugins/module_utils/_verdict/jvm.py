# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product's own JVM, asked by our program: what it calls itself, what it trusts, which truststores it loads."""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import (
    PASSWORD_PROPERTY,
    PATH_PROPERTY,
    TYPE_PROPERTY,
    relevant_arguments,
)
from ansible_collections.stashops.mail.plugins.module_utils._java.home import JavaHome
from ansible_collections.stashops.mail.plugins.module_utils._java.run import Program, account_for, only_root_changes
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._verdict.program import CLASS_NAME, JAR

# Quick to start, small, and without a file in /tmp for other tools to look into.
_OPTIONS = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Xshare:auto",
    "-Xmx128m",
)
_OLDEST = 8
_END = b"end\t\n"


class Setup(t.NamedTuple):
    """A JVM as the product starts it. ``java_home`` None: the Java on the PATH.

    ``truststore`` is the file it is started with, or that file's contents where it is not on disk; None: none.
    ``truststore_type`` overrides the arguments' own. ``password`` None: it has no such argument. ``account``: the
    product's, to run a Java that others than root can change.
    """

    java_home: str | None = None
    truststore: str | bytes | None = None
    password: str | None = None
    arguments: t.Sequence[str] = ()
    truststore_type: str | None = None
    account: str | None = None


class Question(t.NamedTuple):
    """The mail server to judge. ``hello`` is the name to give in EHLO.

    ``address`` is where to connect to, by default what the JVM finds for ``host``.
    """

    host: str
    port: int
    security: str
    hello: str = "localhost"
    address: str = ""


class JvmReport(t.NamedTuple):
    """What the JVM said. ``trusted`` and ``names_match`` are None where it did not come to that.

    ``stage`` is how far it got: ``context`` (its own TLS), ``connect``, ``greeting``, ``starttls``, ``handshake`` or
    ``done``. ``error`` is the chain of its exceptions; ``chain`` the SHA-256 of the certificates that it was shown.
    """

    stage: str
    trusted: bool | None
    names_match: bool | None
    error: str
    address: str
    protocol: str
    cipher: str
    chain: list[str]

    @property
    def decided(self) -> bool:
        """The JVM came to a verdict, whichever; a server that fell silent is none."""
        return self.stage in ("context", "handshake", "done") and "SocketTimeoutException" not in self.error

    @property
    def innermost(self) -> str:
        """The exception that was at the bottom of it."""
        return self.error.rpartition(" <- ")[2]


class Jvm:
    """One running JVM, a context manager. Everything raises ``StashMailError`` where it says nothing of use.

    No file is written: the program and a truststore in memory are files without a name, which are gone with us. The
    truststore's password goes to the standard input: neither an argument nor an environment shows it.
    """

    def __init__(self, setup: Setup) -> None:
        home = JavaHome(setup.java_home) if setup.java_home else JavaHome.on_path()
        if home is None:
            raise StashMailError("no Java was found: neither java_home is given nor is a java on the PATH")
        java = home.java
        if not java:
            raise StashMailError(f"java_home {home.path} holds no Java: neither bin/java nor jre/bin/java is there")
        if 0 < home.major < _OLDEST:
            raise StashMailError(f"Java {home.version} in {home.path} is too old: Java {_OLDEST} is the least")
        account = account_for(java, setup.account)
        self.version = home.version
        self.how = f"Java {home.version or 'of an unknown version'} in {home.path}"
        if account is not None:
            self.how += f", run as {account.name}, who can change it"
        self._properties = {PASSWORD_PROPERTY: setup.password} if setup.password else {}
        with _nameless(base64.b64decode(JAR)) as jar, _nameless(_bytes_of(setup.truststore)) as store:
            arguments = relevant_arguments(setup.arguments, only_root_changes)
            if setup.truststore is not None:
                path = setup.truststore if isinstance(setup.truststore, str) else _path_of(store)
                arguments.append(f"-D{PATH_PROPERTY}={path}")
            if setup.truststore_type:
                # After the product's own arguments, for the JVM takes the last of each.
                arguments.append(f"-D{TYPE_PROPERTY}={setup.truststore_type}")
            command = [java, *_OPTIONS, *arguments, "-cp", _path_of(jar), CLASS_NAME]
            self._program = Program(command, account, [jar.fileno(), store.fileno()])

    def __enter__(self) -> Jvm:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self._program.end()

    def greet(self, local_address: str, deadline: Deadline) -> str:
        """Return what JavaMail in this JVM calls itself in EHLO, on a connection from ``local_address``."""
        said = self._ask({"do": "greet", "local": local_address}, deadline)
        self.version = _last(said, "version") or self.version
        return _last(said, "hello")

    def judge(self, question: Question, deadline: Deadline) -> JvmReport:
        """Have it connect to a mail server, up to the end of the TLS handshake."""
        said = self._ask(
            {
                "do": "judge",
                "host": question.host,
                "address": question.address or question.host,
                "port": str(question.port),
                "mode": "smtps" if question.security == "smtps" else "starttls",
                "hello": question.hello,
                "milliseconds": str(max(int((deadline.seconds - deadline.elapsed()) * 1000), 1)),
            },
            deadline,
        )
        return JvmReport(
            stage=_last(said, "stage"),
            trusted=_flag(_last(said, "trusted")),
            names_match=_flag(_last(said, "identity")),
            error=_last(said, "error"),
            address=_last(said, "address"),
            protocol=_last(said, "protocol"),
            cipher=_last(said, "cipher"),
            chain=said.get("certificate", []),
        )

    def load(
        self, data: bytes, kind: str, password: str | None, certificates: t.Sequence[bytes], deadline: Deadline
    ) -> tuple[dict[int, str], str]:
        """Have it load a truststore (``kind`` is ``jks`` or ``pkcs12``) and each of ``certificates``.

        Returns the refused certificates' indices with the JVM's exceptions, and that of the store, empty without one.
        """
        asked = {"do": "load", "type": kind, "store": base64.b64encode(data).decode("ascii")}
        if password is not None:
            asked["password"] = password
        for number, der in enumerate(certificates):
            asked[f"certificate.{number}"] = base64.b64encode(der).decode("ascii")
        said = self._ask(asked, deadline)
        refused = {}
        for line in said.get("refused", []):
            index, _blank, error = line.partition(" ")
            if index.isdigit():
                refused[int(index)] = error
        if "entries" not in said and "error" not in said:
            raise StashMailError("the JVM did not say what it loaded")
        return refused, _last(said, "error")

    def _ask(self, asked: t.Mapping[str, str], deadline: Deadline) -> dict[str, list[str]]:
        properties = {f"property.{name}": value for name, value in self._properties.items()}
        lines = [f"{name}\t{_encode(value)}\n" for name, value in {**properties, **asked}.items()]
        request = ("".join(lines) + "\n").encode("ascii")
        seconds = max(deadline.seconds - deadline.elapsed(), 0.01)
        output, is_whole = self._program.exchange(request, seconds, lambda said: said.endswith(_END))
        if not is_whole:
            late = deadline.elapsed() >= deadline.seconds
            status = self._program.end(0 if late else 1)
            if late:
                raise StashMailError(f"the JVM came to no verdict within {deadline.seconds:.1f} s")
            complaint = self._program.complaint or "it said nothing"
            raise StashMailError(f"the program ended with status {status} on this JVM: {complaint}")
        self._properties = {}
        return _read(output)


def _nameless(data: bytes) -> t.IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(data)
    file.flush()
    os.fchmod(file.fileno(), 0o444)  # for another account to read; there is no secret in it
    return file


def _path_of(file: t.IO[bytes]) -> str:
    return f"/proc/self/fd/{file.fileno()}"


def _bytes_of(truststore: str | bytes | None) -> bytes:
    return truststore if isinstance(truststore, bytes) else b""


def _encode(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode("ascii")


def _read(output: bytes) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for line in output.decode("ascii", "replace").splitlines():
        name, tab, value = line.partition("\t")
        try:
            text = base64.b64decode(value, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            continue  # something that the JVM itself has printed
        if tab:
            said.setdefault(name, []).append(text)
    return said


def _last(said: t.Mapping[str, list[str]], name: str) -> str:
    return said.get(name, [""])[-1]


def _flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)
