# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fuzz run feeds the readers with: whole files of each format, files made to hurt, and damage at random.

All is the same at every run, except what the cryptography library salts.
"""

from __future__ import annotations

import base64
import datetime
import random
import struct
from collections.abc import Callable

from ansible_collections.stashops.mail.plugins.module_utils._truststore import jks as jks_file
from ansible_collections.stashops.mail.plugins.module_utils._truststore import pkcs12 as pkcs12_file
from ansible_collections.stashops.mail.plugins.module_utils._truststore.entry import Entry
from ansible_collections.stashops.mail.plugins.module_utils._x509 import der as der_file
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509.oid import NameOID

PASSWORD = "changeit"
MEGABYTE = 1 << 20
CRAFTED_SIZE = 1 << 18
_FROM = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
# Lengths and counts that mean something else to whoever reads them as signed, or multiplies them.
_NUMBERS = (
    *(struct.pack(">I", n) for n in (0, 1, 0x7F, 0x80, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)),
    b"\x80",
    b"\x30\x80",
    b"\0\0",
    b"\x84\xff\xff\xff\xff",
    b"\x88\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\xff",
)
_TEXTS = (b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----", b"-----BEGIN PKCS7-----", b"\n", b"\xc0\x80")


def certificate(number: int) -> x509.Certificate:
    """A small authority, the same at every run, since Ed25519's signatures have nothing random in them."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Fuzz Root {number}")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(_FROM)
        .not_valid_after(_FROM + datetime.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("mail.example.com")]), critical=False)
        .sign(key, None)
    )


def seeds() -> dict[str, bytes]:
    """Whole files, by what they are."""
    certificates = [certificate(number) for number in (1, 2, 3)]
    ders = [item.public_bytes(serialization.Encoding.DER) for item in certificates]
    pems = [item.public_bytes(serialization.Encoding.PEM) for item in certificates]
    entries = [Entry(f"fuzz-{number} \u00e9\U0001f600", der) for number, der in enumerate(ders)]
    jks = jks_file.write(entries, PASSWORD)
    key = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
    locked = pkcs12.serialize_key_and_certificates(
        None, None, None, certificates, serialization.BestAvailableEncryption(PASSWORD.encode())
    )
    with_key = pkcs12.serialize_key_and_certificates(
        b"key", key, certificates[0], certificates[1:], serialization.NoEncryption()
    )
    p7 = pkcs7.serialize_certificates(certificates, serialization.Encoding.DER)
    return {
        "jks": jks,
        "jks, version 1 and a private key": jks_of_a_key(ders),
        "pkcs12": pkcs12_file.write(entries),
        "pkcs12, indefinite lengths": indefinite(pkcs12_file.write(entries[:2])),
        "pkcs12, encrypted": locked,
        "pkcs12, a private key and a MAC": with_key,
        "pem": b"# three\n" + b"".join(pems),
        "pkcs7": p7,
        "pkcs7, pem": b"-----BEGIN PKCS7-----\n" + base64.encodebytes(p7) + b"-----END PKCS7-----\n",
        "der": ders[0],
    }


def jks_of_a_key(ders: list[bytes]) -> bytes:
    """A JKS as Java 1.1 wrote it: certificates without a type, and a private key with its chain."""
    chain = b"".join(struct.pack(">I", len(der)) + der for der in ders[:2])
    key = struct.pack(">IH3sQI", 1, 3, b"key", 0, 5) + b"12345" + struct.pack(">I", 2) + chain
    trusted = struct.pack(">IH2sQI", 2, 2, b"ca", 0, len(ders[2])) + ders[2]
    body = struct.pack(">4sII", jks_file.MAGIC, 1, 2) + key + trusted
    return body + jks_file._digest(body, PASSWORD)


def indefinite(data: bytes) -> bytes:
    """The same file with the lengths of its constructed elements left open, as some programs write them."""

    def convert(element: der_file.Element) -> bytes:
        if not element.tag & 0x20:
            return der_file.write(element.tag, data[element.start : element.end])
        return bytes((element.tag, 0x80)) + b"".join(map(convert, der_file.children(data, element))) + b"\0\0"

    return convert(der_file.root(data))


def store(*content: bytes) -> bytes:
    """A PKCS12 whose SafeContents has ``content`` in it."""
    data = pkcs12_file._write_data(der_file.write(der_file.SEQUENCE, *content))
    authenticated = der_file.write(der_file.SEQUENCE, data)
    return der_file.write(der_file.SEQUENCE, b"\x02\x01\x03", pkcs12_file._write_data(authenticated))


def with_rounds(rounds: int) -> bytes:
    """A PKCS12 whose checksum claims to need so many rounds of its key derivation."""
    whole = pkcs12_file.write([Entry("a", seeds()["der"])])
    top = der_file.root(whole)
    sha256 = der_file.write(
        der_file.SEQUENCE,
        der_file.write(der_file.OBJECT_IDENTIFIER, der_file.oid("2.16.840.1.101.3.4.2.1")),
        b"\5\0",
    )
    digest = der_file.write(der_file.SEQUENCE, sha256, der_file.write(der_file.OCTET_STRING, bytes(32)))
    number = der_file.write(der_file.INTEGER, rounds.to_bytes(8, "big").lstrip(b"\0"))
    mac = der_file.write(der_file.SEQUENCE, digest, der_file.write(der_file.OCTET_STRING, bytes(8)), number)
    return der_file.write(der_file.SEQUENCE, whole[top.start : top.end], mac)


def nested(depth: int, content: bytes, tag: int = 0x30) -> bytes:
    """``content`` in so many elements without a length, one in another."""
    return bytes((tag, 0x80)) * depth + content + b"\0\0" * depth


def crafted(size: int = CRAFTED_SIZE) -> dict[str, bytes]:
    """Files of up to ``size`` bytes that try to cost more than their size, by what they try."""
    header = struct.pack(">4sII", jks_file.MAGIC, 2, 0x80000000)
    tiny = struct.pack(">IHQH5sI", 2, 0, 0, 5, b"X.509", 0)
    tiny_count = size // len(tiny)
    key = struct.pack(">IHQI", 1, 0, 0, 0) + struct.pack(">I", 0x7FFFFFFF)
    bag = der_file.write(der_file.SEQUENCE, b"\x06\x01\x2a", b"\xa0\0")
    attribute = der_file.write(der_file.SEQUENCE, b"\x06\x04abcd", b"\x31\0")
    bag_of_attributes = der_file.write(
        der_file.SEQUENCE, b"\x06\x01\x2a", b"\xa0\0", der_file.write(0x31, attribute * (size // len(attribute)))
    )
    nulls = b"\x05\0" * (size // 2)
    same_name = [Entry("the same", struct.pack(">I", number)) for number in range(size // 100)]
    long_name = [Entry("\u0130" * 0x7FFF, struct.pack(">I", number)) for number in range(min(size // 65000, 50))]
    empty_block = b"-----BEGIN X-----\n-----END X-----\n"
    return {
        "jks that claims 2^31 entries": header + bytes(size),
        "jks that claims 2^31 entries and ends": header,
        "jks of empty entries": struct.pack(">4sII", jks_file.MAGIC, 2, tiny_count) + tiny * tiny_count + bytes(20),
        "jks with a chain of 2^31 certificates": struct.pack(">4sII", jks_file.MAGIC, 1, 1) + key + bytes(size),
        "jks with a certificate of 2^32 bytes": struct.pack(">4sII", jks_file.MAGIC, 2, 1) + tiny[:-4] + b"\xff" * 24,
        "jks where all aliases are one": jks_file.write(same_name, PASSWORD),
        "pkcs12 where all aliases are one": pkcs12_file.write(same_name),
        "pkcs12 with aliases that grow in lowercase": pkcs12_file.write(long_name),
        "pkcs12 of empty bags": store(bag * (size // len(bag))),
        "pkcs12 of empty attributes": store(bag_of_attributes),
        "pkcs12 with many members": der_file.write(der_file.SEQUENCE, b"\x02\x01\x03", nulls),
        "pkcs12 with many open members": b"\x30\x80\x02\x01\x03" + b"\x30\x80\0\0" * (size // 4) + b"\0\0",
        "pkcs12 with many members in open ones": b"\x30\x80\x02\x01\x03" + nested(28, nulls) + b"\0\0",
        "pkcs12 in pieces of pieces": der_file.write(
            der_file.SEQUENCE,
            b"\x02\x01\x03",
            der_file.write(
                der_file.SEQUENCE,
                der_file.write(der_file.OBJECT_IDENTIFIER, pkcs12_file._DATA),
                der_file.write(der_file.CONTEXT_0, nested(28, b"\x04\0" * (size // 2), 0x24)),
            ),
        ),
        "pkcs12 that needs 2^31 rounds": with_rounds(0x7FFFFFFF),
        "pkcs12 that needs 2^62 rounds": with_rounds(1 << 62),
        "der that never ends": b"\x30\x80\x02\x01\x03" + b"\x30\x80" * (size // 2),
        "der of 2^64 bytes": b"\x30\x88" + b"\xff" * 8 + b"\x02\x01\x03" + bytes(64),
        "der in der": b"\x30\x84\x7f\xff\xff\xff" * (size // 6),
        "der with many members": der_file.write(der_file.SEQUENCE, nulls),
        "pkcs7 that never ends": der_file.write(
            der_file.SEQUENCE,
            der_file.write(der_file.OBJECT_IDENTIFIER, der_file.oid("1.2.840.113549.1.7.2")),
            der_file.write(der_file.CONTEXT_0, b"\x30\x80" * (size // 2)),
        ),
        "pem of blanks": b"-----BEGIN CERTIFICATE-----\n" + b"AA " * (size // 3) + b"-----END CERTIFICATE-----",
        "pem with an endless label": b"-----BEGIN " + b"A " * (size // 2),
        "pem of beginnings": b"-----BEGIN A" * (size // 12),
        "pem of other blocks": empty_block * (size // len(empty_block)),
        "pem of one certificate": seeds()["pem"] * (size // len(seeds()["pem"])),
        "zeros": bytes(size),
        "nothing": b"",
    }


def damaged(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """``data`` with one to four changes at random."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 4))):
        chance.choice(_DAMAGES)(changed, others, chance)
    return bytes(changed)


def _flip(data: bytearray, others: list[bytes], chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _overwrite(data: bytearray, others: list[bytes], chance: random.Random) -> None:
    value = chance.choice(_NUMBERS)
    at = chance.randrange(len(data) + 1)
    data[at : at + len(value)] = value


def _insert(data: bytearray, others: list[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice(_NUMBERS + _TEXTS)


def _delete(data: bytearray, others: list[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    del data[at : at + chance.randrange(1, 40)]


def _cut(data: bytearray, others: list[bytes], chance: random.Random) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _repeat(data: bytearray, others: list[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = data[at : at + chance.randrange(1, 400)] * chance.choice((1, 1, 3, 20))


def _splice(data: bytearray, others: list[bytes], chance: random.Random) -> None:
    other = chance.choice(others)
    at = chance.randrange(len(other) + 1)
    data[chance.randrange(len(data) + 1) :] = other[at:]


def _header(data: bytearray, others: list[bytes], chance: random.Random) -> None:
    """Where the lengths and counts of the whole are."""
    if data:
        data[chance.randrange(min(len(data), 32))] = chance.randrange(256)


_DAMAGES: tuple[Callable[[bytearray, list[bytes], random.Random], None], ...] = (
    _flip,
    _overwrite,
    _insert,
    _delete,
    _cut,
    _repeat,
    _splice,
    _header,
)
