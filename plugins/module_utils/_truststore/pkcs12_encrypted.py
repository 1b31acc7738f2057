# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""PKCS12 files that need their password: decryption is left to keytool or to the cryptography library.

keytool comes first: it is a JVM, so it sees what the product's JVM would see. cryptography does not tell which
certificates carry the mark of trust, so it is trusted only with files that hold nothing but certificates.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.run import Account, Program, account_for
from ansible_collections.stashops.mail.plugins.module_utils._secrets import printable
from ansible_collections.stashops.mail.plugins.module_utils._truststore.entry import Entry, TruststoreError
from ansible_collections.stashops.mail.plugins.module_utils._x509 import pem

_KEYTOOL_SECONDS = 60
_MAX_OUTPUT = 64 * 1024 * 1024
_ALIAS = re.compile(r"^Alias name: (.*)$", re.MULTILINE)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def read(data: bytes, password: str, keytool: str | None = None) -> list[Entry]:
    """The trusted certificates of a PKCS12 file with a MAC or encryption.

    ``keytool``: the program's path; None looks it up on the search path, an empty string does without. Where root must
    not run it, its owner's account does.

    :raises TruststoreError: if the password is wrong, or neither keytool nor cryptography (36 or later) is there.
    """
    program = shutil.which("keytool") if keytool is None else keytool
    refused = ""
    if program:
        try:
            account = account_for(program)
        except StashMailError as error:
            refused = f" {error}"
        else:
            return _read_with_keytool(data, password, program, account)
    pkcs12 = _import_pkcs12()
    if pkcs12 is None:
        raise TruststoreError(
            "it is an encrypted PKCS12. To open it the target needs either keytool (part of Java) on the search path, "
            "or the Python library cryptography, version 36 or later (package python3-cryptography). Install one."
            f"{refused}"
        )
    return _read_with_cryptography(data, password, pkcs12)


def _read_with_keytool(data: bytes, password: str, program: str, account: Account | None) -> list[Entry]:
    if "\n" in password or "\r" in password:
        raise TruststoreError("its password holds a line break, which keytool cannot take.")
    # In files that exist in memory only, so that nothing is left of them however we end.
    with _in_memory(data) as store, _in_memory(password.encode()) as secret:
        # -list, unlike -importkeystore, never writes a private key anywhere.
        command = [program, "-J-Duser.language=en", "-J-Dfile.encoding=UTF-8", "-J-Dstdout.encoding=UTF-8"]
        command += ["-list", "-rfc", "-storetype", "PKCS12", "-keystore", f"/proc/self/fd/{store}"]
        command += ["-storepass:file", f"/proc/self/fd/{secret}"]
        try:
            running = Program(command, account, (store, secret))
        except StashMailError as error:
            raise TruststoreError(f"{program} could not open it: {error}") from None
        ended, status = False, None
        try:
            raw, ended = running.exchange(b"", _KEYTOOL_SECONDS, limit=_MAX_OUTPUT)
        finally:
            status = running.end(_KEYTOOL_SECONDS if ended else 0)
    if status is None:
        raise TruststoreError(f"{program} could not open it: it was still at it after {_KEYTOOL_SECONDS} seconds.")
    output = raw.decode("utf-8", "replace")
    if status:
        reason = next((line for line in output.splitlines() if "error" in line), running.complaint or "no reason given")
        raise TruststoreError(
            f"{program} could not open it, most likely because the password is wrong ({printable(reason.strip())})."
        )
    return list(_parse_listing(output))


@contextlib.contextmanager
def _in_memory(content: bytes) -> t.Iterator[int]:
    """The descriptor of a file without a name that holds ``content``."""
    descriptor = os.memfd_create("stash_mail")
    try:
        with open(descriptor, "wb", closefd=False) as stream:
            stream.write(content)
        yield descriptor
    finally:
        os.close(descriptor)


def _parse_listing(output: str) -> t.Iterator[Entry]:
    """The first certificate of each entry: a trusted one's only one, and of a private key's chain the one trusted."""
    names = list(_ALIAS.finditer(output))
    ends = [name.start() for name in names[1:]] + [len(output)]
    for name, end in zip(names, ends):
        block = _CERTIFICATE.search(output, name.end(), end)
        if block:
            (der,) = pem.load_pem(block.group(), "keytool's output")
            yield Entry(name.group(1).strip(), der)


def _import_pkcs12() -> t.Any:
    try:
        from cryptography.hazmat.primitives.serialization import pkcs12
    except ImportError:
        return None
    return pkcs12 if hasattr(pkcs12, "load_pkcs12") else None


def _read_with_cryptography(data: bytes, password: str, pkcs12: t.Any) -> list[Entry]:
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        store = pkcs12.load_pkcs12(data, password.encode())
    except Exception as error:  # the library's own errors, which differ from version to version
        raise TruststoreError(
            f"cryptography could not open it, most likely because the password is wrong ({error})."
        ) from None
    if store.key is not None:
        raise TruststoreError(
            "it is an encrypted PKCS12 with a private key in it, and only keytool can tell which of its certificates "
            "are trusted. Put keytool (part of Java) on the search path, or give a store of certificates only."
        )
    found = []
    for number, item in enumerate(store.additional_certs, start=1):
        name = item.friendly_name.decode("utf-8", "replace") if item.friendly_name else f"certificate-{number}"
        found.append(Entry(name, item.certificate.public_bytes(Encoding.DER)))
    return found
