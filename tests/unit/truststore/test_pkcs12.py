# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""PKCS12: written as DER, read as BER, told apart by what needs a password."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._truststore import pkcs12 as pkcs12_file
from ansible_collections.stashops.mail.plugins.module_utils._truststore import pkcs12_encrypted
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store as store_file
from ansible_collections.stashops.mail.plugins.module_utils._truststore.entry import Entry, TruststoreError
from ansible_collections.stashops.mail.plugins.module_utils._x509 import der
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.truststore.factory import make

ENTRIES = st.lists(
    st.builds(Entry, st.text(st.characters(exclude_categories=()), max_size=40), st.binary(min_size=1, max_size=300)),
    max_size=8,
)
KEYTOOL = shutil.which("keytool")
needs_keytool = pytest.mark.skipif(KEYTOOL is None, reason="no keytool on the search path")


def java_text(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@given(ENTRIES)
def test_what_is_written_is_read_again(entries: list[Entry]) -> None:
    data = pkcs12_file.write(entries)
    store = pkcs12_file.read(data)
    assert store == ([Entry(java_text(e.alias), e.der) for e in entries], 0, False, False)
    assert store_file.detect(data) == "pkcs12"


def indefinite(data: bytes) -> bytes:
    """The same value in BER: indefinite lengths, and octet strings cut into pieces."""
    element = der.root(data, data[0])
    content = data[element.start : element.end]
    if element.tag & 0x20:
        parts = [indefinite(data[c_start:c_next]) for c_start, c_next in spans(data, element)]
        return bytes((element.tag, 0x80)) + b"".join(parts) + b"\0\0"
    if element.tag == der.OCTET_STRING and content:
        half = len(content) // 2
        pieces = der.write(der.OCTET_STRING, content[:half]) + der.write(der.OCTET_STRING, content[half:])
        return bytes((0x24, 0x80)) + pieces + b"\0\0"
    return data


def spans(data: bytes, element: der.Element) -> t.Iterator[tuple[int, int]]:
    position = element.start
    for child in der.children(data, element):
        yield position, child.next
        position = child.next


@settings(deadline=None)  # Hypothesis' own is too short for a busy machine.
@given(ENTRIES)
def test_indefinite_lengths_and_cut_strings(entries: list[Entry]) -> None:
    data = pkcs12_file.write(entries)
    assert pkcs12_file.read(indefinite(data)) == pkcs12_file.read(data)


@given(st.data())
def test_every_truncation_is_an_error(data: st.DataObject) -> None:
    whole = pkcs12_file.write([Entry("alias", b"der" * 30), Entry("other", b"red" * 30)])
    with pytest.raises(TruststoreError):
        pkcs12_file.read(whole[: data.draw(st.integers(0, len(whole) - 1))])


@settings(max_examples=300)
@given(st.data())
def test_changed_bytes_end_in_a_store_or_a_clear_error(data: st.DataObject) -> None:
    whole = bytearray(pkcs12_file.write([Entry("alias", b"der" * 30), Entry("other", b"red" * 30)]))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(TruststoreError):
        assert len(pkcs12_file.read(bytes(whole)).entries) <= 2


@pytest.mark.parametrize("unit", ["3080", "a080", "2480", "308003020100"])
def test_deep_nesting_ends_soon(unit: str) -> None:
    data = bytes.fromhex("3080020103") + bytes.fromhex(unit) * 500_000
    started = time.monotonic()
    with pytest.raises(TruststoreError):
        pkcs12_file.read(data)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("length", ["847fffffff", "84ffffffff", "88ffffffffffffffff", "ff", "89" + "ff" * 9])
def test_lengths_beyond_the_data(length: str) -> None:
    with pytest.raises(TruststoreError):
        pkcs12_file.read(bytes.fromhex("30" + length + "020103"))


def test_bytes_after_the_end() -> None:
    with pytest.raises(TruststoreError, match="follow its end"):
        pkcs12_file.read(pkcs12_file.write([Entry("a", b"x")]) + b"\0")


def encryption(kind: str) -> KeySerializationEncryption:
    if kind == "aes":
        return BestAvailableEncryption(b"changeit")
    builder = PrivateFormat.PKCS12.encryption_builder().hmac_hash(hashes.SHA256())
    return builder.kdf_rounds(1000).build(b"changeit")


@pytest.mark.parametrize("keytool", ["", pytest.param(KEYTOOL, marks=needs_keytool)], ids=["cryptography", "keytool"])
@pytest.mark.parametrize("kind", ["aes", "sha256"])
def test_encrypted_truststore_file(kind: str, keytool: str) -> None:
    made = [make("One"), make("Two")]
    certificates = [pkcs12.PKCS12Certificate(m.certificate, f"näme {n}".encode()) for n, m in enumerate(made)]
    data = pkcs12.serialize_java_truststore(certificates, encryption(kind))
    entries = store_file.read_store(data, "changeit", keytool=keytool)
    assert sorted(entries) == [Entry("näme 0", made[0].der), Entry("näme 1", made[1].der)]
    with pytest.raises(TruststoreError, match="password is wrong"):
        store_file.read_store(data, "wrong-password", keytool=keytool)
    # As a JVM without a password sees it.
    assert store_file.read_store(data, None) == []


def test_neither_keytool_nor_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pkcs12.serialize_java_truststore(
        [pkcs12.PKCS12Certificate(make().certificate, None)], BestAvailableEncryption(b"changeit")
    )
    monkeypatch.setattr(pkcs12_encrypted, "_import_pkcs12", lambda: None)
    with pytest.raises(TruststoreError, match=r"keytool.*cryptography, version 36"):
        store_file.read_store(data, "changeit", keytool="")


def test_a_key_store_needs_keytool() -> None:
    server = make("server")
    data = pkcs12.serialize_key_and_certificates(
        b"key", server.key, server.certificate, [make("not trusted").certificate], BestAvailableEncryption(b"changeit")
    )
    with pytest.raises(TruststoreError, match="private key"):
        store_file.read_store(data, "changeit", keytool="")
    if KEYTOOL is None:
        pytest.skip("no keytool on the search path")
    assert [e.der for e in store_file.read_store(data, "changeit", keytool=KEYTOOL)] == [server.der]


def test_certificates_without_the_mark_are_not_trusted() -> None:
    server = make("server")
    data = pkcs12.serialize_key_and_certificates(
        b"key", server.key, server.certificate, [make("other").certificate], NoEncryption()
    )
    store = pkcs12_file.read(data)
    assert [e.der for e in store.entries] == [server.der]
    assert store.untrusted == 1


@needs_keytool
def test_keytools_own_files(tmp_path: Path) -> None:
    made = make("Company Root")
    (tmp_path / "ca.pem").write_text(made.pem)
    base = [str(KEYTOOL), "-importcert", "-noprompt", "-alias", "Company", "-file", "ca.pem", "-storepass", "changeit"]
    # As the JDK's build makes its cacerts from Java 18 on.
    open_form = [
        "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE",
        "-J-Dkeystore.pkcs12.macAlgorithm=NONE",
        "-J-Dkeystore.pkcs12.certPbeIterationCount=1",
    ]
    for name, options in {"default.p12": [], "open.p12": open_form}.items():
        command = [*base, "-storetype", "PKCS12", "-keystore", name, *options]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    opened = (tmp_path / "open.p12").read_bytes()
    assert pkcs12_file.read(opened) == ([Entry("Company", made.der)], 0, False, False)
    locked = (tmp_path / "default.p12").read_bytes()
    assert pkcs12_file.read(locked).encrypted
    for keytool in ("", KEYTOOL):
        (entry,) = store_file.read_store(locked, "changeit", keytool=keytool)
        assert (entry.alias.lower(), entry.der) == ("company", made.der)


def test_other_content_than_certificates() -> None:
    signed = der.write(
        der.SEQUENCE,
        der.write(der.INTEGER, b"\x03"),
        der.write(der.SEQUENCE, der.write(der.OBJECT_IDENTIFIER, der.oid("1.2.840.113549.1.7.2"))),
    )
    with pytest.raises(TruststoreError, match="signed"):
        pkcs12_file.read(signed)


@pytest.mark.parametrize(
    ("dotted", "encoded"),
    [("1.2.840.113549.1.7.1", "2a864886f70d010701"), ("2.5.29.37.0", "551d2500"), ("2.999.3", "883703")],
)
def test_object_identifiers(dotted: str, encoded: str) -> None:
    assert der.oid(dotted).hex() == encoded
