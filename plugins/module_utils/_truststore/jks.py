# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Java's JKS format, for trusted certificates.

Big-endian: magic, version, count; per entry a tag, the alias, a date and the certificate; at the end a SHA-1 over the
password, a fixed phrase and all that precedes. The digest guards against damage, not against an attacker.
"""

from __future__ import annotations

import hashlib
import struct
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._truststore.entry import Entry, TruststoreError

MAGIC = b"\xfe\xed\xfe\xed"

_PRIVATE_KEY, _CERTIFICATE = 1, 2
_PHRASE = b"Mighty Aphrodite"
_DIGEST_SIZE = 20
_HEADER, _TAG_AND_ALIAS, _DATE = struct.Struct(">4sII"), struct.Struct(">IH"), struct.Struct(">Q")
_SHORT, _LONG = struct.Struct(">H"), struct.Struct(">I")
# Date, certificate type, and the length of the certificate, as version 2 has them.
_TRUSTED = struct.Struct(">QH5sI")
# Tag, empty alias, date, certificate type and length: fewer bytes than this are no entry.
_MIN_ENTRY_SIZE = 4 + 2 + 8 + 4
# More than any truststore has.
_MAX_ENTRIES = 100_000


def read(data: bytes, password: str | None) -> list[Entry]:
    """The certificates that Java would trust, in the file's order.

    Of a private key's entry that is the first certificate of its chain, as Java's TrustManagerFactory takes it; the
    key itself is passed over. Without ``password`` the digest is not checked, as Java does.

    :raises TruststoreError: for anything that Java would refuse, a wrong password among it.
    """
    reader = _Reader(data[:-_DIGEST_SIZE])
    magic, version, count = reader.unpack(_HEADER)
    if magic != MAGIC or version not in (1, 2):
        raise TruststoreError("it is not a JKS truststore of version 1 or 2.")
    if count * _MIN_ENTRY_SIZE > len(data):
        raise TruststoreError(f"it claims {count} entries, more than its {len(data)} bytes can hold: it is damaged.")
    if count > _MAX_ENTRIES:
        raise TruststoreError(f"it has {count} entries, more than any truststore.")
    entries = [_read_entry(reader, version) for _unused in range(count)]
    if reader.left:
        raise TruststoreError(f"{reader.left} bytes follow its last entry: it is damaged.")
    if password is not None and _digest(data[:-_DIGEST_SIZE], password) != data[-_DIGEST_SIZE:]:
        raise TruststoreError("its digest does not match: the password is wrong, or it is damaged.")
    return entries


def write(entries: t.Iterable[Entry], password: str) -> bytes:
    """A JKS store with ``entries`` in the order given.

    Aliases must be lowercase and unique: Java counts others, but never trusts them.
    """
    entries = list(entries)
    parts = [struct.pack(">4sII", MAGIC, 2, len(entries))]
    for name, der, created_ms in entries:
        alias = encode_utf(name)
        if len(alias) > 0xFFFF:
            raise TruststoreError(f"the alias {name[:40]!r}... is longer than JKS can hold.")
        parts += (_TAG_AND_ALIAS.pack(_CERTIFICATE, len(alias)), alias)
        parts += (_TRUSTED.pack(created_ms, 5, b"X.509", len(der)), der)
    body = b"".join(parts)
    return body + _digest(body, password)


def encode_utf(text: str) -> bytes:
    """Java's modified UTF-8: NUL as two bytes, characters beyond U+FFFF as two surrogates of three bytes each."""
    if text.isascii() and "\0" not in text:
        return text.encode()
    units = text.encode("utf-16-be", "surrogatepass")
    halves = "".join(map(chr, struct.unpack(f">{len(units) // 2}H", units)))
    return halves.encode("utf-8", "surrogatepass").replace(b"\0", b"\xc0\x80")


def decode_utf(data: bytes) -> str:
    """The reverse of :func:`encode_utf`; raises :class:`TruststoreError`."""
    if data.isascii():
        return data.decode()
    text: str | None
    try:
        text = data.replace(b"\xc0\x80", b"\0").decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = None
    if text is None or max(text, default="") > "\uffff":
        raise TruststoreError("an alias in it is not in Java's UTF-8: it is damaged.")
    return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")


def _digest(body: bytes, password: str) -> bytes:
    secret = password.encode("utf-16-be", "surrogatepass")
    digest = _sha1()
    for part in (secret, _PHRASE, body):
        digest.update(part)
    return bytes(digest.digest())


def _sha1() -> t.Any:
    try:
        # Lets a FIPS host that allows SHA-1 for nothing but checksums compute it.
        return hashlib.sha1(usedforsecurity=False)
    except TypeError:  # Python 3.8
        return hashlib.sha1()  # noqa: S324


def _read_entry(reader: _Reader, version: int) -> Entry:
    tag, size = reader.unpack(_TAG_AND_ALIAS)
    alias = decode_utf(reader.take(size))
    (created_ms,) = reader.unpack(_DATE)
    if tag == _CERTIFICATE:
        return Entry(alias, _read_certificate(reader, version), created_ms)
    if tag != _PRIVATE_KEY:
        raise TruststoreError(f"an entry in it is of the unknown kind {tag}: it is damaged.")
    reader.take(*reader.unpack(_LONG))
    (length,) = reader.unpack(_LONG)
    if not length:
        raise TruststoreError("a private key in it has no certificate: it is damaged.")
    first = _read_certificate(reader, version)
    for _unused in range(length - 1):
        _read_certificate(reader, version)
    return Entry(alias, first, created_ms)


def _read_certificate(reader: _Reader, version: int) -> bytes:
    if version == 2:
        kind = reader.take(*reader.unpack(_SHORT))
        if kind not in (b"X.509", b"X509"):
            raise TruststoreError("a certificate in it is not of the type X.509: it is damaged.")
    return reader.take(*reader.unpack(_LONG))


class _Reader:
    """A cursor that never goes beyond the data, whatever lengths the data claims."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._size = len(data)
        self._position = 0

    @property
    def left(self) -> int:
        return self._size - self._position

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        start = self._advance(size)
        return self._data[start : self._position]

    def unpack(self, layout: struct.Struct) -> tuple[t.Any, ...]:
        """The next bytes as the layout says."""
        return layout.unpack_from(self._data, self._advance(layout.size))

    def _advance(self, size: int) -> int:
        """Go on by ``size`` bytes; returns where they start."""
        start, end = self._position, self._position + size
        if end > self._size:
            raise TruststoreError(f"it ends too early: {size} bytes are claimed where {self.left} are left.")
        self._position = end
        return start
