# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the JVM's verdict against real JVMs with real JavaMail."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._jvm_trust import Anchors, judge
from ansible_collections.stashops.mail.plugins.module_utils._jvm_truststore import load_anchors
from ansible_collections.stashops.mail.plugins.module_utils._truststore import Entry, write_store

from tests.integration.verdict import jvm
from tests.integration.verdict.catalogue import HOST, Situation, generated, presenting, table
from tests.mail_server import Certificate, MailServer, authority, leaf, make, self_signed

pytestmark = pytest.mark.skipif(bool(jvm.missing()), reason=jvm.missing() or "-")
SEED = int(os.environ.get("STASH_MAIL_SEED", "1"))
GENERATED = int(os.environ.get("STASH_MAIL_CASES", "60"))


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return jvm.compile_to(tmp_path_factory.mktemp("classes"), jvm.javas()[0])


@pytest.fixture(scope="module")
def machines(classes: Path) -> Iterator[dict[str, jvm.Jvm]]:
    with contextlib.ExitStack() as stack:
        yield {f"Java {jvm.version(home)}": stack.enter_context(jvm.Jvm(home, classes)) for home in jvm.javas()}


def store(path: Path, anchors: tuple[bytes, ...]) -> Path:
    path.write_bytes(write_store([Entry(f"a{n}", der) for n, der in enumerate(anchors)], "jks"))
    return path


def ask_trust(
    machines: dict[str, jvm.Jvm], situation: Situation, folder: Path, mode: str = "smtps"
) -> Iterator[tuple[str, str]]:
    path = store(folder / "store.jks", situation.anchors)
    server_mode = "starttls_required" if mode == "starttls" else mode
    with MailServer(server_mode, certificate=situation.server, context=situation.context()) as server:
        for name, machine in machines.items():
            yield name, machine.ask(mode, path, "127.0.0.1", server.port)


def disagreement(situation: Situation, name: str, answer: str) -> str:
    """Return an empty string, or how the model differs from what the JVM ``name`` answered."""
    verdict = judge(
        situation.server.chain_der,
        Anchors(list(situation.anchors), "store", "given"),
        HOST,
        situation.cipher or "TLS_AES_256_GCM_SHA384",
    )
    if verdict.trusted != (answer == "ok"):
        return f"{name}: {situation.name}: the model says {verdict.reason}; Java: {answer}"
    # With an MD5 signature OpenSSL, as the server here, ends the handshake before Java can say anything.
    if verdict.log.rpartition("Exception: ")[2] not in answer and "terminated the handshake" not in answer:
        return f"{name}: {situation.name}: the log would not say {verdict.log}; Java: {answer}"
    return ""


def test_known_situations(machines: dict[str, jvm.Jvm], tmp_path: Path) -> None:
    wrong = []
    for situation in table():
        for name, answer in ask_trust(machines, situation, tmp_path):
            if situation.java is not None and (answer == "ok") != situation.java:
                wrong.append(f"{name} is not known to do this: {situation.name}: {answer}")
            wrong.append(disagreement(situation, name, answer))
    wrong = [text for text in wrong if text]
    assert not wrong, "\n".join(wrong)


def test_generated_situations(machines: dict[str, jvm.Jvm], tmp_path: Path) -> None:
    accepted, wrong = 0, []
    for situation in generated(SEED, GENERATED):
        for name, answer in ask_trust(machines, situation, tmp_path):
            accepted += answer == "ok"
            wrong.append(disagreement(situation, name, answer))
    wrong = [text for text in wrong if text]
    assert not wrong, "\n".join(wrong)
    asked = GENERATED * len(machines)
    assert asked * 0.15 < accepted < asked * 0.85, f"the cases are lopsided: {accepted} of {asked} were accepted"


def test_starttls_is_judged_alike(machines: dict[str, jvm.Jvm], tmp_path: Path) -> None:
    root = authority()
    good = Situation("good", leaf(root), (root.der,))
    bad = Situation("bad", leaf(root), (authority().der,))
    assert {answer for _name, answer in ask_trust(machines, good, tmp_path, "starttls")} == {"ok"}
    for _name, answer in ask_trust(machines, bad, tmp_path, "starttls"):
        assert "Could not convert socket to TLS" in answer
    for _name, answer in ask_trust(machines, bad, tmp_path):
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


def test_identity(machines: dict[str, jvm.Jvm], tmp_path: Path) -> None:
    wrong, accepted = [], 0
    for host, certificate in IDENTITIES:
        path = store(tmp_path / "store.jks", (certificate.der,))
        verdict = judge([certificate.der], Anchors([certificate.der], "store", "given"), host)
        with MailServer("smtps", certificate=certificate) as server:
            for name, machine in machines.items():
                answer = machine.ask("identity", path, host, server.port)
                accepted += answer == "ok"
                if verdict.names_match != (answer == "ok"):
                    wrong.append(f"{name}: {host} against {verdict.names}: {answer}")
    assert not wrong, "\n".join(wrong)
    asked = len(IDENTITIES) * len(machines)
    assert asked * 0.2 < accepted < asked * 0.8


def store_cases(folder: Path, anchor: bytes) -> list[tuple[str, list[str], str | None, str | None]]:
    """Name, the JVM's arguments, and the path and password that the model is given."""
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
    cases: list[tuple[str, list[str], str | None, str | None]] = []
    for name in [*files, "missing.jks"]:
        path = str(folder / name)
        for password in (None, "changeit", "wrong") if name.startswith("good") else (None,):
            arguments = [f"-Djavax.net.ssl.trustStore={path}"]
            if password:
                arguments.append(f"-Djavax.net.ssl.trustStorePassword={password}")
            cases.append((f"{name}, password {password}", arguments, path, password))
    cases.append(("no argument", [], None, None))
    return cases


@pytest.mark.parametrize("home", jvm.javas(), ids=lambda home: f"java-{jvm.version(home)}")
def test_truststore_files(home: Path, classes: Path, tmp_path: Path) -> None:
    root = authority()
    server_certificate = leaf(root)
    wrong = []
    with MailServer("smtps", certificate=server_certificate) as server:
        for name, arguments, path, password in store_cases(tmp_path, root.der):
            with jvm.Jvm(home, classes, *arguments, limit=30) as machine:
                answer = machine.ask("smtps", "-", "127.0.0.1", server.port)
            anchors = load_anchors(path, password, str(home))
            verdict = judge(server_certificate.chain_der, anchors, HOST)
            if verdict.trusted != (answer == "ok"):
                wrong.append(f"{name}: the model says {verdict.reason}; Java: {answer}")
    assert not wrong, "\n".join(wrong)


def test_chain_order_is_presented_as_given() -> None:
    """The catalogue rests on the server sending what it is told, strangers and repetitions among it."""
    root = authority()
    middle = authority("Intermediate", issuer=root)
    odd = presenting(leaf(middle), root, middle, middle)
    from ansible_collections.stashops.mail.plugins.module_utils._tls import fetch_chain

    with MailServer("smtps", certificate=odd) as server:
        assert fetch_chain("127.0.0.1", server.port, "smtps", 5.0).certificates == odd.chain_der
