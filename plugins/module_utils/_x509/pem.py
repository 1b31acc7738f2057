# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the certificates in what an operator gives.

It is cut into DER with the standard library alone. Only PKCS7 needs the cryptography library, any version from 3.2 on,
which is imported when first needed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import typing as t
import warnings

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._x509 import der as asn1

_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9][A-Z0-9 ]*)-----")
_CERTIFICATE_LABELS = ("CERTIFICATE", "X509 CERTIFICATE")
_PKCS7_LABELS = ("PKCS7", "CMS", "PKCS #7 SIGNED DATA")
_JKS = b"\xfe\xed\xfe\xed"
_SIGNED_DATA = asn1.oid("1.2.840.113549.1.7.2")

NO_CRYPTOGRAPHY = (
    "The Python library cryptography is missing on the target, and certificates cannot be read without it. "
    "Install the package python3-cryptography (RHEL 8 with another Python: python39-cryptography and so on), "
    "for the Python that Ansible uses there."
)


def load_pem(text: str, where: str) -> list[bytes]:
    """All certificates of a PEM text, as DER, in order and each once. PKCS7 blocks count with all they hold.

    ``where`` names the origin in errors, such as ``certificates[0].pem``.

    :raises StashMailError: if there is no certificate, a block is damaged, or there is a private key.
    """
    found: list[bytes] = []
    position = 0
    number = 0
    while True:
        begin = _BEGIN.search(text, position)
        if begin is None:
            break
        number += 1
        label = begin.group(1)
        if "PRIVATE KEY" in label:
            raise StashMailError(
                f"{where} holds a private key ({label}): a truststore needs the certificate only. "
                "Take the key out; if others could read it here, replace it."
            )
        end_line = f"-----END {label}-----"
        end = text.find(end_line, begin.end())
        next_begin = _BEGIN.search(text, begin.end())
        if end < 0 or (next_begin and next_begin.start() < end):
            raise StashMailError(
                f"{where}: PEM block {number} ({label}) has no end line: it was cut off. Copy it whole."
            )
        position = end + len(end_line)
        if label in _CERTIFICATE_LABELS or label in _PKCS7_LABELS:
            der = _decode_block(text[begin.end() : end], f"{where}: PEM block {number} ({label})")
            found += load_der(der, f"{where}: PEM block {number}")
        elif label == "TRUSTED CERTIFICATE":
            raise StashMailError(
                f"{where}: PEM block {number} is in OpenSSL's own TRUSTED CERTIFICATE form, which Java does not know. "
                "Convert it: openssl x509 -in FILE -out NEW"
            )
    if not found:
        raise StashMailError(
            f"{where} holds no certificate: a PEM block is expected, from -----BEGIN CERTIFICATE----- "
            "to -----END CERTIFICATE-----" + (f"; {number} other PEM blocks were found." if number else ".")
        )
    return list(dict.fromkeys(found))


def load_der(data: bytes, where: str) -> list[bytes]:
    """The certificate, or all of a PKCS7 bundle, in binary form; raises :class:`StashMailError`."""
    shape = _shape(data)
    if shape == "certificate":
        return [data]
    if shape == "pkcs7":
        return _load_pkcs7(data, where)
    if shape == "private key":
        raise StashMailError(
            f"{where} is a private key: a truststore needs the certificate only. "
            "If others could read the key here, replace it."
        )
    if shape == "pkcs12":
        raise StashMailError(
            f"{where} is a PKCS12 file (.p12, .pfx), where a private key may be as well. Take the certificates out of "
            "it: openssl pkcs12 -in FILE -nokeys -out NEW.pem"
        )
    raise StashMailError(f"{where} is not a certificate: it is damaged, or something else.")


def load(data: bytes, where: str) -> list[bytes]:
    """All certificates of a file's contents: PEM (in UTF-16 too, as Windows writes it), DER or PKCS7, by content."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:4] in (b"-\0-\0", b"\0-\0-"):
        encoding = "utf-16" if data[:1] not in (b"-", b"\0") else "utf-16-le" if data[:1] == b"-" else "utf-16-be"
        return load_pem(data.decode(encoding, "replace"), where)
    if b"-----BEGIN " in data:
        return load_pem(data.decode("latin-1"), where)
    if data[:1] == b"\x30":
        return load_der(data, where)
    found = "; it is a Java keystore (JKS), from which keytool -exportcert -rfc takes one" if data[:4] == _JKS else ""
    raise StashMailError(f"{where} holds no certificate: PEM, DER or PKCS7 is expected{found}.")


def to_pem(der: bytes) -> str:
    """A certificate as PEM text, ending in a line break."""
    text = base64.b64encode(der).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def sha256(der: bytes) -> str:
    """The SHA-256 fingerprint: 64 lowercase hexadecimal digits."""
    return hashlib.sha256(der).hexdigest()


def require_x509() -> t.Any:
    """The library's module x509; raises :class:`StashMailError` where it is missing."""
    try:
        from cryptography import x509
    except ImportError:
        raise StashMailError(NO_CRYPTOGRAPHY) from None
    return x509


def _decode_block(body: str, where: str) -> bytes:
    try:
        # Other characters than these, of whatever alphabet, are an error.
        return base64.b64decode(body.encode("ascii", "replace").translate(None, b" \t\r\n\v\f"), validate=True)
    except (binascii.Error, ValueError):
        raise StashMailError(f"{where} is not base64: it was cut off or changed. Copy it whole.") from None


def _shape(data: bytes) -> str | None:
    """What a DER value is by its outermost structure: certificate, pkcs7, pkcs12, private key or None."""
    try:
        top = asn1.root(data)
        members = asn1.fields(data, top)
        tags = [member.tag for member in members]
        if tags == [asn1.SEQUENCE, asn1.SEQUENCE, asn1.BIT_STRING]:
            # A certificate request has the same outer shape; its first member begins with the version, and a
            # certificate's second or third is the signature's algorithm, a SEQUENCE.
            inner = [child.tag for child in asn1.fields(data, members[0])]
            if inner[:1] == [asn1.CONTEXT_0]:
                inner = inner[1:]
            return "certificate" if inner[:6] == [asn1.INTEGER] + [asn1.SEQUENCE] * 5 else None
        if tags == [asn1.OBJECT_IDENTIFIER, asn1.CONTEXT_0]:
            return "pkcs7" if data[members[0].start : members[0].end] == _SIGNED_DATA else None
        if tags[:2] == [asn1.INTEGER, asn1.SEQUENCE] and len(tags) <= 3 and tags[2:] in ([], [asn1.SEQUENCE]):
            # A PKCS12's version and its contents, and maybe a checksum.
            inner = [child.tag for child in asn1.fields(data, members[1])]
            return "pkcs12" if inner == [asn1.OBJECT_IDENTIFIER, asn1.CONTEXT_0] else None
        is_pkcs8 = tags[:3] == [asn1.INTEGER, asn1.SEQUENCE, asn1.OCTET_STRING]
        is_rsa = tags[:9] == [asn1.INTEGER] * 9
        is_ec = tags[:2] == [asn1.INTEGER, asn1.OCTET_STRING]
        return "private key" if is_pkcs8 or is_rsa or is_ec else None
    except asn1.DerError:
        return None


def _load_pkcs7(data: bytes, where: str) -> list[bytes]:
    require_x509()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs7

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            certificates = pkcs7.load_der_pkcs7_certificates(data)
        except Exception as error:  # the library's own errors, which differ from version to version
            raise StashMailError(f"{where}: its PKCS7 structure cannot be read: {error}") from None
        found = [certificate.public_bytes(serialization.Encoding.DER) for certificate in certificates]
    if not found:
        raise StashMailError(f"{where} is a PKCS7 structure without a certificate.")
    return found
