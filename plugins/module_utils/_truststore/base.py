# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates that a truststore starts from, and the files that must never be written to."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.start import JavaBehind
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store
from ansible_collections.stashops.mail.plugins.module_utils._truststore.entry import Entry, TruststoreError
from ansible_collections.stashops.mail.plugins.module_utils._x509 import pem

_CERTIFICATE_FILES = (".pem", ".crt", ".cer", ".der", ".p7b", ".p7c")
_MAX_FILES = 10_000

# What operating systems generate themselves, so that whatever is added there is lost at the next update.
_MANAGED = (
    "/etc/ssl/certs/java/cacerts",
    "/etc/pki/java/cacerts",
    "/etc/pki/ca-trust/extracted/java/cacerts",
    "/var/lib/ca-certificates/java-cacerts",
)


class Base(t.NamedTuple):
    """``source`` says what led to ``path``; ``format`` is jks, pkcs12, pem, der, directory, or None without a base."""

    path: str | None
    source: str
    format: str | None
    entries: list[Entry]


NO_BASE = Base(None, "none", None, [])


def load(path: str, password: str, source: str, keytool: str | None = None) -> Base:
    """Read a base bundle: a truststore, or PEM or DER certificates, in a file or in a folder of such files.

    :raises TruststoreError: if it is missing, damaged, without entries, or the password is wrong.
    """
    name = f"The base {path}"
    if not os.path.exists(path):
        raise TruststoreError(f"{name} is not there. Name an existing bundle or folder, or use auto or none.")
    if os.path.isdir(path):
        return Base(path, source, "directory", _load_folder(path, name))
    return _read(_files.read(path, store.MAX_SIZE, name), path, password, source, keytool)


def load_behind(java: JavaBehind, password: str) -> Base:
    """Read the bundle that the Java behind a command trusts by itself; raises as :func:`load` does."""
    try:
        home = java.home()
    except StashMailError as error:
        raise TruststoreError(f"{error}. Start the product, or name a copy of its bundle with base.") from None
    for part in ("lib", "jre/lib"):
        for name in ("jssecacerts", "cacerts"):
            path = f"{home}/{part}/security/{name}"
            data = java.read(path, store.MAX_SIZE)
            if data is not None:
                return _read(data, path, password, java.where)
    raise TruststoreError(
        f"The Java in {home}, {java.where}, has no lib/security/cacerts. Name a bundle with base, or another Java with "
        "java_home."
    )


def _read(data: bytes, path: str, password: str, source: str, keytool: str | None = None) -> Base:
    name = f"The base {path}"
    entries = store.read_store(data, password, where=name, keytool=keytool)
    if not entries:
        raise TruststoreError(f"{name} has no certificates that a JVM would trust. Name another bundle, or none.")
    return Base(path, source, store.detect(data), entries)


def check_target(path: str, base_path: str | None, cacerts: str | None) -> None:
    """Refuse to write to ``path`` if that is a JVM's own bundle, or the base.

    ``cacerts`` is the bundle of the product's JVM where known. Links are followed on both sides.

    :raises TruststoreError: naming the file that would have been overwritten.
    """
    real = os.path.realpath(path)
    if not os.path.isabs(path):
        raise TruststoreError(f"path {path} is not absolute.")
    if os.path.isdir(real):
        raise TruststoreError(f"path {path} is a folder: name the file to write.")
    own = [os.path.realpath(item) for item in (cacerts, *_MANAGED) if item]
    in_java = os.path.basename(real) in ("cacerts", "jssecacerts") and real.endswith(
        os.path.join("lib", "security", os.path.basename(real))
    )
    if real in own or in_java:
        raise TruststoreError(
            f"path {path} is the own truststore of a JVM ({real}), which every Java program on this host shares and "
            "which updates overwrite. Name a file of its own, such as /etc/stash_mail/cacerts."
        )
    if base_path and real == os.path.realpath(base_path):
        raise TruststoreError(
            f"path {path} is the base itself: certificates withdrawn there would never leave it. Name another file."
        )


def _load_folder(folder: str, name: str) -> list[Entry]:
    """The certificates of a folder's files, those below it not; named after their files.

    Files of several certificates come last, so that in a folder with a bundle of all the others each keeps the name of
    its own file.
    """
    files = sorted(item for item in os.listdir(folder) if item.lower().endswith(_CERTIFICATE_FILES))
    if len(files) > _MAX_FILES:
        raise TruststoreError(f"{name} has {len(files)} certificate files, more than any set of CAs.")
    found: list[tuple[int, str, list[bytes]]] = []
    for file in files:
        path = os.path.join(folder, file)
        if os.path.isfile(path):
            ders = pem.load(_files.read(path, store.MAX_SIZE), path)
            found.append((len(ders), file, ders))
    entries: dict[bytes, Entry] = {}
    for _count, file, ders in sorted(found, key=lambda item: item[:2]):
        stem = re.sub(r"[^a-z0-9]+", "-", os.path.splitext(file)[0].lower()).strip("-") or "certificate"
        for der in ders:
            entries.setdefault(der, Entry(f"{stem}-{pem.sha256(der)[:8]}", der))
    if not entries:
        raise TruststoreError(f"{name} has no certificate files ({', '.join(_CERTIFICATE_FILES)}) in it.")
    return list(entries.values())
