# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates a JVM trusts, given the truststore arguments it is started with: for whoever is not that JVM."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.home import JavaHome
from ansible_collections.stashops.mail.plugins.module_utils._java.start import JavaBehind
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import (
    FORMATS,
    MAX_SIZE,
    detect,
    read_store,
)


class Anchors(t.NamedTuple):
    """The DER certificates that the JVM trusts, and the file they come from.

    ``how`` says why it is this file. ``failure`` is not empty where the file is of no use: then nothing is trusted.
    ``data`` are the file's contents where it need not be on disk, and ``kind`` the type that the JVM needs to be told.
    """

    certificates: list[bytes]
    source: str
    how: str
    failure: str = ""
    data: bytes | None = None

    @property
    def kind(self) -> str | None:
        """Of a JKS none: that is what every JVM expects unless it is told otherwise."""
        return "pkcs12" if self.data and self.data[:1] == b"\x30" else None

    def extended(self, further: t.Sequence[bytes]) -> Anchors:
        """Return the anchors with ``further`` ones, as they are once those are in the store."""
        if not further:
            return self
        how = f"{self.how}, and {len(further)} certificates that are not in it yet"
        return Anchors([*self.certificates, *further], self.source, how)


def load_anchors(
    path: str | None, password: str | None, java_home: str | None, behind: t.Sequence[str] = ()
) -> Anchors:
    """Return what a JVM trusts that is started with ``-Djavax.net.ssl.trustStore=path``; without, by itself.

    ``password`` None stands for no trustStorePassword argument. A file that is missing (or not readable) makes the JVM
    fall back to its own cacerts without a word. ``behind``: the files are where this command leads to. Raises
    :class:`StashMailError` only where that bundle is needed and cannot be found; a file that the JVM cannot use is a
    fact about the JVM, told in ``failure``.
    """
    if behind:
        return _load_behind(path, password, JavaBehind(behind, java_home))
    if path and os.path.isfile(path) and os.access(path, os.R_OK):
        return _read(path, password, "the truststore")
    own = _own_bundle(java_home, with_jssecacerts=not path)
    how = f"the JVM's own bundle, since {path} is missing" if path else "the JVM's own bundle"
    return _read(own, password, how)


def _load_behind(path: str | None, password: str | None, java: JavaBehind) -> Anchors:
    for candidate, how in _ways(path, java):
        data = java.read(candidate, MAX_SIZE)
        if data is not None:
            return read_anchors(data, password, candidate, how)._replace(data=None)
    raise StashMailError(
        f"No truststore was found {java.where}: neither {path or 'one'} nor that of a Java in {java.home()}."
    )


def _ways(path: str | None, java: JavaBehind) -> t.Iterator[tuple[str, str]]:
    """Where the certificates may be, one after the other: its home is asked for only where that is needed."""
    if path:
        yield path, "the truststore"
    for part in ("", "jre"):
        yield os.path.join(java.home(), part, "lib/security/cacerts"), "the JVM's own bundle"


def _read(path: str, password: str | None, how: str) -> Anchors:
    return read_anchors(_files.read(path, MAX_SIZE), password, path, how)._replace(data=None)


def _own_bundle(java_home: str | None, with_jssecacerts: bool) -> str:
    home = JavaHome(java_home) if java_home else JavaHome.on_path()
    if home is None:
        raise StashMailError(
            "The JVM's own truststore is needed here, and no Java was found: give java_home (or truststore)."
        )
    found = home.cacerts(with_jssecacerts)
    if not found:
        raise StashMailError(f"java_home {home.path} has no lib/security/cacerts: give the home of the product's Java.")
    return found


def read_anchors(data: bytes, password: str | None, path: str, how: str) -> Anchors:
    """Return what a JVM trusts that finds ``data`` in the file ``path``, which need not be there yet."""
    try:
        certificates = _trusted(data, password)
    except StashMailError as error:
        failure = f"the JVM cannot load {path}, so that all its TLS connections fail: {error}"
        return Anchors([], path, how, failure, data)
    failure = "" if certificates else f"the JVM finds no certificate to trust in {path}"
    return Anchors(certificates, path, how, failure, data)


def _trusted(data: bytes, password: str | None) -> list[bytes]:
    if detect(data) not in FORMATS:
        raise StashMailError("it is neither a JKS nor a PKCS12 truststore.")
    by_alias = {entry.alias: entry.der for entry in read_store(data, password, where="it")}
    if detect(data) == "pkcs12":
        return list(by_alias.values())
    # Of a JKS, Java counts an alias with an uppercase letter and never finds it; of equal aliases the last wins.
    return [der for alias, der in by_alias.items() if alias == alias.lower()]
