# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs that make Java truststore_file, given the same base and the same certificates."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from ansible_collections.stashops.mail.plugins.module_utils._truststore import store as store_file
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry
from ansible_collections.stashops.mail.plugins.module_utils._x509 import pem

from benchmarks import measure

PASSWORD = "changeit"  # noqa: S105 - what every JVM's own truststore has
# What Debian's p11-kit takes its anchors from.
SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


def missing() -> str:
    """The Debian packages to install for the peers, empty if none."""
    needs = {"keytool": "openjdk-17-jre-headless", "trust": "p11-kit", "unshare": "util-linux", "openssl": "openssl"}
    return " ".join(package for program, package in needs.items() if shutil.which(program) is None)


def keytool_each(base: Path, certificates: list[Path], store: Path, count: int) -> list[float]:
    """`keytool -importcert`, once for each certificate; the copy of the base is not counted."""
    begin = ["keytool", "-importcert", "-noprompt", "-keystore", str(store), "-storepass", PASSWORD]

    def import_all() -> None:
        for number, path in enumerate(certificates):
            measure.run([*begin, "-alias", f"bench-{number}", "-file", str(path)])

    return measure.calls(import_all, count, lambda: shutil.copy(base, store))


def keytool_store(base: Path, certificates: list[Path], store: Path, count: int) -> list[float]:
    """One `keytool -importkeystore` of a store that holds the certificates already; making that is not counted."""
    source = store.with_suffix(".source")
    entries = [
        Entry(f"bench-{number}", pem.load(path.read_bytes(), path.name)[0]) for number, path in enumerate(certificates)
    ]
    source.write_bytes(store_file.write_store(entries, "jks", PASSWORD))
    command = ["keytool", "-importkeystore", "-noprompt", "-srckeystore", str(source), "-srcstorepass", PASSWORD]
    command += ["-destkeystore", str(store), "-deststorepass", PASSWORD]
    return measure.processes(command, count, lambda: shutil.copy(base, store))


def p11_kit(certificates: list[Path], store: Path, count: int) -> list[float]:
    """`trust extract` of the system's bundle and the certificates, which it sees in place of the bundle.

    That needs a mount namespace, whose making is not counted.
    """
    bundle = store.with_suffix(".crt")
    bundle.write_text("".join(path.read_text("ascii") for path in [SYSTEM_BUNDLE, *certificates]), "ascii")
    command = ["trust", "extract", "--format=java-cacerts", "--purpose=server-auth", "--filter=ca-anchors"]
    command += ["--overwrite", str(store)]
    unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    script = f'mount --bind "$1" {SYSTEM_BUNDLE} && shift && exec "$@"'
    timed = [sys.executable, "-m", "benchmarks.measure", str(count), *command]
    output = measure.run([*unshare, "sh", "-euc", script, "sh", str(bundle), *timed])
    seconds: list[float] = json.loads(output)
    return seconds


def entries(store: Path) -> int:
    """How many certificates a JKS holds, whoever made it."""
    return len(store_file.read_store(store.read_bytes(), PASSWORD, where=str(store)))
