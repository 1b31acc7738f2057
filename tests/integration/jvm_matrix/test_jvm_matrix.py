# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Java 8 to 25 with truststores of ours: each format, with the right, no and a wrong password.

In every cell a JVM of its own delivers a message by JavaMail, STARTTLS required, to a server on loopback whose
authority is in our truststore only. `make docs-tables` writes what came out into docs/jvm-matrix.md; every other run
compares.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import read_store

from tests import doc_table
from tests.ansible_module import run_module
from tests.jvm import images
from tests.jvm.program import Program
from tests.mail_server import MailServer, authority, leaf

FORMATS = ("jks", "pkcs12")
# "-" stands for no password property, and for no -storepass.
PASSWORDS = {"right": "changeit", "no": "-", "wrong": "another-one"}
PAGE, TABLE, VERSIONS = "jvm-matrix.md", "matrix", "versions"
UNTRUSTED = "unable to find valid certification path"
WRONG = "password was incorrect"
# All that Java 17 and later say of that where TLS begins.
NO_TLS = (WRONG, "problem accessing trust store")

SECONDS = 240.0

pytestmark = [
    pytest.mark.skipif(bool(images.missing()), reason=images.missing() or "-"),
    pytest.mark.timeout(images.BUILD_SECONDS + SECONDS),
]


@dataclass
class Asked:
    """What one Java said. The keys of ``delivered`` and ``listed`` are format and kind of password.

    ``stores`` are ours by format, built from the Java's own bundle, ``from_pkcs12`` those from that bundle as PKCS12.
    """

    version: str
    base_entries: int
    base_formats: tuple[str, str]
    stores: dict[str, bytes]
    from_pkcs12: dict[str, bytes]
    delivered: dict[tuple[str, str], str] = field(default_factory=dict)
    listed: dict[tuple[str, str], str] = field(default_factory=dict)
    arrived: set[str] = field(default_factory=set)
    without: str = ""


ASKED: dict[int, Asked] = {}


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return images.compile_to(tmp_path_factory.mktemp("classes"), Path(__file__).with_name("Matrix.java"))


@pytest.fixture(scope="module")
def javas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, images.Java]]:
    with images.javas(tmp_path_factory.mktemp("javas")) as found:
        yield {java.number: java for java in found}


@pytest.fixture(scope="module", params=list(images.RELEASES), ids=lambda number: f"java{number}")
def asked(
    request: pytest.FixtureRequest,
    javas: dict[int, images.Java],
    classes: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Asked:
    """All answers of one Java."""
    java = javas.get(request.param)
    if java is None:
        pytest.skip(f"no Java {request.param}: {images.missing_images()}")
    root = authority("Private Root CA")
    with (
        MailServer("starttls_required", certificate=leaf(root, "127.0.0.1")) as server,
        Program(java, classes, "Matrix", SECONDS) as program,
    ):
        answers = ask_all(java, program, tmp_path_factory.mktemp("stores"), root.pem, server)
    ASKED[request.param] = answers
    return answers


def ask_all(java: images.Java, program: Program, folder: Path, pem: str, server: MailServer) -> Asked:
    home = folder / "home"
    (home / "lib/security").mkdir(parents=True)
    (home / "bin").mkdir()
    shutil.copy(java.command, home / "bin")
    entries = int(program.ask("bundle-as-pkcs12", home / "lib/security/cacerts"))
    own_format, stores = make_stores(java.home, folder, entries, pem)
    other_format, from_pkcs12 = make_stores(home, folder / "home", entries, pem)
    answers = Asked(java.version, entries, (own_format, other_format), stores, from_pkcs12)
    host, port = "127.0.0.1", str(server.port)
    for format in FORMATS:
        store = folder / f"store.{format}"
        for kind, password in PASSWORDS.items():
            said = program.ask("deliver", store, password, host, port, f"{format} {kind}")
            answers.delivered[format, kind] = said
            answers.listed[format, kind] = program.ask("list", store, password)
    answers.without = program.ask("deliver", "-", "-", host, port, "without")
    answers.arrived = {str(message["Subject"]) for message in server.maildir}
    return answers


def make_stores(home: Path, folder: Path, entries: int, pem: str) -> tuple[str, dict[str, bytes]]:
    """Our truststores from the bundle of the Java in ``home``, by format, and the format of that bundle."""
    stores = {}
    for format in FORMATS:
        path = folder / f"store.{format}"
        made = run_module(path=str(path), java_home=str(home), format=format, certificates=[{"pem": pem}])
        assert not made.failed, made.message
        assert made.result["base"]["path"] == str(home / "lib/security/cacerts")
        assert made.result["base"]["entries"] == entries
        assert made.result["entries"] == entries + 1
        stores[format] = path.read_bytes()
    return made.result["base"]["format"], stores


def expected(format: str, password: str) -> bool:
    """Whether Java reads it: only JKS has a checksum that a wrong password does not match."""
    return password != "wrong" or format == "pkcs12"


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("format", FORMATS)
def test_delivery(asked: Asked, format: str, password: str) -> None:
    said = asked.delivered[format, password]
    assert (f"{format} {password}" in asked.arrived) == expected(format, password), said
    if expected(format, password):
        assert said == "delivered"
    else:
        assert any(text in said for text in NO_TLS), said


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("format", FORMATS)
def test_keytool_counts_all(asked: Asked, format: str, password: str) -> None:
    said = asked.listed[format, password]
    if expected(format, password):
        assert said == str(asked.base_entries + 1)
    else:
        assert WRONG in said


def test_without_our_truststore_nothing_is_delivered(asked: Asked) -> None:
    assert UNTRUSTED in asked.without
    assert "without" not in asked.arrived


@pytest.mark.parametrize("format", FORMATS)
def test_the_bundles_format_makes_no_difference(asked: Asked, format: str) -> None:
    """The bundle as the JDK builds its own since 18, PKCS12 without MAC, gives the same bytes as the JKS."""
    assert asked.base_formats == ("jks", "pkcs12")
    assert asked.stores[format] == asked.from_pkcs12[format]
    assert len(read_store(asked.stores[format], "changeit")) == asked.base_entries + 1


def test_the_table_in_the_documentation() -> None:
    if set(ASKED) != set(images.RELEASES):
        pytest.skip("the table needs the answers of every Java, and this run did not ask them all")
    made = render()
    if doc_table.wanted():
        doc_table.write(PAGE, TABLE, made)
        exact = ", ".join(asked.version for _, asked in sorted(ASKED.items()))
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        doc_table.write(PAGE, VERSIONS, f"Last written on {today} with Java {exact}.")
    assert doc_table.read(PAGE, TABLE) == made, f"docs/{PAGE} is out of date: run make docs-tables"


def render() -> str:
    """The table, from what was answered."""
    header = ["Java", "from Debian", "format", *(f"{kind} password" for kind in PASSWORDS)]
    rows = []
    for number, asked in sorted(ASKED.items()):
        for format in FORMATS:
            cells = [f"{mail(asked, format, kind)}; {keytool(asked, format, kind)}" for kind in PASSWORDS]
            rows.append([str(number), images.RELEASES[number], format.upper(), *cells])
    return doc_table.table(header, rows)


def mail(asked: Asked, format: str, password: str) -> str:
    """What became of the message; the exception only where it is none of those expected."""
    said = asked.delivered[format, password]
    return "no TLS" if any(text in said for text in NO_TLS) else said


def keytool(asked: Asked, format: str, password: str) -> str:
    """What keytool counted, without the number of CAs, which differs from release to release."""
    said = asked.listed[format, password]
    if WRONG in said:
        return "not listed"
    return "all listed" if said == str(asked.base_entries + 1) else f"{said} listed"
