# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no JVM reads, for the reasons that the JDK has, where no JVM can be asked: each of them tried on Java 8 to 25.

A single such certificate makes a truststore that no JVM opens.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._x509 import der as asn1

_RSA = asn1.oid("1.2.840.113549.1.1.1")
_EC = asn1.oid("1.2.840.10045.2.1")
# Where the curves are that the JDK has names for: ANSI X9.62, SECG and Brainpool.
_CURVES = tuple(asn1.oid(arc) for arc in ("1.2.840.10045.3", "1.3.132.0", "1.3.36.3.3.2.8.1.1"))
_UNCOMPRESSED = 4
_LEAST_RSA, _MOST_RSA, _LEAST_EXPONENT = 512, 16384, 3
_LONG_RSA, _LONG_EXPONENT = 3072, 64
_EXTENSIONS = 0xA3
_MAX_EXTENSIONS = 1000
_ADDRESS = 0x87
_KEY_USAGE, _ALTERNATIVE_NAME, _EXTENDED_USAGE = (asn1.oid(f"2.5.29.{number}") for number in (15, 17, 37))
# Of these the JDK reads what is in them, each a sequence: the issuer's alternative name, basic and name constraints,
# distribution points, policies, mappings, the authority's key, policy constraints.
_SEQUENCES = {asn1.oid(f"2.5.29.{number}") for number in (17, 18, 19, 30, 31, 32, 33, 35, 36, 37)}
_NULL = b"\x05\0"


class _Extension(t.NamedTuple):
    kind: bytes
    critical: bool
    value: bytes


def refusal(der: bytes) -> str:
    """Return why no JVM reads this certificate, whatever it is for; empty where no reason is known."""
    try:
        whole = asn1.root(der)
        content, algorithm, _signature = asn1.fields(der, whole)
        members = asn1.fields(der, content)
        version = 1
        if members[0].tag == asn1.CONTEXT_0:
            version = _number(der, asn1.fields(der, members.pop(0))[0]) + 1
        _serial, inner, issuer, _dates, subject, key, *more = members
        extensions = [item for element in more if element.tag == _EXTENSIONS for item in _extensions(der, element)]
        found = [
            *_names(der, issuer, subject, extensions),
            "" if version == 3 or not extensions else f"it has extensions, which version {version} has not",
            ""
            if _same_algorithm(der, inner, algorithm)
            else "it names one algorithm for its signature and then another",
            _of_key(der, key),
            *_of_extensions(extensions),
        ]
    except (asn1.DerError, IndexError, ValueError):
        return ""  # whoever reads it as a certificate says more
    return next(filter(None, found), "")


def _names(
    der: bytes, issuer: asn1.Element, subject: asn1.Element, extensions: t.Sequence[_Extension]
) -> t.Iterator[str]:
    if _is_empty(der, issuer):
        yield "its issuer is empty"
    named = any(item.kind == _ALTERNATIVE_NAME and item.critical for item in extensions)
    if _is_empty(der, subject) and not named:
        yield "it has neither a subject nor a subject alternative name that is marked as critical"


def _is_empty(der: bytes, name: asn1.Element) -> bool:
    return all(part.start == part.end for part in asn1.children(der, name, _MAX_EXTENSIONS))


def _extensions(der: bytes, element: asn1.Element) -> t.Iterator[_Extension]:
    for part in asn1.children(der, asn1.fields(der, element)[0], _MAX_EXTENSIONS):
        kind, *flag, value = asn1.fields(der, part)
        critical = bool(flag) and der[flag[0].start : flag[0].end] != b"\0"
        yield _Extension(der[kind.start : kind.end], critical, asn1.octets(der, value))


def _same_algorithm(der: bytes, first: asn1.Element, second: asn1.Element) -> bool:
    return _algorithm(der, first) == _algorithm(der, second)


def _algorithm(der: bytes, element: asn1.Element) -> bytes:
    # For the JDK a NULL for the parameters is as none.
    text = der[element.start : element.end]
    return text[: -len(_NULL)] if text.endswith(_NULL) else text


def _of_key(der: bytes, key: asn1.Element) -> str:
    algorithm, bits = asn1.fields(der, key)
    kind, *parameters = asn1.fields(der, algorithm)
    name, point = der[kind.start : kind.end], der[bits.start + 1 : bits.end]
    if name == _EC and parameters:
        curve = der[parameters[0].start : parameters[0].end]
        if parameters[0].tag == asn1.SEQUENCE:
            return "the curve of its key is given by its parameters and not by its name"
        if not curve.startswith(_CURVES):
            return "the curve of its key is unknown"
        if point[:1] != bytes([_UNCOMPRESSED]):
            return "the point of its key is compressed"
    if name == _RSA:
        modulus, exponent = (abs(_number(point, part)) for part in asn1.fields(point, asn1.root(point)))
        size = modulus.bit_length()
        if not _LEAST_RSA <= size <= _MOST_RSA:
            return f"its RSA key has {size} bits, and {_LEAST_RSA} to {_MOST_RSA} are possible"
        if exponent < _LEAST_EXPONENT or (size > _LONG_RSA and exponent.bit_length() > _LONG_EXPONENT):
            return "the exponent of its RSA key is too small or too large"
    return ""


def _number(data: bytes, element: asn1.Element) -> int:
    return int.from_bytes(data[element.start : element.end], "big", signed=True)


def _of_extensions(extensions: t.Sequence[_Extension]) -> t.Iterator[str]:
    kinds = [item.kind for item in extensions]
    if len(set(kinds)) != len(kinds):
        yield "it has the same extension twice"
    if any(item.critical and _is_malformed(item) for item in extensions):
        yield "one of its critical extensions is malformed"


def _is_malformed(item: _Extension) -> bool:
    """Whether a critical extension that the JDK knows is not of the form that it has to be."""
    value = item.value
    try:
        if item.kind == _KEY_USAGE:
            bits = asn1.root(value, asn1.BIT_STRING)
            return bits.start == bits.end or value[bits.start] > 7
        if item.kind not in _SEQUENCES:
            return False
        parts = list(asn1.children(value, asn1.root(value), _MAX_EXTENSIONS))
    except asn1.DerError:
        return True
    if item.kind == _ALTERNATIVE_NAME:
        return not parts or any(part.tag == _ADDRESS and part.end - part.start not in (4, 16) for part in parts)
    return item.kind == _EXTENDED_USAGE and any(part.tag != asn1.OBJECT_IDENTIFIER for part in parts)
