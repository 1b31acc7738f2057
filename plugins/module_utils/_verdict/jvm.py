# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product's own JVM, asked by our program: what it calls itself, what it trusts, which truststores it loads."""

from __future__ import annotations

import base64
import binascii
import re
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import (
    PASSWORD_PROPERTY,
    PATH_PROPERTY,
    TYPE_PROPERTY,
    relevant_arguments,
)
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._secrets import printable

# Quick to start, small, and without a file in /tmp for other tools to look into.
_OPTIONS = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Xshare:auto",
    "-Xmx128m",
)
_END = b"end\t\n"


class Setup(t.NamedTuple):
    """A JVM as the product starts it. ``java_home`` None: the Java on the PATH.

    ``account``: the product's, to run a Java that accounts other than root can change. ``behind``: a command that runs
    what comes after it where that Java is, as :class:`_java.start.JavaBehind` has it; none: on this machine.
    """

    java_home: str | None = None
    arguments: t.Sequence[str] = ()
    account: str | None = None
    behind: t.Sequence[str] = ()


class Truststore(t.NamedTuple):
    """What the product is started with: a file by ``path``, or its contents as ``data``; neither: no such argument.

    ``kind`` overrides the arguments' own type of truststore. ``password`` None: there is no such argument.
    """

    path: str | None = None
    password: str | None = None
    kind: str | None = None
    data: bytes | None = None


class Question(t.NamedTuple):
    """The mail server to judge, and the truststore to judge it by. ``hello`` is the name to give in EHLO.

    ``address`` is where to connect to, by default what the JVM finds for ``host``. A JVM takes one truststore by path,
    the first, and any number of others as data.
    """

    host: str
    port: int
    security: str
    truststore: Truststore = Truststore()
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
        return innermost(self.error)


def innermost(error: str) -> str:
    """Return the exception at the bottom of a chain of them."""
    return error.rpartition(" <- ")[2]


class Jvm:
    """One running JVM, a context manager. Everything raises ``StashMailError`` where it says nothing of use.

    A truststore and its password go to the standard input: neither an argument nor an environment shows the password.
    """

    def __init__(self, setup: Setup) -> None:
        # A plan in which no JVM is started needs neither.
        from ansible_collections.stashops.mail.plugins.module_utils._java import start
        from ansible_collections.stashops.mail.plugins.module_utils._verdict.program import CLASS_NAME, JAR

        self._start = start.find(setup.java_home, setup.account, setup.behind)
        self.version = self._start.version
        arguments = relevant_arguments(setup.arguments, self._start.may_name)
        self._program = self._start.run(base64.b64decode(JAR), [*_OPTIONS, *arguments, CLASS_NAME])

    @property
    def how(self) -> str:
        """Which Java it is, and whom it runs as, for messages."""
        return f"Java {self.version or 'of an unknown version'} {self._start.where}"

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
                **_given(question.truststore),
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

    def load(self, truststore: Truststore, deadline: Deadline) -> tuple[int, str]:
        """Have it load a truststore that is given as data.

        Returns how many certificates it trusts then, and its exceptions where it does not load it.
        """
        said = self._ask({**_given(truststore), "do": "load"}, deadline)
        if "trusted" not in said and "error" not in said:
            raise StashMailError("the JVM did not say what it loaded")
        count = _number(_last(said, "trusted") or "0")
        if count is None:
            raise StashMailError("the JVM did not say in a number how many certificates it trusts")
        return count, _last(said, "error")

    def read(self, certificates: t.Sequence[bytes], deadline: Deadline) -> dict[int, str]:
        """Have it read certificates; return the indices of those that it cannot read, with its exceptions."""
        asked = {f"certificate.{n}": base64.b64encode(der).decode("ascii") for n, der in enumerate(certificates)}
        said = self._ask({**asked, "do": "read"}, deadline)
        pairs = (line.partition(" ") for line in said.get("refused", []))
        found = ((_number(index), error) for index, _blank, error in pairs)
        return {index: error for index, error in found if index is not None and index < len(certificates)}

    def _ask(self, asked: t.Mapping[str, str], deadline: Deadline) -> dict[str, list[str]]:
        lines = [f"{name}\t{_encode(value)}\n" for name, value in asked.items()]
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
        return _read(output)


class SharedJvm:
    """The JVM of ``setup`` for whoever asks it: started when it is needed, and not again once it has failed.

    ``failure`` says why it cannot be asked, empty as long as it can. A context manager, which ends it.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._jvm: Jvm | None = None
        self._hello: str | None = None
        self.failure = ""

    def __enter__(self) -> SharedJvm:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End it; whoever asks next starts it again."""
        if self._jvm is not None:
            self._jvm.close()
            self._jvm = None

    def begin(self) -> Jvm:
        """Return the running JVM; raises ``StashMailError`` where there is none."""
        if self.failure:
            raise StashMailError(self.failure)
        if self._jvm is None:
            try:
                self._jvm = Jvm(self._setup)
            except StashMailError as error:
                self.give_up(error)
                raise
        return self._jvm

    def give_up(self, error: StashMailError) -> None:
        """It is of no use, for this reason."""
        self.close()
        self.failure = str(error)

    @property
    def knows_itself(self) -> bool:
        """Whether :meth:`hello` needs no JVM any more."""
        return self._hello is not None

    def hello(self, local_address: str, deadline: Deadline) -> str:
        """Return what JavaMail would call itself in EHLO on a connection from ``local_address``, empty if not known."""
        if self._hello is None:
            name = ""
            try:
                name = self.begin().greet(local_address, deadline)
            except StashMailError as error:
                self.give_up(error)
            self._hello = name if name.isascii() and name.isprintable() and not set(" \\") & set(name) else ""
        return self._hello


def _given(truststore: Truststore) -> dict[str, str]:
    """The part of a question that gives a truststore."""
    path, password, kind, data = truststore
    if data is None:
        values = {PATH_PROPERTY: path, PASSWORD_PROPERTY: password, TYPE_PROPERTY: kind}
        return {f"property.{name}": value for name, value in values.items() if value is not None}
    values = {"store": base64.b64encode(data).decode("ascii"), "password": password, "type": kind}
    return {name: value for name, value in values.items() if value is not None}


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
            said.setdefault(name, []).append(printable(text))
    return said


def _last(said: t.Mapping[str, list[str]], name: str) -> str:
    return said.get(name, [""])[-1]


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def _flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)
