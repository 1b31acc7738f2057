# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""PKCS12 as Java's truststores use it (RFC 7292 plus Oracle's attribute that marks a certificate as trusted).

Written without encryption and without MAC, as the cacerts of JDK 18 and later are: every JVM opens such a file with
any password and with none. What is encrypted or has a MAC is told apart here, and opened elsewhere.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._truststore.entry import Entry, TruststoreError
from ansible_collections.stashops.mail.plugins.module_utils._x509 import der
from ansible_collections.stashops.mail.plugins.module_utils._x509.der import DerError, Element, oid

_DATA = oid("1.2.840.113549.1.7.1")
_ENCRYPTED_DATA = oid("1.2.840.113549.1.7.6")
_FRIENDLY_NAME = oid("1.2.840.113549.1.9.20")
_LOCAL_KEY_ID = oid("1.2.840.113549.1.9.21")
_X509_CERTIFICATE = oid("1.2.840.113549.1.9.22.1")
_KEY_BAG = oid("1.2.840.113549.1.12.10.1.1")
_SHROUDED_KEY_BAG = oid("1.2.840.113549.1.12.10.1.2")
_CERT_BAG = oid("1.2.840.113549.1.12.10.1.3")
# Oracle's trustedKeyUsage. Without it Java opens the file and sees no certificate in it.
_TRUSTED_KEY_USAGE = oid("2.16.840.1.113894.746875.1.1")
_ANY_EXTENDED_KEY_USAGE = oid("2.5.29.37.0")
# As in Java. How often a password is hashed is the file's choice, and 2^31 times take half an hour.
_MAX_ROUNDS = 5_000_000
_MAX_PARAMETERS_DEPTH = 8


class Pkcs12(t.NamedTuple):
    """What can be told without a password.

    ``entries``: the certificates that Java would trust. ``untrusted``: the number of further certificates, which lack
    the attribute. ``encrypted``: there are parts that only the password opens. ``has_mac``: there is a checksum that
    only the password can check.
    """

    entries: list[Entry]
    untrusted: int
    encrypted: bool
    has_mac: bool


class _Bag(t.NamedTuple):
    kind: bytes
    certificate: bytes
    attributes: dict[bytes, bytes]


def looks_like(data: bytes) -> bool:
    """Whether ``data`` begins as a PKCS12 file: a SEQUENCE whose first member is the INTEGER 3."""
    return data[:1] == b"\x30" and b"\x02\x01\x03" in data[2:14]


def read(data: bytes) -> Pkcs12:
    """Read all that is not encrypted; raises :class:`TruststoreError`."""
    try:
        return _read(data)
    except DerError as error:
        raise TruststoreError(f"it is not a whole PKCS12 truststore ({error}): it is damaged.") from None


def write(entries: t.Iterable[Entry]) -> bytes:
    """A PKCS12 store without encryption and MAC, with ``entries`` in the order given."""
    bags = der.write(der.SEQUENCE, *(_write_bag(entry) for entry in entries))
    content = der.write(der.SEQUENCE, _write_data(bags))
    return der.write(der.SEQUENCE, der.write(der.INTEGER, b"\x03"), _write_data(content))


def _read(data: bytes) -> Pkcs12:
    pfx = der.expect(data, der.root(data), der.INTEGER, der.SEQUENCE)
    if data[pfx[0].start : pfx[0].end] != b"\x03":
        raise DerError("another version than 3")
    content = _content(data, pfx[1])
    if content is None:
        raise TruststoreError("it is signed with a key instead of a password, which Java does not read either.")
    for mac in pfx[2:]:
        _check_rounds(data, mac)
    encrypted = False
    bags: list[_Bag] = []
    for info in der.children(content, der.root(content)):
        safe = _content(content, info)
        if safe is None:
            encrypted = True
            _check_rounds(content, info)
        else:
            bags += [_read_bag(safe, bag) for bag in der.children(safe, der.root(safe))]
    # As Java does: of a private key's certificates, the one with the key's own id counts as trusted.
    keys = {bag.attributes.get(_LOCAL_KEY_ID) for bag in bags if bag.kind in (_KEY_BAG, _SHROUDED_KEY_BAG)} - {None}
    certificates = [bag for bag in bags if bag.kind == _CERT_BAG and bag.certificate]
    trusted = [
        bag for bag in certificates if _TRUSTED_KEY_USAGE in bag.attributes or bag.attributes.get(_LOCAL_KEY_ID) in keys
    ]
    entries = [Entry(_alias(bag, number), bag.certificate) for number, bag in enumerate(trusted, start=1)]
    return Pkcs12(entries, len(certificates) - len(trusted), encrypted, has_mac=len(pfx) > 2)


def _content(data: bytes, info: Element) -> bytes | None:
    """The contents of a ContentInfo of type data; None if they are of another type, such as encrypted."""
    kind, *rest = der.expect(data, info, der.OBJECT_IDENTIFIER)
    if data[kind.start : kind.end] != _DATA:
        return None
    if len(rest) != 1 or rest[0].tag != der.CONTEXT_0:
        raise DerError("other elements than expected")
    return der.octets(data, _only(data, rest[0]))


def _check_rounds(data: bytes, element: Element, depth: int = 0) -> None:
    """Refuse a key derivation that would take hours; no other number beside its count is as large in real files."""
    if depth > _MAX_PARAMETERS_DEPTH:
        raise DerError("nested too deep")
    for child in der.fields(data, element):
        if child.tag in (der.SEQUENCE, der.CONTEXT_0):
            _check_rounds(data, child, depth + 1)
        elif child.tag == der.INTEGER and int.from_bytes(data[child.start : child.end], "big") > _MAX_ROUNDS:
            raise TruststoreError(f"its password would have to be hashed more than {_MAX_ROUNDS} times.")


def _read_bag(data: bytes, bag: Element) -> _Bag:
    kind, value, *rest = der.expect(data, bag, der.OBJECT_IDENTIFIER, der.CONTEXT_0)
    attributes = _read_attributes(data, rest[0]) if rest else {}
    certificate = b""
    if data[kind.start : kind.end] == _CERT_BAG:
        cert_bag = _only(data, value)
        cert_kind, cert_value = der.expect(data, cert_bag, der.OBJECT_IDENTIFIER, der.CONTEXT_0)[:2]
        if data[cert_kind.start : cert_kind.end] == _X509_CERTIFICATE:
            certificate = der.octets(data, _only(data, cert_value))
    elif data[kind.start : kind.end] == _SHROUDED_KEY_BAG:
        _check_rounds(data, value)
    return _Bag(data[kind.start : kind.end], certificate, attributes)


def _only(data: bytes, parent: Element) -> Element:
    """The one child of ``parent``."""
    found = der.fields(data, parent)
    if len(found) != 1:
        raise DerError("other elements than expected")
    return found[0]


def _read_attributes(data: bytes, attributes: Element) -> dict[bytes, bytes]:
    """The contents of each attribute's first value, by the attribute's type."""
    found = {}
    for attribute in der.fields(data, attributes):
        kind, values = der.expect(data, attribute, der.OBJECT_IDENTIFIER, der.SET)[:2]
        first = next(der.children(data, values), None)
        found[data[kind.start : kind.end]] = b"" if first is None else data[first.start : first.end]
    return found


def _alias(bag: _Bag, number: int) -> str:
    name = bag.attributes.get(_FRIENDLY_NAME)
    if name is None:
        return f"certificate-{number}"
    try:
        return name.decode("utf-16-be", "surrogatepass")
    except UnicodeDecodeError:
        raise DerError("a name that is no BMPString") from None


def _write_data(content: bytes) -> bytes:
    octets = der.write(der.OCTET_STRING, content)
    return der.write(der.SEQUENCE, der.write(der.OBJECT_IDENTIFIER, _DATA), der.write(der.CONTEXT_0, octets))


def _write_bag(entry: Entry) -> bytes:
    certificate = der.write(
        der.SEQUENCE,
        der.write(der.OBJECT_IDENTIFIER, _X509_CERTIFICATE),
        der.write(der.CONTEXT_0, der.write(der.OCTET_STRING, entry.der)),
    )
    attributes = der.write_set(
        _write_attribute(_FRIENDLY_NAME, der.write(der.BMP_STRING, entry.alias.encode("utf-16-be", "surrogatepass"))),
        _write_attribute(_TRUSTED_KEY_USAGE, der.write(der.OBJECT_IDENTIFIER, _ANY_EXTENDED_KEY_USAGE)),
    )
    kind = der.write(der.OBJECT_IDENTIFIER, _CERT_BAG)
    return der.write(der.SEQUENCE, kind, der.write(der.CONTEXT_0, certificate), attributes)


def _write_attribute(kind: bytes, value: bytes) -> bytes:
    return der.write(der.SEQUENCE, der.write(der.OBJECT_IDENTIFIER, kind), der.write(der.SET, value))
