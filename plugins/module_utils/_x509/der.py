# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few parts of ASN.1 that a PKCS12 truststore is made of: reading BER, writing DER.

Not for certificates: those are carried as bytes, and read by the cryptography library where one must be looked into.
"""

from __future__ import annotations

import typing as t

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
BMP_STRING = 0x1E
SEQUENCE = 0x30
SET = 0x31
CONTEXT_0 = 0xA0
_CONSTRUCTED = 0x20

# A PKCS12 nests about ten deep. The limit keeps hostile nesting of indefinite lengths from costing more than its size.
_MAX_DEPTH = 32
# An octet string may be cut into pieces, and those once more.
_MAX_PIECES_DEPTH = 4
# More than any truststore has. The limits keep a file of nothing but tiny elements from costing a hundred times its
# size.
_MAX_MEMBERS = 100_000
_MAX_FIELDS = 16


class DerError(ValueError):
    """Bytes that are not the ASN.1 they should be."""


class Element(t.NamedTuple):
    """One value inside a buffer: its contents are ``data[start:end]``, its next sibling begins at ``next``."""

    tag: int
    start: int
    end: int
    next: int


def read(data: bytes, offset: int, limit: int, depth: int = 0) -> Element:
    """Read the element at ``offset`` that must lie before ``limit``; raises :class:`DerError`."""
    if depth > _MAX_DEPTH:
        raise DerError("nested too deep")
    if limit - offset < 2:
        raise DerError("ends inside an element")
    tag, length = data[offset], data[offset + 1]
    if tag & 0x1F == 0x1F:
        raise DerError("a tag of several bytes")
    start = offset + 2
    if length == 0x80:
        return _read_indefinite(data, tag, start, limit, depth)
    if length > 0x80:
        size = length & 0x7F
        if size > 8 or limit - start < size:
            raise DerError("a length that is no length")
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    if length > limit - start:
        raise DerError(f"an element claims {length} bytes where {limit - start} are left")
    return Element(tag, start, start + length, start + length)


def _read_indefinite(data: bytes, tag: int, start: int, limit: int, depth: int) -> Element:
    if not tag & _CONSTRUCTED:
        raise DerError("an indefinite length on a primitive value")
    position = start
    members = 0
    while data[position : position + 2] != b"\0\0" or position + 2 > limit:
        members += 1
        if members > _MAX_MEMBERS:
            raise DerError("too many elements in one")
        position = read(data, position, limit, depth + 1).next
    return Element(tag, start, position, position + 2)


def children(data: bytes, parent: Element, most: int = _MAX_MEMBERS) -> t.Iterator[Element]:
    """The elements inside a constructed element, in order; :class:`DerError` if there are more than ``most``."""
    position = parent.start
    members = 0
    while position < parent.end:
        members += 1
        if members > most:
            raise DerError("too many elements in one")
        child = read(data, position, parent.end)
        yield child
        position = child.next


def fields(data: bytes, parent: Element) -> list[Element]:
    """The children of an element that is a record, so that it has but a few."""
    return list(children(data, parent, _MAX_FIELDS))


def expect(data: bytes, parent: Element, *tags: int) -> list[Element]:
    """The fields of ``parent``, the first of which must have ``tags`` in this order; more may follow."""
    found = fields(data, parent)
    if [child.tag for child in found[: len(tags)]] != list(tags):
        raise DerError("other elements than expected")
    return found


def octets(data: bytes, element: Element, depth: int = 0) -> bytes:
    """The contents of an OCTET STRING, which BER may have cut into pieces."""
    if element.tag & ~_CONSTRUCTED != OCTET_STRING or depth > _MAX_PIECES_DEPTH:
        raise DerError("not an octet string")
    if element.tag == OCTET_STRING:
        return data[element.start : element.end]
    return b"".join(octets(data, piece, depth + 1) for piece in children(data, element))


def root(data: bytes, tag: int = SEQUENCE) -> Element:
    """The one element that fills ``data``; anything before or after it is an error."""
    element = read(data, 0, len(data))
    if element.tag != tag:
        raise DerError("other elements than expected")
    if element.next != len(data):
        raise DerError(f"{len(data) - element.next} bytes follow its end")
    return element


def write(tag: int, *contents: bytes) -> bytes:
    """An element of ``tag`` around ``contents``, in DER."""
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def write_set(*members: bytes) -> bytes:
    """A SET OF, whose members DER wants sorted by their encoding."""
    return write(SET, *sorted(members))


def oid(dotted: str) -> bytes:
    """The contents of an OBJECT IDENTIFIER (without tag and length), ready to compare with what was read."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    encoded = bytearray()
    for arc in (first * 40 + second, *rest):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | (arc & 0x7F))
        encoded += bytes(reversed(septets))
    return bytes(encoded)
