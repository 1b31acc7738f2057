# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""On a host in FIPS mode: no MD5, SHA-1 as a checksum only, and no legacy provider of OpenSSL.

A real one is not at hand. What it refuses is refused here, and SHA-1 more strictly than there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store
from ansible_collections.stashops.mail.plugins.module_utils._truststore.entry import Entry
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from tests.unit.truststore.factory import make

COLLECTIONS = Path(__file__).resolve().parents[3] / "collections"
OURS, OTHER = make("Company Root CA"), make("Public One")
# BASE ADDED FORMAT STORE
PROGRAM = """
import hashlib, sys

def allowed(name, original):
    def call(*arguments, usedforsecurity=True, **options):
        if name == "md5" or usedforsecurity:
            raise ValueError(f"[digital envelope routines] unsupported: {name}")
        return original(*arguments, usedforsecurity=usedforsecurity, **options)
    return call

for name in ("md5", "sha1"):
    setattr(hashlib, name, allowed(name, getattr(hashlib, name)))

def new(name, *arguments, original=hashlib.new, **options):
    assert name.lower() not in ("md5", "sha1"), name
    return original(name, *arguments, **options)

hashlib.new = new
sys.path.insert(0, sys.argv[1])
from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._truststore import additions
from ansible_collections.stashops.mail.plugins.module_utils._x509 import pem
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store
from ansible_collections.stashops.mail.plugins.module_utils._truststore import base as base_bundle
base, added, kind, path = sys.argv[2:]
ours = additions.CertificateSet()
ours.add(pem.load(_files.read(added, 100_000), added), "certificates[0]")
for entry in ours.entries():
    list(additions.warnings_for(entry.alias, ours.facts(entry.der), 30))
entries = base_bundle.load(base, store.DEFAULT_PASSWORD, "option base", "").entries
_files.replace(path, store.write_store(store.build(entries, ours.entries()).entries, kind))
print(len(store.read_store(_files.read(path, 100_000), store.DEFAULT_PASSWORD, keytool="")))
"""


def encrypted() -> bytes:
    """As Java writes it since 2020: AES, with a MAC."""
    trusted = [pkcs12.PKCS12Certificate(OTHER.certificate, b"public")]
    return pkcs12.serialize_java_truststore(trusted, BestAvailableEncryption(store.DEFAULT_PASSWORD.encode()))


BASES = {
    "jks": store.write_store([Entry("public", OTHER.der)], "jks"),
    "pkcs12": store.write_store([Entry("public", OTHER.der)], "pkcs12"),
    "encrypted pkcs12": encrypted(),
    "pem": OTHER.pem.encode(),
    "der": OTHER.der,
}


@pytest.mark.parametrize("kind", store.FORMATS)
@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_truststore(tmp_path: Path, base: bytes, kind: str) -> None:
    (tmp_path / "base").write_bytes(base)
    (tmp_path / "ours.pem").write_text(OURS.pem)
    arguments = [tmp_path / "base", tmp_path / "ours.pem", kind, tmp_path / "store"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(COLLECTIONS), *map(str, arguments)],
        env=os.environ | {"CRYPTOGRAPHY_OPENSSL_NO_LEGACY": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "2"), done.stderr
