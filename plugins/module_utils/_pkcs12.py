# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""PKCS12 as Java's truststores use it (RFC 7292 plus Oracle's attribute that marks a certificate as trusted).

Written without encryption and without MAC, as the cacerts of JDK 18 and later are: every JVM opens such a file with
any password and with none. What is encrypted or has a MAC is told apart here, and opened elsewhere.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _der
from ansible_collections.stashops.mail.plugins.module_utils._der import DerError, Element, oid
from ansible_collections.stashops.mail.plugins.module_utils._entry import Entry, TruststoreError

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
    bags = _der.write(_der.SEQUENCE, *(_write_bag(entry) for entry in entries))
    content = _der.write(_der.SEQUENCE, _write_data(bags))
    return _der.write(_der.SEQUENCE, _der.write(_der.INTEGER, b"\x03"), _write_data(content))


def _read(data: bytes) -> Pkcs12:
    pfx = _der.expect(data, _der.root(data), _der.INTEGER, _der.SEQUENCE)
    if data[pfx[0].start : pfx[0].end] != b"\x03":
        raise DerError("another version than 3")
    content = _content(data, pfx[1])
    if content is None:
        raise TruststoreError("it is signed with a key instead of a password, which Java does not read either.")
    for mac in pfx[2:]:
        _check_rounds(data, mac)
    encrypted = False
    bags: list[_Bag] = []
    for info in _der.children(content, _der.root(content)):
        safe = _content(content, info)
        if safe is None:
            encrypted = True
            _check_rounds(content, info)
        else:
            bags += [_read_bag(safe, bag) for bag in _der.children(safe, _der.root(safe))]
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
    kind, *rest = _der.expect(data, info, _der.OBJECT_IDENTIFIER)
    if data[kind.start : kind.end] != _DATA:
        return None
    if len(rest) != 1 or rest[0].tag != _der.CONTEXT_0:
        raise DerError("other elements than expected")
    return _der.octets(data, _only(data, rest[0]))


def _check_rounds(data: bytes, element: Element, depth: int = 0) -> None:
    """Refuse a key derivation that would take hours; no other number beside its count is as large in real files."""
    if depth > _MAX_PARAMETERS_DEPTH:
        raise DerError("nested too deep")
    for child in _der.fields(data, element):
        if child.tag in (_der.SEQUENCE, _der.CONTEXT_0):
            _check_rounds(data, child, depth + 1)
        elif child.tag == _der.INTEGER and int.from_bytes(data[child.start : child.end], "big") > _MAX_ROUNDS:
            raise TruststoreError(f"its password would have to be hashed more than {_MAX_ROUNDS} times.")


def _read_bag(data: bytes, bag: Element) -> _Bag:
    kind, value, *rest = _der.expect(data, bag, _der.OBJECT_IDENTIFIER, _der.CONTEXT_0)
    attributes = _read_attributes(data, rest[0]) if rest else {}
    certificate = b""
    if data[kind.start : kind.end] == _CERT_BAG:
        cert_bag = _only(data, value)
        cert_kind, cert_value = _der.expect(data, cert_bag, _der.OBJECT_IDENTIFIER, _der.CONTEXT_0)[:2]
        if data[cert_kind.start : cert_kind.end] == _X509_CERTIFICATE:
            certificate = _der.octets(data, _only(data, cert_value))
    elif data[kind.start : kind.end] == _SHROUDED_KEY_BAG:
        _check_rounds(data, value)
    return _Bag(data[kind.start : kind.end], certificate, attributes)


def _only(data: bytes, parent: Element) -> Element:
    """The one child of ``parent``."""
    found = _der.fields(data, parent)
    if len(found) != 1:
        raise DerError("other elements than expected")
    return found[0]


def _read_attributes(data: bytes, attributes: Element) -> dict[bytes, bytes]:
    """The contents of each attribute's first value, by the attribute's type."""
    found = {}
    for attribute in _der.fields(data, attributes):
        kind, values = _der.expect(data, attribute, _der.OBJECT_IDENTIFIER, _der.SET)[:2]
        first = next(_der.children(data, values), None)
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
    octets = _der.write(_der.OCTET_STRING, content)
    return _der.write(_der.SEQUENCE, _der.write(_der.OBJECT_IDENTIFIER, _DATA), _der.write(_der.CONTEXT_0, octets))


def _write_bag(entry: Entry) -> bytes:
    certificate = _der.write(
        _der.SEQUENCE,
        _der.write(_der.OBJECT_IDENTIFIER, _X509_CERTIFICATE),
        _der.write(_der.CONTEXT_0, _der.write(_der.OCTET_STRING, entry.der)),
    )
    attributes = _der.write_set(
        _write_attribute(_FRIENDLY_NAME, _der.write(_der.BMP_STRING, entry.alias.encode("utf-16-be", "surrogatepass"))),
        _write_attribute(_TRUSTED_KEY_USAGE, _der.write(_der.OBJECT_IDENTIFIER, _ANY_EXTENDED_KEY_USAGE)),
    )
    kind = _der.write(_der.OBJECT_IDENTIFIER, _CERT_BAG)
    return _der.write(_der.SEQUENCE, kind, _der.write(_der.CONTEXT_0, certificate), attributes)


def _write_attribute(kind: bytes, value: bytes) -> bytes:
    return _der.write(_der.SEQUENCE, _der.write(_der.OBJECT_IDENTIFIER, kind), _der.write(_der.SET, value))
