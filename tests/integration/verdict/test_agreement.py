# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that asks a JVM says what real JavaMail does on that JVM: Java 8, 11, 17, 21 and 25.

Where this machine cannot have all of these, its own JDKs serve. ``make agreement`` tries more than five hundred
situations on each and writes the table in docs/verdict.md; otherwise a part of them, for time's sake. STASH_MAIL_SEED
and STASH_MAIL_CASES give other and more generated cases.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import (
    PASSWORD_PROPERTY,
    PATH_PROPERTY,
    TYPE_PROPERTY,
)
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._smtp.tls import fetch_chain
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import (
    Jvm,
    JvmReport,
    Question,
    Setup,
    Truststore,
)

from tests import doc_table
from tests.integration.verdict.catalogue import (
    HOST,
    Situation,
    generated,
    generated_names,
    presenting,
    table,
    unusual,
)
from tests.jvm import images
from tests.jvm.program import Program
from tests.mail_server import Certificate, MailServer, authority, leaf, make, self_signed

FULL = doc_table.wanted()
SEED = int(os.environ.get("STASH_MAIL_SEED", "1"))
GENERATED = int(os.environ.get("STASH_MAIL_CASES", "300" if FULL else "20"))
PAGE, TABLE, RUN = "verdict.md", "agreement", "run"
LIMIT = 3600.0
ANSWER_SECONDS = 60.0

pytestmark = [
    pytest.mark.skipif(bool(images.missing()), reason=images.missing() or "-"),
    pytest.mark.timeout(images.BUILD_SECONDS + LIMIT),
]


class Machine:
    """One Java, on which JavaMail and our program answer the same questions."""

    def __init__(self, java: images.Java, classes: Path, arguments: Sequence[str] = ()) -> None:
        self.java = java
        self.javamail = Program(java, classes, "Verdict", LIMIT, arguments)
        self.jvm = Jvm(Setup(str(java.home), arguments))
        self.by_data = False

    def put(self, mode: str, path: Path | str, host: str, port: int) -> None:
        """Ask JavaMail, without waiting for its answer."""
        self.javamail.put(mode, path, host, str(port))

    def judge(self, security: str, path: Path | str, host: str, port: int) -> JvmReport:
        """Ask the program by the truststore in ``path``; the server is on this machine."""
        # Every other case by what is in the file, as a truststore that is not in place yet is judged by.
        self.by_data = not self.by_data
        data = Path(path).read_bytes() if self.by_data else None
        truststore = Truststore(None if self.by_data else str(path), data=data)
        question = Question(host, port, security, truststore, address="127.0.0.1")
        return self.jvm.judge(question, Deadline(ANSWER_SECONDS))

    def close(self) -> None:
        self.jvm.close()
        self.javamail.__exit__(None, None, None)


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
    """A folder for truststores, in which our own code makes its temporary files, too."""
    folder = tmp_path_factory.mktemp("shared")
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    yield folder
    tempfile.tempdir = before


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return images.compile_to(tmp_path_factory.mktemp("classes"), Path(__file__).with_name("Verdict.java"))


@pytest.fixture(scope="module")
def javas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[images.Java]]:
    with images.javas(tmp_path_factory.mktemp("javas")) as found:
        yield found


@pytest.fixture(scope="module")
def machines(javas: list[images.Java], classes: Path, shared: Path) -> Iterator[list[Machine]]:
    with contextlib.ExitStack() as stack:
        found = [Machine(java, classes) for java in javas]
        for machine in found:
            stack.callback(machine.close)
        yield found


def store(folder: Path, anchors: tuple[bytes, ...]) -> Path:
    """A file of its own each time: a JVM keeps what it has read of one."""
    descriptor, name = tempfile.mkstemp(suffix=".jks", dir=folder)
    with open(descriptor, "wb") as file:
        file.write(write_store([Entry(f"a{n}", der) for n, der in enumerate(anchors)], "jks"))
    return Path(name)


def compare(kind: str, machines: list[Machine], situations: list[Situation], folder: Path) -> Count:
    count = COUNTS.setdefault(kind, Count())
    count.cases += len(situations)
    for number, situation in enumerate(situations):
        # The way to TLS makes no difference to the verdict, so that each is tried with half of them.
        mode, security = (("smtps", "smtps"), ("starttls", "starttls_required"))[number % 2]
        path = store(folder, situation.anchors)
        with MailServer(security, certificate=situation.server, context=situation.context()) as server:
            for machine in machines:
                machine.put(mode, path, "127.0.0.1", server.port)
            reports = [machine.judge(security, path, "127.0.0.1", server.port) for machine in machines]
            for machine, report in zip(machines, reports, strict=True):
                said = machine.javamail.get()
                text = "" if same(report, said) else f"JavaMail says {said}, the program {report}"
                if situation.java is not None and (said == "ok") != situation.java:
                    text = f"it is known to end otherwise: {said}"
                count.add(machine.java.name, said == "ok", f"{situation.name}: {text}" if text else "")
        path.unlink()
    return count


def same(report: JvmReport, said: str) -> bool:
    """Whether the program's report and JavaMail's words are one verdict, for one reason."""
    if report.stage == "done":
        return said == "ok"
    if report.stage == "context":
        # JavaMail did not come to connect. Asked by one format, as here, a JVM names what is wrong; on its own it tries
        # the other one, and tells what that says.
        return said != "ok" and ("javax.mail" not in said or plain(report.innermost)[-60:] in plain(said))
    # JavaMail's own exception comes first, and then, in a text of its own, what the JVM threw.
    said = plain(said)
    return said != "ok" and any(plain(cause).partition(": ")[2][-80:] in said for cause in report.error.split(" <- "))


def plain(text: str) -> str:
    # What differs from one connection to the next, such as a certificate in hexadecimal, or the time.
    return re.sub(r"\s+", " ", re.sub(r"@[0-9a-f]+|\d{4}-\d\d-\d\dT[\d:.]+Z", "", text))


def test_known_situations(machines: list[Machine], shared: Path) -> None:
    cases = table() if FULL else table()[::2]
    count = compare("known certificate situations", machines, cases, shared)
    assert not count.texts(), count.texts()


def test_unusual_situations(machines: list[Machine], shared: Path) -> None:
    cases = unusual() if FULL else unusual()[::2]
    count = compare("unusual certificate situations", machines, cases, shared)
    assert not count.texts(), count.texts()


def test_generated_situations(machines: list[Machine], shared: Path) -> None:
    count = compare("generated certificate situations", machines, list(generated(SEED, GENERATED)), shared)
    assert not count.texts(), count.texts()
    asked = GENERATED * len(machines)
    assert asked * 0.1 < count.accepted < asked * 0.9, f"lopsided: {count.accepted} of {asked} were accepted"


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


def test_identity(machines: list[Machine], shared: Path) -> None:
    """The program's word on the name, whatever it says of the trust, against the JVM's own check of it."""
    cases = [*(IDENTITIES if FULL else IDENTITIES[::2]), *generated_names(SEED, GENERATED)]
    count = COUNTS["host names and certificate names"] = Count(len(cases))
    stranger = store(shared, (authority().der,))
    for number, (host, certificate) in enumerate(cases):
        path = store(shared, (certificate.der,))
        with MailServer("smtps", certificate=certificate) as server:
            for machine in machines:
                machine.put("identity", path, host, server.port)
                report = machine.judge("smtps", path if number % 2 else stranger, host, server.port)
                said = machine.javamail.get()
                differs = report.names_match != (said == "ok")
                count.add(machine.java.name, said == "ok", f"{host}: {said} against {report}" if differs else "")
        path.unlink()
    assert not count.texts(), count.texts()
    asked = len(cases) * len(machines)
    assert asked * 0.15 < count.accepted < asked * 0.85, f"lopsided: {count.accepted} of {asked} were accepted"


# The program and JavaMail, each in a JVM of its own that is started with the truststore or with other arguments.


def store_cases(folder: Path, anchor: bytes) -> list[tuple[str, list[str]]]:
    """Truststore files, odd ones among them: a name for each, and the arguments that a JVM gets it by."""
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
    cases = [("no argument", []), ("missing.jks", [f"-D{PATH_PROPERTY}={folder / 'missing.jks'}"])]
    for name in files:
        given = f"-D{PATH_PROPERTY}={folder / name}"
        cases.append((name, [given]))
        if name.startswith("good"):
            cases += [(f"{name}, password {word}", [given, f"-D{PASSWORD_PROPERTY}={word}"]) for word in PASSWORDS]
            cases += [(f"{name}, type {kind}", [given, f"-D{TYPE_PROPERTY}={kind}"]) for kind in TYPES]
    return cases


PASSWORDS, TYPES = ("changeit", "wrong"), ("jks", "pkcs12", "JCEKS", "nonsense")


def ask_once(java: images.Java, classes: Path, arguments: list[str], server: MailServer) -> tuple[str, JvmReport]:
    """What JavaMail and the program say in JVMs that are started with ``arguments``."""
    given = {argument[2:].partition("=")[0]: argument.partition("=")[2] for argument in arguments}
    path, password = given.get(PATH_PROPERTY), given.get(PASSWORD_PROPERTY)
    setup = Setup(str(java.home), arguments)
    with Program(java, classes, "Verdict", ANSWER_SECONDS, arguments) as javamail, Jvm(setup) as jvm:
        mode = "smtps" if server.mode == "smtps" else "starttls"
        javamail.put(mode, "-", "127.0.0.1", str(server.port))
        question = Question("127.0.0.1", server.port, server.mode, Truststore(path, password))
        report = jvm.judge(question, Deadline(ANSWER_SECONDS))
        return javamail.get(), report


def test_truststore_files(javas: list[images.Java], classes: Path, shared: Path) -> None:
    root = authority()
    cases = store_cases(shared, root.der)
    # Each takes two JVMs of its own.
    asked, cases = (javas, cases) if FULL else (javas[:1], cases[2::4])
    count = COUNTS["truststore files and their arguments"] = Count(len(cases))
    with MailServer("smtps", certificate=leaf(root)) as server:
        for java in asked:
            for case, arguments in cases:
                said, report = ask_once(java, classes, arguments, server)
                text = "" if same(report, said) else f"{case}: JavaMail says {said}, the program {report}"
                count.add(java.name, said == "ok", text)
    assert not count.texts(), count.texts()


def settings(folder: Path) -> list[list[str]]:
    """Arguments that bear on TLS and validation, some by an edited java.security."""
    found = [
        ["-Djdk.tls.client.protocols=TLSv1.2"],
        ["-Djdk.tls.client.protocols=TLSv1.1"],
        ["-Djdk.tls.maxCertificateChainLength=2"],
        ["-Djdk.tls.client.cipherSuites=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
        ["-Djdk.tls.namedGroups=secp521r1"],
        ["-Djdk.tls.client.SignatureSchemes=ecdsa_secp384r1_sha384"],
        ["-Dcom.sun.net.ssl.checkRevocation=true"],
        ["-Djdk.security.allowNonCaAnchor=true"],
        ["-Djava.net.preferIPv6Addresses=true"],
        ["-DsocksProxyHost=127.0.0.1", "-DsocksProxyPort=1"],
        ["-Djdk.tls.client.protocols=TLSv1.2", "-Djdk.tls.client.cipherSuites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
        ["-Djdk.tls.client.SignatureSchemes=rsa_pss_rsae_sha256"],
        ["-Djdk.tls.namedGroups=nonsense"],
        ["-Djdk.tls.maxHandshakeMessageSize=900"],
        ["-Djdk.tls.client.enableStatusRequestExtension=true", "-Dcom.sun.net.ssl.checkRevocation=true"],
        ["-Dcom.sun.security.enableCRLDP=true", "-Dcom.sun.net.ssl.checkRevocation=true"],
        ["-Djsse.enableSNIExtension=false"],
        ["-Djavax.net.ssl.trustStoreProvider=SUN", f"-D{TYPE_PROPERTY}=JKS"],
        ["-Djavax.net.ssl.trustStoreProvider=nonsense"],
        ["-Djava.net.preferIPv4Stack=true"],
    ]
    for number, text in enumerate(
        (
            "jdk.certpath.disabledAlgorithms=SHA256\n",
            "jdk.certpath.disabledAlgorithms=EC keySize < 521\n",
            "jdk.tls.disabledAlgorithms=TLSv1.3, TLSv1.2\n",
            "ssl.TrustManagerFactory.algorithm=SunX509\n",
            "keystore.type=jks\n",
            "keystore.type=pkcs12\nkeystore.type.compat=false\n",
            "jdk.certpath.disabledAlgorithms=RSA keySize < 3072\n",
            "jdk.certpath.disabledAlgorithms=SHA256 usage TLSServer\n",
            "jdk.certpath.disabledAlgorithms=SHA256 denyAfter 2020-01-01\n",
            "jdk.tls.disabledAlgorithms=ECDSA, RSA keySize < 3072\n",
            "ocsp.enable=true\n",
            "security.provider.1=nonsense\n",
        )
    ):
        path = folder / f"{number}.security"
        path.write_text(text)
        found.append([f"-Djava.security.properties={path}"])
    return found


def test_settings_of_the_jvm(javas: list[images.Java], classes: Path, shared: Path) -> None:
    """What is set by arguments, and by a java.security that they name, counts for the program as for JavaMail."""
    root = authority(key_kind="rsa-2048")
    middle = authority("Intermediate", issuer=root)
    server_kinds = [leaf(middle), leaf(root, key_kind="rsa-2048")]
    path = store(shared, (root.der,))
    cases = [[f"-D{PATH_PROPERTY}={path}", *arguments] for arguments in settings(shared)]
    asked, cases = (javas, cases) if FULL else (javas[-1:], cases[1::6])
    count = COUNTS["settings among the JVM's arguments"] = Count(len(cases) * len(server_kinds))
    for certificate in server_kinds:
        with MailServer("starttls_required", certificate=certificate) as server:
            for java in asked:
                for arguments in cases:
                    said, report = ask_once(java, classes, arguments, server)
                    agree = same(report, said)
                    # Where there is no connection there is no verdict, and the words are JavaMail's own.
                    agree = agree or (report.stage == "connect" and "Couldn't connect to host" in said)
                    text = "" if agree else f"{arguments[1:]}: JavaMail says {said}, the program {report}"
                    count.add(java.name, said == "ok", text)
    assert not count.texts(), count.texts()


def test_the_name_in_ehlo(machines: list[Machine], shared: Path) -> None:
    """The program calls itself what JavaMail does."""
    with MailServer("plain") as server:
        for machine in machines:
            said = machine.javamail.ask("hello", "-", "127.0.0.1", str(server.port))
            assert machine.jvm.greet("127.0.0.1", Deadline(ANSWER_SECONDS)) == said, machine.java.name


def test_the_table_in_the_documentation(javas: list[images.Java]) -> None:
    if not FULL or {java.number for java in javas} != set(images.RELEASES):
        pytest.skip(f"{doc_table.WRITE}=1 and all five JVMs make the table")
    names = [java.name for java in javas]
    rows = [
        [
            kind,
            str(count.cases),
            *(str(len([text for text in count.wrong.get(name, []) if text])) for name in names),
            f"{100 * count.accepted // (count.cases * len(names))} %",
        ]
        for kind, count in COUNTS.items()
    ]
    doc_table.write(PAGE, TABLE, doc_table.table(["what", "cases", *names, "accepted"], rows))
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    versions = ", ".join(java.version for java in javas)
    doc_table.write(PAGE, RUN, f"Last written on {today} by Java {versions}, with the seed {SEED}.")
    assert sum(count.cases for count in COUNTS.values()) > 500


def test_chain_order_is_presented_as_given() -> None:
    """The catalogue rests on the server sending what it is told, strangers and repetitions among it."""
    root = authority()
    middle = authority("Intermediate", issuer=root)
    odd = presenting(leaf(middle), root, middle, middle)
    with MailServer("smtps", certificate=odd) as server:
        assert fetch_chain("127.0.0.1", server.port, "smtps", 5.0).certificates == odd.chain_der
