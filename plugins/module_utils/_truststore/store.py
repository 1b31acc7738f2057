# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Java truststore as a whole: read in any format, built from a base and additions, written in two formats.

The same entries give the same bytes on any target: entries are sorted by alias, dates are a constant, and nothing is
random. So whether a file needs to change is a comparison of bytes.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._truststore import jks
from ansible_collections.stashops.mail.plugins.module_utils._truststore.entry import Entry, TruststoreError
from ansible_collections.stashops.mail.plugins.module_utils._x509 import pem

__all__ = [
    "DEFAULT_PASSWORD",
    "FORMATS",
    "Built",
    "Entry",
    "TruststoreError",
    "build",
    "detect",
    "read_store",
    "write_store",
]

FORMATS = ("jks", "pkcs12")
DEFAULT_PASSWORD = "changeit"  # noqa: S105 - what every JVM's own truststore has

# Java's are 0.2 MB. The limit keeps a wrong path, such as a log or a device, from filling the target's memory.
MAX_SIZE = 16 * 1024 * 1024


class Built(t.NamedTuple):
    """``entries``: all, in the order to be written. ``ours``: those that were added, under their final aliases."""

    entries: list[Entry]
    ours: list[Entry]


def detect(data: bytes) -> str:
    """The format by content, as the JVM does it: ``jks``, ``pkcs12``, ``pem`` or ``der`` (one certificate or PKCS7).

    :raises TruststoreError: for anything else.
    """
    if data.startswith(jks.MAGIC):
        return "jks"
    if data.startswith(b"\xce\xce\xce\xce"):
        raise TruststoreError(
            "it is a JCEKS keystore, which is not supported. "
            "Convert it: keytool -importkeystore -srckeystore FILE -destkeystore NEW -deststoretype PKCS12"
        )
    if data[:1] == b"\x30":
        # Only where it may be needed, here and below: Python compiles each file of a module again at each call.
        from ansible_collections.stashops.mail.plugins.module_utils._truststore import pkcs12

        if pkcs12.looks_like(data):
            return "pkcs12"
    if b"-----BEGIN " in data:
        return "pem"
    if data[:1] == b"\x30":
        return "der"
    if not data:
        raise TruststoreError("it is empty.")
    raise TruststoreError("it is neither JKS nor PKCS12, nor are there certificates in PEM or DER in it.")


def read_store(
    data: bytes, password: str | None, *, where: str = "the truststore", keytool: str | None = None
) -> list[Entry]:
    """The entries that a JVM would trust, in the file's order; maybe none.

    ``password``: None leaves a JKS unchecked and encrypted parts of a PKCS12 unseen, as a JVM without a password does.
    ``where`` names the store in errors. ``keytool``: the program to open an encrypted PKCS12 with; by default the one
    on the search path, and an empty string means none.

    :raises TruststoreError: if it is damaged, of an unknown format, or the password is wrong.
    """
    try:
        if len(data) > MAX_SIZE:
            raise TruststoreError(f"it has {len(data)} bytes, more than any truststore: the limit is {MAX_SIZE}.")
        kind = detect(data)
        if kind == "jks":
            return jks.read(data, password)
        if kind == "pkcs12":
            return _read_pkcs12(data, password, keytool)
    except TruststoreError as error:
        raise TruststoreError(f"{where} cannot be read: {error}") from None
    return [Entry(f"certificate-{pem.sha256(der)[:16]}", der) for der in pem.load(data, where)]


def write_store(entries: t.Iterable[Entry], format: str, password: str = DEFAULT_PASSWORD) -> bytes:
    """The file's bytes. ``format`` is ``jks`` or ``pkcs12``; only JKS has a place for ``password``."""
    if format == "jks":
        return jks.write(entries, password)
    if format == "pkcs12":
        from ansible_collections.stashops.mail.plugins.module_utils._truststore import pkcs12

        return pkcs12.write(entries)
    raise TruststoreError(f"format {format!r} is not one of {', '.join(FORMATS)}.")


def build(base: t.Iterable[Entry], additions: t.Iterable[Entry], exclude: t.Collection[str] = ()) -> Built:
    """All of ``base`` and ``additions``, less the certificates whose SHA-256 is in ``exclude``.

    Aliases become lowercase, since Java counts others and never trusts them, and unique. Certificates that occur twice
    are kept once, and the base's alias wins. The order of the arguments' members makes no difference.

    :raises TruststoreError: if nothing is left, or an addition is excluded at the same time.
    """
    by_der: dict[bytes, Entry] = {}
    aliases: set[str] = set()
    ours: dict[bytes, Entry] = {}
    for entry in _ordered(base):
        if entry.der not in by_der and not (exclude and pem.sha256(entry.der) in exclude):
            by_der[entry.der] = _named(entry, aliases)
    for entry in _ordered(additions):
        if exclude and pem.sha256(entry.der) in exclude:
            raise TruststoreError(
                f"the certificate {entry.alias} (SHA-256 {pem.sha256(entry.der)}) is to be added and excluded "
                "at the same time: remove it from one of the two."
            )
        if entry.der not in by_der:
            by_der[entry.der] = _named(entry, aliases)
        ours[entry.der] = by_der[entry.der]
    if not by_der:
        raise TruststoreError(
            "the truststore would hold no certificate, and a JVM with an empty truststore can open no TLS connection: "
            "give a base or certificates."
        )
    by_alias = sorted(by_der.values(), key=lambda entry: entry.alias)
    return Built(by_alias, sorted(ours.values(), key=lambda entry: entry.alias))


def _ordered(entries: t.Iterable[Entry]) -> list[Entry]:
    # A tuple's own order: by alias, then by certificate.
    return sorted(Entry(entry.alias.lower(), entry.der) for entry in entries)


def _named(entry: Entry, aliases: set[str]) -> Entry:
    """``entry`` under an alias that is not in ``aliases`` yet; adds it to them."""
    if entry.alias not in aliases:
        aliases.add(entry.alias)
        return entry
    fingerprint = pem.sha256(entry.der)
    for candidate in (f"{entry.alias}-{fingerprint[:8]}", f"{entry.alias}-{fingerprint}"):
        if candidate not in aliases:
            aliases.add(candidate)
            return Entry(candidate, entry.der)
    raise TruststoreError(f"no free alias is left for {entry.alias}.")


def _read_pkcs12(data: bytes, password: str | None, keytool: str | None) -> list[Entry]:
    from ansible_collections.stashops.mail.plugins.module_utils._truststore import pkcs12

    store = pkcs12.read(data)
    locked = store.encrypted or store.has_mac
    if locked and password is not None:
        # Only where it is needed: what it takes to start other programs loads as long as all the rest.
        from ansible_collections.stashops.mail.plugins.module_utils._truststore import pkcs12_encrypted

        return pkcs12_encrypted.read(data, password, keytool)
    return store.entries
