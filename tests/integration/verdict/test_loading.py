# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""No truststore is put in place that the JVM does not load: what no JVM reads is refused by name."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import read_store
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import Jvm, Setup
from ansible_collections.stashops.mail.plugins.module_utils._x509 import jdk
from ansible_collections.stashops.mail.plugins.module_utils._x509.certificate import Certificate
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import load_pem, sha256, to_pem

from tests.ansible_module import run_module
from tests.jvm import images
from tests.mail_server import authority
from tests.mail_server.odd import ODD

CASES = Path(__file__).resolve().parents[3].parent / "shared/cases"
SECONDS = 60.0
MADE = {name: make() for name, make in ODD.items()}
# Java as it is on the PATH of this machine.
needs_java = pytest.mark.skipif(not images.own_javas(), reason="no JDK on this machine")
pytestmark = pytest.mark.timeout(images.BUILD_SECONDS + 300)


@pytest.fixture(scope="module")
def javas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[images.Java]]:
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path_factory.mktemp("shared"))
    with images.javas(tmp_path_factory.mktemp("javas")) as found:
        yield found
    tempfile.tempdir = before


def is_refused_here(der: bytes) -> bool:
    """What does not get into a truststore without a JVM."""
    try:
        return bool(Certificate(der).refusal)
    except StashMailError:
        return True


def test_the_reasons_are_those_of_every_jvm(javas: list[images.Java]) -> None:
    ders = list(MADE.values())
    for java in javas:
        with Jvm(Setup(str(java.home))) as jvm:
            refused = jvm.read(ders, Deadline(SECONDS))
        names = {name for number, name in enumerate(MADE) if number in refused}
        known = {name for name, der in MADE.items() if jdk.refusal(der)}
        here = {name for name, der in MADE.items() if is_refused_here(der)}
        assert known <= names, f"{java.name} reads {known - names}"
        assert names <= here, f"{java.name} does not read {names - here}"
    assert len(MADE) * 0.2 < len(known) < len(MADE) * 0.6


@needs_java
@pytest.mark.parametrize("place", ["pem", "base"])
@pytest.mark.parametrize("check", [True, False])
def test_it_is_refused_by_name(place: str, check: bool, tmp_path: Path) -> None:
    """One that only the JVM knows: no rule of ours is about it, and Python reads it."""
    der = unknown_to_the_rules()
    path = tmp_path / "store/cacerts"
    (tmp_path / "base").mkdir()
    (tmp_path / "base/good.pem").write_text(authority().pem)
    if place == "base":
        (tmp_path / "base/odd.pem").write_text(to_pem(der))
    certificates = [{"pem": to_pem(der)}] if place == "pem" else []
    found = run_module(check, True, path=str(path), base=str(tmp_path / "base"), certificates=certificates)
    where = r"certificates\[0\]" if place == "pem" else f"base {re.escape(str(tmp_path / 'base'))}"
    assert re.search(rf"Java \d+.* does not read .*{where}: .*{sha256(der)}: java\.", found.message)
    assert not path.parent.exists()


def unknown_to_the_rules() -> bytes:
    """A critical extension of a form that the rules do not look into."""
    from tests.mail_server.odd import CA, certificate, der, extension, sequence

    made = certificate(CA, extension(31, sequence(der(2, b"\x01")), critical=True))
    assert not jdk.refusal(made)
    Certificate(made)
    return made


@needs_java
@pytest.mark.parametrize("format", ["jks", "pkcs12"])
def test_what_it_loads_is_written(format: str, tmp_path: Path) -> None:
    path = tmp_path / "cacerts"
    options = {"path": str(path), "base": "none", "certificates": [{"pem": authority().pem}], "format": format}
    found = run_module(False, True, **options)
    assert found.changed
    assert found["loaded"]["method"] == "jvm"
    assert re.match(r"Java \d+", found["loaded"]["reason"])
    assert len(read_store(path.read_bytes(), None)) == 1
    again = run_module(False, True, **options)
    assert (again.changed, again["loaded"]) == (False, None)


@needs_java
def test_what_it_has_loaded_is_not_loaded_again(tmp_path: Path) -> None:
    path = tmp_path / "cacerts"
    options: dict[str, Any] = {"path": str(path), "base": "none", "certificates": [{"pem": authority().pem}]}
    planned = run_module(True, True, **options)["sha256"]
    found = run_module(False, True, loaded_sha256=planned.upper(), **options)
    assert (found.changed, found["loaded"]["method"]) == (True, "known")
    assert sha256(path.read_bytes()) == planned
    # Other bytes are loaded, and those that no JVM reads are refused.
    other = run_module(False, True, loaded_sha256=planned, **{**options, "format": "pkcs12"})
    assert (other.changed, other["loaded"]["method"]) == (True, "jvm")
    odd = [{"pem": to_pem(unknown_to_the_rules())}]
    assert "does not read" in run_module(False, True, loaded_sha256=planned, **{**options, "certificates": odd}).message


@pytest.mark.parametrize("place", ["pem", "base"])
def test_without_a_jvm_the_rules_count(place: str, tmp_path: Path) -> None:
    path = tmp_path / "store/cacerts"
    (tmp_path / "base").mkdir()
    (tmp_path / "base/good.pem").write_text(authority().pem)
    options: dict[str, Any] = {"path": str(path), "base": str(tmp_path / "base")}
    odd = to_pem(MADE["explicit curve"])
    if place == "pem":
        options["certificates"] = [{"pem": odd}]
    else:
        (tmp_path / "base/odd.pem").write_text(odd)
    found = run_module(**options)
    assert "the curve of its key is given by its parameters" in found.message
    assert not path.parent.exists()
    if place == "base":
        (tmp_path / "base/odd.pem").unlink()
        written = run_module(**options)
        assert written["loaded"] == {
            "method": "rules",
            "reason": "java_home /no/java holds no Java: neither bin/java nor jre/bin/java is there",
        }


@pytest.mark.skipif(not CASES.is_dir(), reason="the small inputs that failed are not here")
@pytest.mark.parametrize("name", ["explicit.pem", "emptyissuer.pem"])
def test_what_failed_once(name: str, tmp_path: Path) -> None:
    pem = (CASES / name).read_text()
    found = run_module(path=str(tmp_path / "cacerts"), base="none", certificates=[{"pem": pem}])
    assert sha256(load_pem(pem, name)[0]) in found.message
    assert os.listdir(tmp_path) == []
