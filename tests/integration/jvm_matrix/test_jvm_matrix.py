# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Java 8 to 25 with truststore_file of ours: each format, with the right, no and a wrong password.

In every cell a JVM of its own delivers a message by JavaMail, STARTTLS required, to a server on loopback whose
authority is in our truststore only. `make docs-tables` writes what came out into docs/jvm-matrix.md; every other run
compares.
"""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store as store_file

from tests import doc_table
from tests.ansible_module import run_module
from tests.integration.jvm_matrix import jvm
from tests.mail_server import MailServer, authority, leaf

FORMATS = ("jks", "pkcs12")
# "-" stands for no password property, and for no -storepass.
PASSWORDS = {"right": "changeit", "none": "-", "wrong": "another-one"}
PAGE, TABLE, VERSIONS = "jvm-matrix.md", "matrix", "versions"
UNTRUSTED = "unable to find valid certification path"
WRONG = "password was incorrect"
# All that Java 17 and later say of that where TLS begins.
NO_TLS = (WRONG, "problem accessing trust store")

pytestmark = pytest.mark.timeout(jvm.BUILD_SECONDS + jvm.MATRIX_SECONDS)


@dataclass
class Asked:
    """What one Java said. The keys of ``delivered`` and ``listed`` are format and kind of password."""

    version: str
    base_entries: int
    own_format: str
    store_file: dict[str, bytes]
    stores_of_pkcs12: dict[str, bytes]
    pkcs12_file: str
    delivered: dict[tuple[str, str], str] = field(default_factory=dict)
    listed: dict[tuple[str, str], str] = field(default_factory=dict)
    arrived: set[str] = field(default_factory=set)
    without: str = ""


ASKED: dict[int, Asked] = {}


@pytest.fixture(scope="module")
def images() -> dict[str, str]:
    lacking = jvm.missing()
    if lacking:
        # CI is where it must not go unnoticed that nothing was shown.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no JVM matrix: {lacking}")
    return jvm.build_images()


@pytest.fixture(scope="module")
def classes(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    jvm.compile_to(folder)
    return folder


@pytest.fixture(scope="module", params=list(jvm.RELEASES), ids=lambda number: f"java{number}")
def asked(
    request: pytest.FixtureRequest, images: dict[str, str], classes: Path, tmp_path_factory: pytest.TempPathFactory
) -> Asked:
    """All answers of one Java."""
    work = tmp_path_factory.mktemp(f"java{request.param}")
    root = authority("Private Root CA")
    with (
        MailServer("starttls_required", certificate=leaf(root, "127.0.0.1")) as server,
        jvm.Jvm(images[f"java{request.param}"], classes, work) as java,
    ):
        answers = ask_all(java, work, root.pem, server)
    ASKED[request.param] = answers
    return answers


def ask_all(java: jvm.Jvm, work: Path, pem: str, server: MailServer) -> Asked:
    for home in ("own", "pkcs12"):
        assert java.ask("copy", "bin/java", f"{jvm.WORK}/{home}") == "ok"
    assert java.ask("copy", "lib/security/cacerts", f"{jvm.WORK}/own") == "ok"
    (work / "pkcs12/lib/security").mkdir(parents=True)
    entries = java.ask("bundle-as-pkcs12", f"{jvm.WORK}/pkcs12/lib/security/cacerts")
    own_format, store_file = make_store_file(work / "own", int(entries), pem)
    pkcs12_file, stores_of_pkcs12 = make_store_file(work / "pkcs12", int(entries), pem)
    answers = Asked(java.ask("version"), int(entries), own_format, store_file, stores_of_pkcs12, pkcs12_file)
    host, port = "127.0.0.1", str(server.port)
    for format in FORMATS:
        store = f"{jvm.WORK}/own/store.{format}"
        for kind, password in PASSWORDS.items():
            said = java.ask("deliver", store, password, host, port, f"{format} {kind}")
            answers.delivered[format, kind] = said
            answers.listed[format, kind] = java.ask("list", store, password)
    answers.without = java.ask("deliver", "-", "-", host, port, "without")
    answers.arrived = {str(message["Subject"]) for message in server.maildir}
    return answers


def make_store_file(home: Path, entries: int, pem: str) -> tuple[str, dict[str, bytes]]:
    """Our store_file from the bundle of the Java in ``home``, by format, and the format of that bundle."""
    store_file = {}
    for format in FORMATS:
        path = home / f"store.{format}"
        made = run_module(path=str(path), java_home=str(home), format=format, certificates=[{"pem": pem}])
        assert not made.failed, made.message
        assert made.result["base"]["path"] == str(home / "lib/security/cacerts")
        assert made.result["base"]["entries"] == entries
        assert made.result["entries"] == entries + 1
        store_file[format] = path.read_bytes()
    return made.result["base"]["format"], store_file


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
    assert (asked.own_format, asked.pkcs12_file) == ("jks", "pkcs12")
    assert asked.store_file[format] == asked.stores_of_pkcs12[format]
    assert len(store_file.read_store(asked.store_file[format], "changeit")) == asked.base_entries + 1


def test_the_table_in_the_documentation() -> None:
    if set(ASKED) != set(jvm.RELEASES):
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
            rows.append([str(number), jvm.RELEASES[number], format.upper(), *cells])
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
