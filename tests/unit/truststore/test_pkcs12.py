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
from ansible_collections.stashops.mail.plugins.module_utils import _der, _pkcs12, _pkcs12_locked, _truststore
from ansible_collections.stashops.mail.plugins.module_utils._entry import Entry, TruststoreError
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
    data = _pkcs12.write(entries)
    store = _pkcs12.read(data)
    assert store == ([Entry(java_text(e.alias), e.der) for e in entries], 0, False, False)
    assert _truststore.detect(data) == "pkcs12"


def indefinite(data: bytes) -> bytes:
    """The same value in BER: indefinite lengths, and octet strings cut into pieces."""
    element = _der.root(data, data[0])
    content = data[element.start : element.end]
    if element.tag & 0x20:
        parts = [indefinite(data[c_start:c_next]) for c_start, c_next in spans(data, element)]
        return bytes((element.tag, 0x80)) + b"".join(parts) + b"\0\0"
    if element.tag == _der.OCTET_STRING and content:
        half = len(content) // 2
        pieces = _der.write(_der.OCTET_STRING, content[:half]) + _der.write(_der.OCTET_STRING, content[half:])
        return bytes((0x24, 0x80)) + pieces + b"\0\0"
    return data


def spans(data: bytes, element: _der.Element) -> t.Iterator[tuple[int, int]]:
    position = element.start
    for child in _der.children(data, element):
        yield position, child.next
        position = child.next


@given(ENTRIES)
def test_indefinite_lengths_and_cut_strings(entries: list[Entry]) -> None:
    data = _pkcs12.write(entries)
    assert _pkcs12.read(indefinite(data)) == _pkcs12.read(data)


@given(st.data())
def test_every_truncation_is_an_error(data: st.DataObject) -> None:
    whole = _pkcs12.write([Entry("alias", b"der" * 30), Entry("other", b"red" * 30)])
    with pytest.raises(TruststoreError):
        _pkcs12.read(whole[: data.draw(st.integers(0, len(whole) - 1))])


@settings(max_examples=300)
@given(st.data())
def test_changed_bytes_end_in_a_store_or_a_clear_error(data: st.DataObject) -> None:
    whole = bytearray(_pkcs12.write([Entry("alias", b"der" * 30), Entry("other", b"red" * 30)]))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(TruststoreError):
        assert len(_pkcs12.read(bytes(whole)).entries) <= 2


@pytest.mark.parametrize("unit", ["3080", "a080", "2480", "308003020100"])
def test_deep_nesting_ends_soon(unit: str) -> None:
    data = bytes.fromhex("3080020103") + bytes.fromhex(unit) * 500_000
    started = time.monotonic()
    with pytest.raises(TruststoreError):
        _pkcs12.read(data)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("length", ["847fffffff", "84ffffffff", "88ffffffffffffffff", "ff", "89" + "ff" * 9])
def test_lengths_beyond_the_data(length: str) -> None:
    with pytest.raises(TruststoreError):
        _pkcs12.read(bytes.fromhex("30" + length + "020103"))


def test_bytes_after_the_end() -> None:
    with pytest.raises(TruststoreError, match="follow its end"):
        _pkcs12.read(_pkcs12.write([Entry("a", b"x")]) + b"\0")


def encryption(kind: str) -> KeySerializationEncryption:
    if kind == "aes":
        return BestAvailableEncryption(b"changeit")
    builder = PrivateFormat.PKCS12.encryption_builder().hmac_hash(hashes.SHA256())
    return builder.kdf_rounds(1000).build(b"changeit")


@pytest.mark.parametrize("keytool", ["", pytest.param(KEYTOOL, marks=needs_keytool)], ids=["cryptography", "keytool"])
@pytest.mark.parametrize("kind", ["aes", "sha256"])
def test_encrypted_truststores(kind: str, keytool: str) -> None:
    made = [make("One"), make("Two")]
    certificates = [pkcs12.PKCS12Certificate(m.certificate, f"näme {n}".encode()) for n, m in enumerate(made)]
    data = pkcs12.serialize_java_truststore(certificates, encryption(kind))
    entries = _truststore.read_store(data, "changeit", keytool=keytool)
    assert sorted(entries) == [Entry("näme 0", made[0].der), Entry("näme 1", made[1].der)]
    with pytest.raises(TruststoreError, match="password is wrong"):
        _truststore.read_store(data, "wrong-password", keytool=keytool)
    # As a JVM without a password sees it.
    assert _truststore.read_store(data, None) == []


def test_neither_keytool_nor_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pkcs12.serialize_java_truststore(
        [pkcs12.PKCS12Certificate(make().certificate, None)], BestAvailableEncryption(b"changeit")
    )
    monkeypatch.setattr(_pkcs12_locked, "_import_pkcs12", lambda: None)
    with pytest.raises(TruststoreError, match=r"keytool.*cryptography, version 36"):
        _truststore.read_store(data, "changeit", keytool="")


def test_a_key_store_needs_keytool() -> None:
    server = make("server")
    data = pkcs12.serialize_key_and_certificates(
        b"key", server.key, server.certificate, [make("not trusted").certificate], BestAvailableEncryption(b"changeit")
    )
    with pytest.raises(TruststoreError, match="private key"):
        _truststore.read_store(data, "changeit", keytool="")
    if KEYTOOL is None:
        pytest.skip("no keytool on the search path")
    assert [e.der for e in _truststore.read_store(data, "changeit", keytool=KEYTOOL)] == [server.der]


def test_certificates_without_the_mark_are_not_trusted() -> None:
    server = make("server")
    data = pkcs12.serialize_key_and_certificates(
        b"key", server.key, server.certificate, [make("other").certificate], NoEncryption()
    )
    store = _pkcs12.read(data)
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
    assert _pkcs12.read(opened) == ([Entry("Company", made.der)], 0, False, False)
    locked = (tmp_path / "default.p12").read_bytes()
    assert _pkcs12.read(locked).encrypted
    for keytool in ("", KEYTOOL):
        (entry,) = _truststore.read_store(locked, "changeit", keytool=keytool)
        assert (entry.alias.lower(), entry.der) == ("company", made.der)


def test_other_content_than_certificates() -> None:
    signed = _der.write(
        _der.SEQUENCE,
        _der.write(_der.INTEGER, b"\x03"),
        _der.write(_der.SEQUENCE, _der.write(_der.OBJECT_IDENTIFIER, _der.oid("1.2.840.113549.1.7.2"))),
    )
    with pytest.raises(TruststoreError, match="signed"):
        _pkcs12.read(signed)


@pytest.mark.parametrize(
    ("dotted", "encoded"),
    [("1.2.840.113549.1.7.1", "2a864886f70d010701"), ("2.5.29.37.0", "551d2500"), ("2.999.3", "883703")],
)
def test_object_identifiers(dotted: str, encoded: str) -> None:
    assert _der.oid(dotted).hex() == encoded
