# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator may give as a certificate, good and bad."""

from __future__ import annotations

import base64
import builtins
import typing as t

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._x509 import pem
from ansible_collections.stashops.mail.plugins.module_utils._x509.certificate import (
    describe,
    read_certificates,
    read_named,
    try_describe,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from hypothesis import given
from hypothesis import strategies as st

from tests.mail_server.odd import ODD
from tests.unit.truststore.factory import make

ONE, TWO = make("One"), make("Two")


def block(label: str, body: str) -> str:
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"


def test_a_bundle_gives_all_certificates_in_order_and_once() -> None:
    text = f"# a comment\n{TWO.pem}\nsubject=CN=One\n{ONE.pem}{TWO.pem}"
    assert pem.load_pem(text, "here") == [TWO.der, ONE.der]
    assert pem.load_pem(text.replace("\n", "\r\n"), "here") == [TWO.der, ONE.der]
    assert pem.load(b"\xef\xbb\xbf" + text.encode(), "here") == [TWO.der, ONE.der]
    assert pem.load_pem(ONE.pem.replace("CERTIFICATE", "X509 CERTIFICATE"), "here") == [ONE.der]


def test_der_and_pkcs7() -> None:
    both = [ONE.certificate, TWO.certificate]
    assert pem.load(ONE.der, "here") == [ONE.der]
    der = pkcs7.serialize_certificates(both, serialization.Encoding.DER)
    text = pkcs7.serialize_certificates(both, serialization.Encoding.PEM)
    assert sorted(pem.load(der, "here")) == sorted([ONE.der, TWO.der])
    assert sorted(pem.load(text, "here")) == sorted([ONE.der, TWO.der])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_pem_as_windows_writes_it(encoding: str) -> None:
    assert pem.load((ONE.pem + TWO.pem).replace("\n", "\r\n").encode(encoding), "here") == [ONE.der, TWO.der]


def test_stores_are_named_for_what_they_are() -> None:
    for password in (b"secret", None):
        locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        data = serialize_key_and_certificates(b"x", ONE.key, ONE.certificate, [TWO.certificate], locked)
        with pytest.raises(StashMailError, match=r"here is a PKCS12 file .* openssl pkcs12 -in FILE -nokeys"):
            pem.load(data, "here")
    with pytest.raises(StashMailError, match=r"here holds no certificate.* Java keystore"):
        pem.load(b"\xfe\xed\xfe\xed\0\0\0\2", "here")


def test_pem_round_trip() -> None:
    assert pem.to_pem(ONE.der) == ONE.pem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no certificate"),
        ("MIIB", "holds no certificate"),
        (block("CERTIFICATE REQUEST", "MIIB"), "1 other PEM blocks"),
        (ONE.key_pem, r"here holds a private key \(PRIVATE KEY\)"),
        (ONE.pem + ONE.key_pem + TWO.key_pem, "holds a private key"),
        (block("RSA PRIVATE KEY", "AAAA"), "RSA PRIVATE KEY"),
        (block("EC PRIVATE KEY", "AAAA"), "holds a private key"),
        (block("ENCRYPTED PRIVATE KEY", "AAAA"), "holds a private key"),
        (ONE.pem[:200], r"PEM block 1 \(CERTIFICATE\) has no end line"),
        (ONE.pem[:200] + TWO.pem, "PEM block 1 .* has no end line"),
        (ONE.pem + block("CERTIFICATE", "not!base64"), "PEM block 2 .* is not base64"),
        (block("CERTIFICATE", "é"), "is not base64"),
        (block("CERTIFICATE", ""), "is not a certificate"),
        (block("CERTIFICATE", "AAAAAAAA"), "is not a certificate"),
        (block("CERTIFICATE", base64.b64encode(ONE.der[:-9]).decode()), "is not a certificate"),
        (block("CERTIFICATE", base64.b64encode(ONE.der + b"x").decode()), "is not a certificate"),
        (block("TRUSTED CERTIFICATE", "AAAA"), "openssl x509"),
    ],
)
def test_bad_pem(text: str, message: str) -> None:
    with pytest.raises(StashMailError, match=message):
        pem.load_pem(text, "here")


def private_der(form: serialization.PrivateFormat, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)])
@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
def test_private_keys_in_der(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, form: serialization.PrivateFormat
) -> None:
    with pytest.raises(StashMailError, match="is a private key"):
        pem.load(private_der(form, key), "here")


def test_other_binary_files() -> None:
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(ONE.certificate.subject)
        .sign(ONE.key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )
    revoked = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ONE.certificate.subject)
        .last_update(ONE.certificate.not_valid_before_utc)
        .next_update(ONE.certificate.not_valid_after_utc)
        .sign(ONE.key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )
    for data in (request, revoked, b"0", b"0\x80", b"0\x03\x02\x01\x03"):
        with pytest.raises(StashMailError, match="not a certificate"):
            pem.load(data, "here")
    for data in (b"", b"\0", b"hello", b"\xfe\xed\xfe\xed"):
        with pytest.raises(StashMailError, match="holds no certificate"):
            pem.load(data, "here")


@given(st.binary(max_size=200))
def test_anything_ends_in_certificates_or_a_clear_error(data: bytes) -> None:
    for whole in (data, b"0" + data, b"-----BEGIN CERTIFICATE-----" + data + b"-----END CERTIFICATE-----"):
        with pytest.raises(StashMailError):
            pem.load(whole, "here")


def test_describe() -> None:
    leaf = make("mail.example.com", ca=False, issuer=ONE, names=["mail.example.com", "192.0.2.1", "2001:db8::1"])
    facts = describe(leaf.der)
    assert facts == {
        "sha256": leaf.sha256,
        "subject": "CN=mail.example.com",
        "issuer": "CN=One",
        "not_before": leaf.certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "not_after": leaf.certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "dns_names": ["mail.example.com"],
        "ip_addresses": ["192.0.2.1", "2001:db8::1"],
        "is_ca": False,
        "self_signed": False,
        "key": "EC secp256r1",
        "signature_algorithm": "ecdsa-with-SHA256",
        "serial": str(leaf.certificate.serial_number),
        "common_name": "mail.example.com",
    }
    root = describe(ONE.der)
    assert (root["is_ca"], root["self_signed"], root["dns_names"]) == (True, True, [])
    assert describe(make(None, organisation="Only O", ca=None).der)["common_name"] == "Only O"
    assert describe(make(None, ca=None).der)["common_name"] == ""


def test_kinds_of_keys() -> None:
    assert describe(make(key=rsa.generate_private_key(65537, 2048)).der)["key"] == "RSA 2048"
    assert describe(make(key=ec.generate_private_key(ec.SECP384R1())).der)["key"] == "EC secp384r1"
    name = x509.Name([])
    key = ed25519.Ed25519PrivateKey.generate()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ONE.certificate.not_valid_before_utc)
        .not_valid_after(ONE.certificate.not_valid_after_utc)
        .sign(key, None)
    )
    assert describe(made.public_bytes(serialization.Encoding.DER))["key"] == "Ed25519"


def test_describe_damaged() -> None:
    with pytest.raises(StashMailError, match=r"SHA-256 [0-9a-f]{64} cannot be parsed"):
        describe(ONE.der.replace(b"\x06\x03\x55\x04\x03", b"\x06\x03\xff\xff\xff"))


def test_names_cannot_command_a_terminal() -> None:
    facts = describe(make("\x1b[31mEvil\u202egro.elpmaxe\r\nCA").der)
    assert facts["subject"] == "CN=\\x1b[31mEvil\\u202egro.elpmaxe  CA"
    assert facts["common_name"] == "\\x1b[31mEvil\\u202egro.elpmaxe  CA"


def test_what_cannot_be_parsed_is_still_told() -> None:
    facts = try_describe(b"0\x00")
    assert (len(facts["sha256"]), facts["subject"], facts["not_after"]) == (64, None, None)
    assert "cannot be parsed" in facts["error"]


def test_without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def no_cryptography(name: str, *args: t.Any, **kwargs: t.Any) -> t.Any:
        if name.split(".")[0] == "cryptography":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_cryptography)
    assert pem.load_pem(ONE.pem, "here") == [ONE.der]
    with pytest.raises(StashMailError, match="python3-cryptography"):
        describe(ONE.der)


def test_those_of_a_name_are_the_same_as_among_all() -> None:
    ders = [ONE.der, TWO.der, b"\x30\x00", *(made() for made in ODD.values())]
    readable = read_certificates(ders)[0]
    subjects = {certificate.subject for certificate in readable}
    assert 2 < len(subjects) <= len(readable) < len(ders)
    for subject in subjects:
        expected = [certificate.der for certificate in readable if certificate.subject == subject]
        assert [certificate.der for certificate in read_named(ders, subject)] == expected
