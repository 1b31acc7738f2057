# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict of the product's own JVM: our program run on it, against the real server."""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import tempfile
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import relevant_arguments
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store
from ansible_collections.stashops.mail.plugins.module_utils._verdict.anchors import Anchors
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm_launcher import (
    OPTIONS,
    Launcher,
    compile_program,
    run,
)
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm_program import CLASS_NAME, SOURCE

_TRUSTSTORE = "javax.net.ssl.trustStore"


class Question(t.NamedTuple):
    """What the JVM is asked. ``truststore`` and ``password`` are its arguments, None where it has none.

    ``anchors`` is not None where certificates count that are not in the file: then the JVM gets a file with all these.
    ``hello`` is the name to give in EHLO.
    """

    host: str
    port: int
    security: str
    truststore: str | None
    password: str | None
    arguments: t.Sequence[str] = ()
    anchors: Anchors | None = None
    hello: str = "localhost"


class Answer(t.NamedTuple):
    """What the JVM said. ``trusted`` and ``names_match`` are None where it did not come to that.

    ``stage`` is how far it got: ``context`` (its own TLS), ``connect``, ``greeting``, ``starttls``, ``handshake`` or
    ``done``. ``error`` is the chain of its exceptions; ``chain`` the SHA-256 of the certificates that it was shown.
    """

    version: str
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


def ask(launcher: Launcher, question: Question, deadline: Deadline) -> Answer:
    """Run the program and return what it said; raise ``StashMailError`` where it said nothing that could be used.

    The truststore's password goes to the program's standard input: neither an argument nor an environment shows it.
    """
    folder = tempfile.mkdtemp(prefix="stash_mail_jvm_")  # mode 0700
    try:
        source = os.path.join(folder, CLASS_NAME + ".java")
        with open(source, "w", encoding="ascii") as file:
            file.write(SOURCE)
        arguments, password = _truststore_arguments(question, folder)
        program = [source]
        if launcher.javac:
            compile_program(launcher, source, folder, deadline)
            program = ["-cp", folder, CLASS_NAME]
        command = [launcher.java, *OPTIONS, *relevant_arguments(question.arguments), *arguments, *program]
        status, output, errors = run(command, _request(question, password, deadline), deadline)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _answer(status, output, errors, deadline)


def _truststore_arguments(question: Question, folder: str) -> tuple[list[str], str | None]:
    if question.anchors is None:
        return ([f"-D{_TRUSTSTORE}={question.truststore}"] if question.truststore else []), question.password
    path = os.path.join(folder, "truststore")
    entries = [Entry(f"anchor-{number}", der) for number, der in enumerate(question.anchors.certificates)]
    with open(path, "wb") as file:
        file.write(write_store(entries, "jks"))
    # After the product's own arguments, for the JVM takes the last of each: the type may be another's.
    return [f"-D{_TRUSTSTORE}={path}", f"-D{_TRUSTSTORE}Type=jks"], None


def _request(question: Question, password: str | None, deadline: Deadline) -> bytes:
    asked = {
        "host": question.host,
        "port": str(question.port),
        "mode": "smtps" if question.security == "smtps" else "starttls",
        "hello": question.hello,
        # The program ends by itself, too, should nobody be left to kill it.
        "milliseconds": str(int(deadline.remaining() * 1000) + 1000),
    }
    if password:
        asked[f"property.{_TRUSTSTORE}Password"] = password
    lines = [f"{name}\t{base64.b64encode(value.encode('utf-8')).decode('ascii')}\n" for name, value in asked.items()]
    return ("".join(lines) + "\n").encode("ascii")


def _answer(status: int | None, output: bytes, errors: str, deadline: Deadline) -> Answer:
    said: dict[str, list[str]] = {}
    for line in output.decode("ascii", "replace").splitlines():
        name, tab, value = line.partition("\t")
        try:
            text = base64.b64decode(value, validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            continue  # something that the JVM itself has printed
        if tab:
            said.setdefault(name, []).append(text)
    finished = "error" in said or said.get("stage", [""])[-1] == "done"
    if not finished:
        if status is None:
            raise StashMailError(f"the JVM came to no verdict within {deadline.seconds:.1f} s")
        raise StashMailError(f"the program ended with status {status} on this JVM: {errors or 'it said nothing'}")

    def last(name: str) -> str:
        return said.get(name, [""])[-1]

    return Answer(
        version=last("version"),
        stage=last("stage"),
        trusted=_flag(last("trusted")),
        names_match=_flag(last("identity")),
        error=last("error"),
        address=last("address"),
        protocol=last("protocol"),
        cipher=last("cipher"),
        chain=said.get("certificate", []),
    )


def _flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)
