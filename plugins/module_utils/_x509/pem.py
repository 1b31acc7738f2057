# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: finding them in what an operator gives, and saying what is in them.

What an operator gives is cut into DER with the standard library alone. Only :func:`describe` and PKCS7 need the
cryptography library, any version from 3.2 on, which is imported when first needed.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import re
import typing as t
import warnings

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._x509 import der as der_file

_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9][A-Z0-9 ]*)-----")
_CERTIFICATE_LABELS = ("CERTIFICATE", "X509 CERTIFICATE")
_PKCS7_LABELS = ("PKCS7", "CMS", "PKCS #7 SIGNED DATA")
_SIGNED_DATA = der_file.oid("1.2.840.113549.1.7.2")

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
    raise StashMailError(f"{where} is not a certificate: it is damaged, or something else.")


def load(data: bytes, where: str) -> list[bytes]:
    """All certificates of a file's contents: PEM, DER or PKCS7, told apart by content."""
    if b"-----BEGIN " in data:
        return load_pem(data.decode("latin-1"), where)
    if data[:1] == b"\x30":
        return load_der(data, where)
    raise StashMailError(f"{where} holds no certificate: PEM, DER or PKCS7 is expected.")


def to_pem(der: bytes) -> str:
    """A certificate as PEM text, ending in a line break."""
    text = base64.b64encode(der).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def sha256(der: bytes) -> str:
    """The SHA-256 fingerprint: 64 lowercase hexadecimal digits."""
    return hashlib.sha256(der).hexdigest()


def describe(der: bytes) -> dict[str, t.Any]:
    """What a certificate says, ready for a module's result.

    Keys: ``sha256``, ``subject`` and ``issuer`` (RFC 4514), ``not_before`` and ``not_after`` (ISO 8601, UTC, ending in
    Z), ``dns_names``, ``ip_addresses``, ``is_ca``, ``self_signed`` (subject and issuer are the same), ``key`` (such as
    ``RSA 2048`` or ``EC secp256r1``), ``signature_algorithm``, ``serial`` (decimal digits, as JSON numbers are too
    small), ``common_name`` (or what comes nearest in the subject).

    :raises StashMailError: if the certificate cannot be parsed, or the cryptography library is missing.
    """
    x509 = _import_x509()
    with warnings.catch_warnings():
        # Old roots break today's rules (serial 0 and the like); that is no reason to warn about them here.
        warnings.simplefilter("ignore")
        certificate = _parse(x509, der)
        try:
            return _describe(x509, certificate, der)
        except (ValueError, TypeError) as error:
            raise StashMailError(f"the certificate with SHA-256 {sha256(der)} cannot be read: {error}") from None


def _decode_block(body: str, where: str) -> bytes:
    try:
        # Other characters than these, of whatever alphabet, are an error.
        return base64.b64decode(body.encode("ascii", "replace").translate(None, b" \t\r\n\v\f"), validate=True)
    except (binascii.Error, ValueError):
        raise StashMailError(f"{where} is not base64: it was cut off or changed. Copy it whole.") from None


def _shape(data: bytes) -> str | None:
    """What a DER value is by its outermost structure: certificate, pkcs7, private key or None."""
    try:
        top = der_file.root(data)
        members = der_file.fields(data, top)
        tags = [member.tag for member in members]
        if tags == [der_file.SEQUENCE, der_file.SEQUENCE, der_file.BIT_STRING]:
            # A certificate request has the same outer shape; its first member begins with the version, and a
            # certificate's second or third is the signature's algorithm, a SEQUENCE.
            inner = [child.tag for child in der_file.fields(data, members[0])]
            if inner[:1] == [der_file.CONTEXT_0]:
                inner = inner[1:]
            return "certificate" if inner[:6] == [der_file.INTEGER] + [der_file.SEQUENCE] * 5 else None
        if tags == [der_file.OBJECT_IDENTIFIER, der_file.CONTEXT_0]:
            return "pkcs7" if data[members[0].start : members[0].end] == _SIGNED_DATA else None
        is_pkcs8 = tags[:3] == [der_file.INTEGER, der_file.SEQUENCE, der_file.OCTET_STRING]
        is_rsa = tags[:9] == [der_file.INTEGER] * 9
        is_ec = tags[:2] == [der_file.INTEGER, der_file.OCTET_STRING]
        return "private key" if is_pkcs8 or is_rsa or is_ec else None
    except der_file.DerError:
        return None


def _load_pkcs7(data: bytes, where: str) -> list[bytes]:
    _import_x509()
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


def _import_x509() -> t.Any:
    try:
        from cryptography import x509
    except ImportError:
        raise StashMailError(NO_CRYPTOGRAPHY) from None
    return x509


def _parse(x509: t.Any, der: bytes) -> t.Any:
    try:
        return x509.load_der_x509_certificate(der)
    except Exception as error:  # the library's own errors, which differ from version to version
        raise StashMailError(f"the certificate with SHA-256 {sha256(der)} cannot be parsed: {error}") from None


def _describe(x509: t.Any, certificate: t.Any, der: bytes) -> dict[str, t.Any]:
    dns_names, ip_addresses = _alternative_names(x509, certificate)
    subject = certificate.subject.rfc4514_string()
    issuer = certificate.issuer.rfc4514_string()
    return {
        "sha256": sha256(der),
        "subject": subject,
        "issuer": issuer,
        "not_before": _date(certificate, "not_valid_before"),
        "not_after": _date(certificate, "not_valid_after"),
        "dns_names": dns_names,
        "ip_addresses": ip_addresses,
        "is_ca": _is_ca(x509, certificate),
        "self_signed": bool(certificate.subject == certificate.issuer),
        "key": _key(certificate),
        "signature_algorithm": _signature_algorithm(certificate),
        "serial": str(certificate.serial_number),
        "common_name": _common_name(x509, certificate),
    }


def _date(certificate: t.Any, name: str) -> str:
    # cryptography 42 introduced the aware dates, and a later version drops the naive ones.
    moment: datetime.datetime = getattr(certificate, f"{name}_utc", None) or getattr(certificate, name)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _alternative_names(x509: t.Any, certificate: t.Any) -> tuple[list[str], list[str]]:
    names = _extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        return [], []
    addresses = names.get_values_for_type(x509.IPAddress)
    return (
        [str(name) for name in names.get_values_for_type(x509.DNSName)],
        # What has no packed form is a network, as the constraints of CAs have them.
        [str(address) for address in addresses if hasattr(address, "packed")],
    )


def _is_ca(x509: t.Any, certificate: t.Any) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    return bool(constraints is not None and constraints.ca)


def _extension(certificate: t.Any, kind: t.Any) -> t.Any:
    """An extension's value; None if it is absent or not to be read."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except Exception:  # absent, twice, or malformed: each its own class, in another module in each version
        return None


def _key(certificate: t.Any) -> str:
    try:
        key = certificate.public_key()
    except Exception:  # an algorithm that this version of the library does not know
        return "unknown"
    kind = type(key).__name__.strip("_").replace("PublicKey", "").replace("EllipticCurve", "EC")
    if hasattr(key, "curve"):
        return f"EC {key.curve.name}"
    size = getattr(key, "key_size", None)
    return f"{kind} {size}" if size else kind


def _signature_algorithm(certificate: t.Any) -> str:
    algorithm = certificate.signature_algorithm_oid
    name: str = getattr(algorithm, "_name", "") or ""
    return algorithm.dotted_string if name in ("", "Unknown OID") else name


def _common_name(x509: t.Any, certificate: t.Any) -> str:
    """The subject's common name; else its organisational unit, its organisation, or an empty string."""
    for kind in (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATIONAL_UNIT_NAME, x509.NameOID.ORGANIZATION_NAME):
        values = certificate.subject.get_attributes_for_oid(kind)
        if values:
            return str(values[-1].value)
    return ""
