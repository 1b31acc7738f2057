# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the JVM's verdict, and the program that asks a JVM for it, against real JavaMail on real JVMs.

The JVMs are Java 8, 11, 17, 21 and 25 in containers where this machine can run them, and its own JDKs otherwise. With
STASH_MAIL_WRITE_DOCS=1 all cases are tried and docs/verdict.md gets the table; otherwise a part of them, for time's
sake. STASH_MAIL_SEED and STASH_MAIL_CASES give other and more generated cases.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import MailFailure
from ansible_collections.stashops.mail.plugins.module_utils._smtp.tls import fetch_chain
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store
from ansible_collections.stashops.mail.plugins.module_utils._verdict.algorithms import Limits, read_limits
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import Answer, Question, ask
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm_launcher import find_launcher
from ansible_collections.stashops.mail.plugins.module_utils._verdict.model import Anchors, judge, load_anchors

from tests import doc_table
from tests.integration.jvm_matrix import jvm as containers
from tests.integration.verdict import jvm
from tests.integration.verdict.catalogue import (
    HOST,
    Situation,
    generated,
    generated_names,
    presenting,
    table,
)
from tests.mail_server import Certificate, MailServer, authority, leaf, make, self_signed

FULL = doc_table.wanted()
SEED = int(os.environ.get("STASH_MAIL_SEED", "1"))
GENERATED = int(os.environ.get("STASH_MAIL_CASES", "240" if FULL else "25"))
PAGE, TABLE, RUN = "verdict.md", "agreement", "run"
LIMIT = 1200.0
NO_HANDSHAKE = "neither JavaMail nor the probe gets a handshake"

pytestmark = [
    pytest.mark.skipif(bool(jvm.missing()), reason=jvm.missing() or "-"),
    pytest.mark.timeout(containers.BUILD_SECONDS + LIMIT),
]


@dataclass
class Machine:
    """A JVM that answers, and a home through which our own code can run its Java."""

    java: jvm.Jvm
    home: Path
    limits: Limits


@dataclass
class Count:
    """What came of one kind of cases: how many, how often Java accepted, and by JVM what differed."""

    cases: int = 0
    accepted: int = 0
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, accepted: bool, text: str) -> None:
        self.accepted += accepted
        found = self.wrong.setdefault(name, [])
        if text:
            found.append(f"{name}: {text}")

    def texts(self) -> str:
        return "\n".join(text for texts in self.wrong.values() for text in texts)


COUNTS: dict[str, Count] = {}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that the containers see, too, and in which our own code makes its temporary ones."""
    folder = tmp_path_factory.mktemp("shared")
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    yield folder
    tempfile.tempdir = before


@pytest.fixture(scope="module")
def machines(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Machine]]:
    classes = jvm.compile_to(tmp_path_factory.mktemp("classes"), jvm.javas()[0])
    with contextlib.ExitStack() as stack:
        running: dict[str, jvm.Jvm] = {}
        if containers.missing():
            for home in jvm.javas():
                running[f"Java {jvm.version(home)}"] = jvm.Jvm([str(home / "bin/java")], home, classes, LIMIT)
        else:
            for name, image in containers.build_images().items():
                running[f"Java {name[4:]}"] = jvm.ContainedJvm(image, classes, shared, name, LIMIT)
        for java in running.values():
            stack.enter_context(java)
        homes = {name: java.make_home() for name, java in running.items()}
        yield {name: Machine(java, homes[name], read_limits(str(homes[name]))) for name, java in running.items()}


def store(path: Path, anchors: tuple[bytes, ...]) -> Path:
    path.write_bytes(write_store([Entry(f"a{n}", der) for n, der in enumerate(anchors)], "jks"))
    return path


def ask_all(machines: dict[str, Machine], mode: str, path: Path | str, host: str, port: int) -> dict[str, str]:
    for machine in machines.values():
        machine.java.put(mode, path, host, port)
    return {name: machine.java.get() for name, machine in machines.items()}


def ask_trust(machines: dict[str, Machine], situation: Situation, folder: Path, mode: str = "smtps") -> dict[str, str]:
    path = store(folder / "store.jks", situation.anchors)
    server_mode = "starttls_required" if mode == "starttls" else mode
    with MailServer(server_mode, certificate=situation.server, context=situation.context()) as server:
        answers = ask_all(machines, mode, path, "127.0.0.1", server.port)
        if any("terminated the handshake" in answer for answer in answers.values()):
            # OpenSSL, as the server here, has nothing that it could present to such a client. Then the probe's own
            # handshake, from which the model gets its chain, must end the same way.
            with contextlib.suppress(MailFailure):
                fetch_chain("127.0.0.1", server.port, server_mode, 10.0)
                return answers
            return dict.fromkeys(answers, NO_HANDSHAKE)
        return answers


def disagreement(situation: Situation, limits: Limits, answer: str) -> str:
    """Return an empty string, or how the model differs from what a JVM answered."""
    if answer == NO_HANDSHAKE:
        return ""
    verdict = judge(
        situation.server.chain_der,
        Anchors(list(situation.anchors), "store", "given"),
        HOST,
        situation.cipher or "TLS_AES_256_GCM_SHA384",
        limits=limits,
    )
    if verdict.trusted != (answer == "ok"):
        return f"{situation.name}: the model says {verdict.reason}; Java: {answer}"
    # Newer JVMs name the alert, too: "SSLHandshakeException: (bad_certificate) Failed to ...".
    answer = re.sub(r"Exception: \([a-z_]+\) ", "Exception: ", answer)
    # Where OpenSSL, as the server here, ends the handshake, Java cannot say anything.
    if verdict.log.rpartition("Exception: ")[2] not in answer and "terminated the handshake" not in answer:
        return f"{situation.name}: the log would not say {verdict.log}; Java: {answer}"
    return ""


def compare(kind: str, machines: dict[str, Machine], situations: list[Situation], folder: Path) -> Count:
    count = COUNTS[kind] = Count(len(situations))
    for situation in situations:
        for name, answer in ask_trust(machines, situation, folder).items():
            text = disagreement(situation, machines[name].limits, answer)
            if situation.java is not None and (answer == "ok") != situation.java:
                text = f"{situation.name} is known to end otherwise: {answer}"
            count.add(name, answer == "ok", text)
    return count


def test_known_situations(machines: dict[str, Machine], shared: Path) -> None:
    count = compare("known certificate situations", machines, table(), shared)
    assert not count.texts(), count.texts()


def test_generated_situations(machines: dict[str, Machine], shared: Path) -> None:
    count = compare("generated certificate situations", machines, list(generated(SEED, GENERATED)), shared)
    assert not count.texts(), count.texts()
    asked = GENERATED * len(machines)
    assert asked * 0.1 < count.accepted < asked * 0.9, f"lopsided: {count.accepted} of {asked} were accepted"


def test_starttls_is_judged_alike(machines: dict[str, Machine], shared: Path) -> None:
    root = authority()
    good = Situation("good", leaf(root), (root.der,))
    bad = Situation("bad", leaf(root), (authority().der,))
    assert set(ask_trust(machines, good, shared, "starttls").values()) == {"ok"}
    for answer in ask_trust(machines, bad, shared, "starttls").values():
        assert "Could not convert socket to TLS" in answer
    for answer in ask_trust(machines, bad, shared).values():
        assert "Could not connect to SMTP host" in answer


IDENTITIES: list[tuple[str, Certificate]] = [
    (HOST, self_signed(HOST)),
    (HOST, self_signed("other.example.com")),
    (HOST, self_signed("MAIL.Example.COM")),
    (HOST, make(HOST)),
    (HOST, make("other.example.com", sans=[HOST])),
    (HOST, make(HOST, sans=["other.example.com"])),
    (HOST, make(HOST, sans=["192.0.2.1"])),
    (HOST, self_signed("*.example.com")),
    (HOST, self_signed("m*l.example.com")),
    (HOST, self_signed("*.com")),
    (HOST, self_signed("*")),
    (HOST, self_signed("mail.*.com")),
    (HOST, self_signed("*.*.com")),
    ("example.com", self_signed("*.example.com")),
    ("a.b.lab", self_signed("*.lab")),
    ("a.b.lab", self_signed("*.b.lab")),
    ("mail.lab", self_signed("*.lab")),
    ("mail", self_signed("mail")),
    ("mail", self_signed("mail.example.com")),
    ("mail_server.example.com", self_signed("mail_server.example.com")),
    ("192.0.2.1", self_signed("192.0.2.1")),
    ("192.0.2.1", self_signed("192.0.2.2")),
    ("192.0.2.1", make("192.0.2.1")),
    ("192.0.2.1", make("other", sans=["example.com"])),
    ("2001:db8::1", self_signed("2001:db8::1")),
    ("2001:db8:0:0:0:0:0:1", self_signed("2001:db8::1")),
]


def test_identity(machines: dict[str, Machine], shared: Path) -> None:
    cases = [*IDENTITIES, *generated_names(SEED, GENERATED)]
    count = COUNTS["host names and certificate names"] = Count(len(cases))
    for host, certificate in cases:
        path = store(shared / "store.jks", (certificate.der,))
        with MailServer("smtps", certificate=certificate) as server:
            for name, answer in ask_all(machines, "identity", path, host, server.port).items():
                limits = machines[name].limits
                verdict = judge([certificate.der], Anchors([certificate.der], "store", "given"), host, limits=limits)
                differs = verdict.names_match != (answer == "ok")
                count.add(name, answer == "ok", f"{host} against {verdict.names}: {answer}" if differs else "")
    assert not count.texts(), count.texts()
    asked = len(cases) * len(machines)
    assert asked * 0.15 < count.accepted < asked * 0.85, f"lopsided: {count.accepted} of {asked} were accepted"


def store_cases(folder: Path, anchor: bytes) -> list[tuple[str, str | None, str | None]]:
    """Name, path and password of truststore files, odd ones among them."""
    entry = Entry("ours", anchor)
    jks = write_store([entry], "jks", "changeit")
    files = {
        "good.jks": jks,
        "good.p12": write_store([entry], "pkcs12"),
        "uppercase.jks": write_store([Entry("Ours", anchor)], "jks", "changeit"),
        "empty.jks": write_store([], "jks", "changeit"),
        "truncated.jks": jks[:-30],
        "nothing": b"",
        "store.pem": self_signed().pem.encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    cases: list[tuple[str, str | None, str | None]] = []
    for name in [*files, "missing.jks"]:
        for password in (None, "changeit", "wrong") if name.startswith("good") else (None,):
            cases.append((f"{name}, password {password}", str(folder / name), password))
    cases.append(("no argument", None, None))
    return cases


def run_program(machine: Machine, question: Question) -> Answer:
    """Ask by the program, as the module does."""
    return ask(find_launcher(str(machine.home)), question, Deadline(60))


def test_truststore_files(machines: dict[str, Machine], shared: Path) -> None:
    """The file that a JVM is started with, asked by the program: the JVM reads it when it starts."""
    root = authority()
    server_certificate = leaf(root)
    cases = store_cases(shared, root.der)
    # Each takes a JVM of its own.
    asked = machines if FULL else dict([*machines.items()][:1])
    cases = cases if FULL else cases[2::4]
    count = COUNTS["truststore files"] = Count(len(cases))
    with MailServer("smtps", certificate=server_certificate) as server:
        for name, machine in asked.items():
            for case, path, password in cases:
                answer = run_program(machine, Question("127.0.0.1", server.port, "smtps", path, password))
                verdict = judge(server_certificate.chain_der, load_anchors(path, password, str(machine.home)), HOST)
                text = f"{case}: the model says {verdict.reason}; Java: {answer}"
                count.add(name, answer.stage == "done", text if verdict.trusted != (answer.stage == "done") else "")
    assert not count.texts(), count.texts()


def test_the_program_says_what_javamail_says(machines: dict[str, Machine], shared: Path) -> None:
    every = table()
    cases = every[::8] if FULL else every[:2]
    asked = machines if FULL else dict([*machines.items()][::4])
    count = COUNTS["the program that asks the JVM"] = Count(len(cases))
    for number, situation in enumerate(cases):
        mode = ("smtps", "starttls")[number % 2]
        path = store(shared / "store.jks", situation.anchors)
        server_mode = "starttls_required" if mode == "starttls" else mode
        with MailServer(server_mode, certificate=situation.server, context=situation.context()) as server:
            for name, machine in asked.items():
                said = machine.java.ask(mode, path, "127.0.0.1", server.port)
                answer = run_program(machine, Question("127.0.0.1", server.port, server_mode, str(path), None))
                text = "" if same(answer, said) else f"{situation.name}: JavaMail says {said}, the program {answer}"
                count.add(name, answer.stage == "done", text)
    assert not count.texts(), count.texts()


def same(answer: Answer, said: str) -> bool:
    if answer.stage == "done":
        return said == "ok"
    # JavaMail's own exception comes first, and then, in a text of its own, what the JVM threw.
    causes = answer.error.split(" <- ")
    return said != "ok" and any(cause.partition(": ")[2][-80:] in said for cause in causes)


def test_the_table_in_the_documentation(machines: dict[str, Machine]) -> None:
    if not FULL or set(machines) != {f"Java {number}" for number in containers.RELEASES}:
        pytest.skip(f"{doc_table.WRITE}=1 and all five JVMs make the table")
    header = ["what", "cases", *machines, "accepted"]
    rows = [
        [
            kind,
            str(count.cases),
            *(str(len(count.wrong.get(name, []))) for name in machines),
            f"{100 * count.accepted // (count.cases * len(machines))} %",
        ]
        for kind, count in COUNTS.items()
    ]
    doc_table.write(PAGE, TABLE, doc_table.table(header, rows))
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    versions = ", ".join(jvm.version(m.home) if (m.home / "release").exists() else "8" for m in machines.values())
    doc_table.write(PAGE, RUN, f"Last written on {today} by Java {versions}, with the seed {SEED}.")
    assert sum(count.cases for count in COUNTS.values()) > 500


def test_chain_order_is_presented_as_given() -> None:
    """The catalogue rests on the server sending what it is told, strangers and repetitions among it."""
    root = authority()
    middle = authority("Intermediate", issuer=root)
    odd = presenting(leaf(middle), root, middle, middle)
    with MailServer("smtps", certificate=odd) as server:
        assert fetch_chain("127.0.0.1", server.port, "smtps", 5.0).certificates == odd.chain_der
