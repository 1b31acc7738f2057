# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that are put together by hand, with what no tool writes: what one reads another may not."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_NAME_TYPE = bytes.fromhex("0603550403")
_TRUE = b"\x01\x01\xff"
_P256 = (
    0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFC,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
)


def der(tag: int, *parts: bytes) -> bytes:
    """One value."""
    body = b"".join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def sequence(*parts: bytes) -> bytes:
    return der(0x30, *parts)


def integer(value: int) -> bytes:
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def name(text: str | None) -> bytes:
    """A distinguished name; None: an empty one."""
    if text is None:
        return sequence()
    return sequence(der(0x31, sequence(_NAME_TYPE, der(0x0C, text.encode()))))


def extension(number: int, value: bytes, critical: bool = False) -> bytes:
    """The extension 2.5.29.``number``."""
    return sequence(der(6, bytes([0x55, 0x1D, number])), _TRUE if critical else b"", der(4, value))


CA = extension(19, sequence(_TRUE), critical=True)
ALTERNATIVE = sequence(der(0x82, b"mail.example.com"))


@functools.cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _point() -> bytes:
    return _key().public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def named_key() -> bytes:
    return _key().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def explicit_key() -> bytes:
    """The same key with the parameters of its curve in place of the curve's name."""
    prime, first, second, order = _P256
    base = bytes.fromhex(
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    )
    field = sequence(bytes.fromhex("06072a8648ce3d0101"), integer(prime))
    curve = sequence(der(4, first.to_bytes(32, "big")), der(4, second.to_bytes(32, "big")))
    parameters = sequence(integer(1), field, curve, der(4, base), integer(order), integer(1))
    return sequence(sequence(bytes.fromhex("06072a8648ce3d0201"), parameters), der(3, b"\0", _point()))


def utc(moment: datetime.datetime) -> bytes:
    return der(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())


def certificate(
    *extensions: bytes,
    issuer: bytes | None = None,
    subject: bytes | None = None,
    version: int | None = 3,
    serial: bytes | None = None,
    key: bytes | None = None,
    dates: bytes | None = None,
    inner: bytes = _ECDSA_SHA256,
    outer: bytes = _ECDSA_SHA256,
    after: bytes = b"",
    at_the_end: bytes = b"",
) -> bytes:
    """A self-signed certificate; everything that is not given is as it should be."""
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    content = sequence(
        der(0xA0, integer(version - 1)) if version is not None else b"",
        integer(1) if serial is None else serial,
        inner,
        name("Odd CA") if issuer is None else issuer,
        sequence(utc(now - day), utc(now + 365 * day)) if dates is None else dates,
        name("Odd CA") if subject is None else subject,
        named_key() if key is None else key,
        der(0xA3, sequence(*extensions)) if extensions else b"",
        after,
    )
    signature = _key().sign(content, ec.ECDSA(hashes.SHA256()))
    return sequence(content, outer, der(3, b"\0", signature)) + at_the_end


def _key_usage(padding: int, bits: bytes = b"\x06") -> bytes:
    return der(3, bytes([padding]), bits)


ODD: dict[str, Callable[[], bytes]] = {
    "in order": lambda: certificate(CA),
    "explicit curve": lambda: certificate(CA, key=explicit_key()),
    "empty issuer": lambda: certificate(CA, issuer=name(None)),
    "empty subject": lambda: certificate(CA, subject=name(None)),
    "empty subject, alternative name": lambda: certificate(CA, extension(17, ALTERNATIVE), subject=name(None)),
    "empty subject, critical alternative name": lambda: certificate(
        CA, extension(17, ALTERNATIVE, critical=True), subject=name(None)
    ),
    "empty subject, empty critical alternative name": lambda: certificate(
        CA, extension(17, sequence(), critical=True), subject=name(None)
    ),
    "extension twice": lambda: certificate(CA, CA),
    "unknown extension twice": lambda: certificate(CA, extension(99, b"\x05\0"), extension(99, b"\x05\0")),
    "version 1 with extensions": lambda: certificate(CA, version=None),
    "version 2 with extensions": lambda: certificate(CA, version=2),
    "version 1": lambda: certificate(version=None),
    "version 4": lambda: certificate(CA, version=4),
    "version 1, written out": lambda: certificate(version=1),
    "negative serial": lambda: certificate(CA, serial=integer(-5)),
    "serial 0": lambda: certificate(CA, serial=integer(0)),
    "long serial": lambda: certificate(CA, serial=integer(1 << 200)),
    "serial with zeros before": lambda: certificate(CA, serial=der(2, b"\0\0\x05")),
    "empty serial": lambda: certificate(CA, serial=der(2)),
    "other algorithm outside": lambda: certificate(CA, outer=bytes.fromhex("300a06082a8648ce3d040303")),
    "unknown algorithm": lambda: certificate(
        CA, inner=sequence(der(6, b"\x2a\x03")), outer=sequence(der(6, b"\x2a\x03"))
    ),
    "key usage": lambda: certificate(CA, extension(15, _key_usage(1), critical=True)),
    "critical key usage, bad padding": lambda: certificate(CA, extension(15, _key_usage(9), critical=True)),
    "key usage, bad padding": lambda: certificate(CA, extension(15, _key_usage(9))),
    "critical key usage, padding not zero": lambda: certificate(CA, extension(15, _key_usage(7), critical=True)),
    "critical key usage, no bits": lambda: certificate(CA, extension(15, der(3, b"\0"), critical=True)),
    "critical key usage, nothing": lambda: certificate(CA, extension(15, der(3), critical=True)),
    "critical key usage, no bit string": lambda: certificate(CA, extension(15, sequence(), critical=True)),
    "critical basic constraints, malformed": lambda: certificate(extension(19, b"\x04\x01x", critical=True)),
    "basic constraints, malformed": lambda: certificate(extension(19, b"\x04\x01x")),
    "critical basic constraints, more than there is": lambda: certificate(
        extension(19, b"\x30\x09\x01", critical=True)
    ),
    "path length without authority": lambda: certificate(extension(19, sequence(integer(1)), critical=True)),
    "negative path length": lambda: certificate(extension(19, sequence(_TRUE, integer(-1)), critical=True)),
    "critical extended usage, empty": lambda: certificate(CA, extension(37, sequence(), critical=True)),
    "critical extended usage, malformed": lambda: certificate(CA, extension(37, b"\x02\x01\x01", critical=True)),
    "extended usage, malformed": lambda: certificate(CA, extension(37, b"\x02\x01\x01")),
    "critical alternative name, malformed": lambda: certificate(CA, extension(17, b"\x02\x01\x01", critical=True)),
    "alternative name, malformed": lambda: certificate(CA, extension(17, b"\x02\x01\x01")),
    "alternative name, address of 5 bytes": lambda: certificate(CA, extension(17, sequence(der(0x87, b"\1\2\3\4\5")))),
    "critical alternative name, address of 5 bytes": lambda: certificate(
        CA, extension(17, sequence(der(0x87, b"\1\2\3\4\5")), critical=True)
    ),
    "critical alternative name, not ASCII": lambda: certificate(
        CA, extension(17, sequence(der(0x82, b"m\xc3\xa4il")), critical=True)
    ),
    "critical alternative name, with a space": lambda: certificate(
        CA, extension(17, sequence(der(0x82, b"ma il.example.com")), critical=True)
    ),
    "critical alternative name, wildcard": lambda: certificate(
        CA, extension(17, sequence(der(0x82, b"*.example.com")), critical=True)
    ),
    "critical alternative name, empty name": lambda: certificate(CA, extension(17, sequence(der(0x82)), critical=True)),
    "critical name constraints, malformed": lambda: certificate(CA, extension(30, b"\x02\x01\x01", critical=True)),
    "critical name constraints, empty": lambda: certificate(CA, extension(30, sequence(), critical=True)),
    "critical policies, malformed": lambda: certificate(CA, extension(32, b"\x02\x01\x01", critical=True)),
    "critical policies, empty": lambda: certificate(CA, extension(32, sequence(), critical=True)),
    "subject key identifier, malformed": lambda: certificate(CA, extension(14, b"\x02\x01\x01")),
    "authority key identifier, malformed": lambda: certificate(CA, extension(35, b"\x02\x01\x01")),
    "distribution points, malformed": lambda: certificate(CA, extension(31, b"\x02\x01\x01")),
    "critical distribution points, malformed": lambda: certificate(CA, extension(31, b"\x02\x01\x01", critical=True)),
    "critical unknown extension": lambda: certificate(CA, extension(99, b"\x05\0", critical=True)),
    "extension that is no DER": lambda: certificate(CA, extension(99, b"garbage")),
    "no extensions in the list": lambda: certificate(after=der(0xA3, sequence())),
    "default value written out": lambda: certificate(
        CA, sequence(der(6, b"\x55\x1d\x63"), b"\x01\x01\0", der(4, b"\x05\0"))
    ),
    "generalized time before 2050": lambda: certificate(
        CA, dates=sequence(der(0x18, b"20200101000000Z"), der(0x18, b"20400101000000Z"))
    ),
    "time without seconds": lambda: certificate(
        CA, dates=sequence(der(0x17, b"2001010000Z"), der(0x17, b"4001010000Z"))
    ),
    "time with fractions": lambda: certificate(
        CA, dates=sequence(der(0x18, b"20200101000000.5Z"), der(0x18, b"20400101000000.5Z"))
    ),
    "time with an offset": lambda: certificate(
        CA, dates=sequence(der(0x17, b"200101000000+0100"), der(0x17, b"400101000000+0100"))
    ),
    "no time": lambda: certificate(CA, dates=sequence(der(0x17, b"nonsense"), der(0x17, b"nonsense"))),
    "month 13": lambda: certificate(CA, dates=sequence(der(0x17, b"201301000000Z"), der(0x17, b"401301000000Z"))),
    "year 9999": lambda: certificate(CA, dates=sequence(der(0x17, b"200101000000Z"), der(0x18, b"99991231235959Z"))),
    "end before its beginning": lambda: certificate(
        CA, dates=sequence(der(0x17, b"400101000000Z"), der(0x17, b"200101000000Z"))
    ),
    "issuer identifier": lambda: certificate(CA, key=named_key() + der(0x81, b"\0\x01")),
    "name of an unknown string type": lambda: certificate(
        CA,
        issuer=sequence(der(0x31, sequence(_NAME_TYPE, der(0x04, b"odd")))),
    ),
    "name that is not UTF-8": lambda: certificate(
        CA, issuer=sequence(der(0x31, sequence(_NAME_TYPE, der(0x0C, b"\xff\xfe"))))
    ),
    "printable name with an at sign": lambda: certificate(
        CA, issuer=sequence(der(0x31, sequence(_NAME_TYPE, der(0x13, b"a@b*_"))))
    ),
    "name of BMP characters": lambda: certificate(
        CA, issuer=sequence(der(0x31, sequence(_NAME_TYPE, der(0x1E, "Odd".encode("utf-16-be")))))
    ),
    "name of universal characters": lambda: certificate(
        CA, issuer=sequence(der(0x31, sequence(_NAME_TYPE, der(0x1C, "Odd".encode("utf-32-be")))))
    ),
    "empty string in the name": lambda: certificate(CA, issuer=name("")),
    "empty set in the name": lambda: certificate(CA, issuer=sequence(der(0x31))),
    "key of an unknown kind": lambda: certificate(CA, key=sequence(sequence(der(6, b"\x2a\x03")), der(3, b"\0abc"))),
    "point that is not on the curve": lambda: certificate(
        CA, key=sequence(bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107"), der(3, b"\0\x04", b"\x01" * 64))
    ),
    "compressed point": lambda: certificate(
        CA,
        key=sequence(
            bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107"),
            der(3, b"\0", bytes([2 + _point()[-1] % 2]), _point()[1:33]),
        ),
    ),
    "curve that nobody knows": lambda: certificate(
        CA,
        key=sequence(sequence(bytes.fromhex("06072a8648ce3d0201"), der(6, b"\x2a\x03\x04")), der(3, b"\0", _point())),
    ),
    "RSA key of exponent 1": lambda: certificate(CA, key=_rsa(3**1200 | 1 << 2047, 1)),
    "RSA key of an even exponent": lambda: certificate(CA, key=_rsa((1 << 2047) + 12345, 4)),
    "RSA key of 512 bits": lambda: certificate(CA, key=_rsa((1 << 511) + 12345, 65537)),
    "RSA key of 400 bits": lambda: certificate(CA, key=_rsa((1 << 399) + 12345, 65537)),
    "RSA key of 20000 bits": lambda: certificate(CA, key=_rsa((1 << 19999) + 12345, 65537)),
    "RSA key of a negative modulus": lambda: certificate(CA, key=_rsa(-(1 << 2047) + 12345, 65537)),
    "RSA key with a long exponent": lambda: certificate(CA, key=_rsa((1 << 4095) + 12345, (1 << 100) + 1)),
    "RSA key without its null": lambda: certificate(CA, key=_rsa((1 << 2047) + 12345, 65537, b"")),
    "something after its end": lambda: certificate(CA, at_the_end=b"\0\0\0"),
    "something after the extensions": lambda: certificate(CA, after=der(0xA4, b"x")),
    "unused bits in the signature": lambda: certificate(CA)[:-1] + b"\x01",
    "indefinite length": lambda: b"\x30\x80" + certificate(CA)[4:] + b"\0\0",
}


def _rsa(modulus: int, exponent: int, parameters: bytes = b"\x05\0") -> bytes:
    numbers = sequence(integer(modulus), integer(exponent))
    return sequence(sequence(bytes.fromhex("06092a864886f70d010101"), parameters), der(3, b"\0", numbers))
