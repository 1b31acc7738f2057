# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate and what it says, over any ``cryptography`` from 3.2 on."""

from __future__ import annotations

import datetime
import typing as t
import warnings

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._secrets import printable
from ansible_collections.stashops.mail.plugins.module_utils._x509 import jdk
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import require_x509, sha256

SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
ANY_EXTENDED_USAGE = "2.5.29.37.0"
# What the JVM's checkers understand; another critical extension makes it refuse.
_KNOWN_CRITICAL = {
    "2.5.29.15",  # keyUsage
    "2.5.29.17",  # subjectAltName
    "2.5.29.19",  # basicConstraints
    "2.5.29.30",  # nameConstraints
    "2.5.29.32",  # certificatePolicies
    "2.5.29.33",  # policyMappings
    "2.5.29.36",  # policyConstraints
    "2.5.29.37",  # extKeyUsage
    "2.5.29.54",  # inhibitAnyPolicy
    "2.16.840.1.113730.1.1",  # Netscape certificate type
}
_KEY_USAGE_BITS = ("digital_signature", "key_encipherment", "key_cert_sign")

Name = t.Tuple[t.Tuple[str, str], ...]


class Certificate:
    """Facts read once. ``error`` is not empty where ``cryptography`` could not read all of them.

    :raises StashMailError: if it cannot be parsed, or the library is missing.
    """

    def __init__(self, der: bytes) -> None:
        self.der = der
        self.error = ""
        x509 = require_x509()
        with warnings.catch_warnings():
            # Old roots break today's rules (serial 0 and the like); that is no reason to warn about them here.
            warnings.simplefilter("ignore")
            try:
                self._x509 = x509.load_der_x509_certificate(der)
                self._read()
            except Exception as error:  # the library's own errors, which differ from version to version
                raise StashMailError(
                    f"the certificate with SHA-256 {sha256(der)} cannot be parsed: {printable(str(error))}"
                ) from None

    def _read(self) -> None:
        self.subject_text = printable(self._x509.subject.rfc4514_string())
        self.issuer_text = printable(self._x509.issuer.rfc4514_string())
        self.subject = _canonical(self._x509.subject)
        self.issuer = _canonical(self._x509.issuer)
        self.serial: int = self._x509.serial_number
        self.version = int(self._x509.version.value) + 1
        self.not_before = _moment(self._x509, "not_valid_before")
        self.not_after = _moment(self._x509, "not_valid_after")
        self.key, self.key_der, self.key_problem = _key(self._x509)
        self.key_family = _family(self.key)
        self.key_size = int(getattr(self.key, "key_size", 0))
        self.is_ca: bool | None = None  # None: no basicConstraints
        self.path_length: int | None = None
        self.key_usage: set[str] | None = None
        self.extended_usage: list[str] | None = None
        self.key_identifier: bytes | None = None
        self.authority_key: bytes | None = None
        self.authority_serial: int | None = None
        self.constraints: t.Any = None
        self.alternative_names: t.Any = None
        self.unknown_critical: list[str] = []
        self.extensions: set[str] = set()
        try:
            self._read_extensions()
        except Exception as error:  # each malformed extension raises an error of its own, in each version another
            self.error = f"an extension cannot be read: {printable(str(error))}"

    def as_dict(self) -> dict[str, t.Any]:
        """What it says, ready for a module's result.

        Keys: ``sha256``, ``subject`` and ``issuer`` (RFC 4514), ``not_before`` and ``not_after`` (ISO 8601, UTC, ending
        in Z), ``dns_names``, ``ip_addresses``, ``is_ca``, ``self_signed`` (subject and issuer are the same), ``key``
        (such as ``RSA 2048`` or ``EC secp256r1``), ``signature_algorithm``, ``serial`` (decimal digits, as JSON numbers
        are too small), ``common_name`` (or what comes nearest in the subject).
        """
        return {
            "sha256": sha256(self.der),
            "subject": self.subject_text,
            "issuer": self.issuer_text,
            "not_before": _iso(self.not_before),
            "not_after": _iso(self.not_after),
            "dns_names": [printable(name) for name in self.dns_names()],
            "ip_addresses": self.ip_addresses(),
            "is_ca": bool(self.is_ca),
            "self_signed": self.self_issued,
            "key": _key_name(self.key),
            "signature_algorithm": _algorithm_name(self._x509.signature_algorithm_oid),
            "serial": str(self.serial),
            "common_name": printable(self._nearest_to_a_name()),
        }

    @property
    def refusal(self) -> str:
        """Why no JVM reads it, whatever it is for; empty where none of the reasons known here is there."""
        return jdk.refusal(self.der)

    def _read_extensions(self) -> None:
        from cryptography import x509

        for extension in self._x509.extensions:
            value, oid = extension.value, extension.oid.dotted_string
            self.extensions.add(oid)
            if isinstance(value, x509.BasicConstraints):
                self.is_ca, self.path_length = bool(value.ca), value.path_length
            elif isinstance(value, x509.KeyUsage):
                self.key_usage = {bit for bit in _KEY_USAGE_BITS if getattr(value, bit)}
            elif isinstance(value, x509.ExtendedKeyUsage):
                self.extended_usage = [usage.dotted_string for usage in value]
            elif isinstance(value, x509.SubjectKeyIdentifier):
                self.key_identifier = value.digest
            elif isinstance(value, x509.AuthorityKeyIdentifier):
                self.authority_key, self.authority_serial = value.key_identifier, value.authority_cert_serial_number
            elif isinstance(value, x509.NameConstraints):
                self.constraints = value
            elif isinstance(value, x509.SubjectAlternativeName):
                self.alternative_names = value
            if extension.critical and oid not in _KNOWN_CRITICAL:
                self.unknown_critical.append(oid)

    @property
    def self_issued(self) -> bool:
        """Subject and issuer are the same name."""
        return self.subject == self.issuer

    @property
    def hash_name(self) -> str:
        """The signature's hash in lower case (``sha256``), empty for algorithms that have none of their own."""
        try:
            algorithm = self._x509.signature_hash_algorithm
        except Exception:  # UnsupportedAlgorithm: old releases do not know RSASSA-PSS or MD2
            return "md2" if self._x509.signature_algorithm_oid.dotted_string == "1.2.840.113549.1.1.2" else ""
        return str(algorithm.name) if algorithm is not None else ""

    @property
    def subject_der(self) -> bytes:
        """The subject as it is encoded: names that are the same may be written in other types of strings."""
        return t.cast(bytes, self._x509.subject.public_bytes())

    @property
    def issuer_der(self) -> bytes:
        """As :attr:`subject_der`, of the issuer."""
        return t.cast(bytes, self._x509.issuer.public_bytes())

    def in_date(self, now: datetime.datetime) -> bool:
        """Tell whether ``now`` (aware, UTC) is within the validity."""
        return self.not_before <= now <= self.not_after

    def common_name(self) -> str | None:
        """Return the last, most specific, common name of the subject."""
        names = [value for oid, value in _attributes(self._x509.subject) if oid == "2.5.4.3"]
        return names[-1] if names else None

    def _nearest_to_a_name(self) -> str:
        """The subject's common name; else its organisational unit, its organisation, or an empty string."""
        found = dict(_attributes(self._x509.subject))  # of several the last
        return next((found[oid] for oid in ("2.5.4.3", "2.5.4.11", "2.5.4.10") if oid in found), "")

    def dns_names(self) -> list[str]:
        """Return the DNS names among the SANs."""
        return self._alternatives("DNSName")

    def ip_addresses(self) -> list[str]:
        """Return the IP addresses among the SANs, not the networks, as the constraints of authorities have them."""
        return [address for address in self._alternatives("IPAddress") if "/" not in address]

    def _alternatives(self, kind: str) -> list[str]:
        if self.alternative_names is None:
            return []
        return [str(name.value) for name in self.alternative_names if type(name).__name__ == kind]

    def signed_by(self, issuer: Certificate) -> bool:
        """Verify this certificate's signature with the issuer's key."""
        from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa

        certificate, key = self._x509, issuer.key
        signature, signed = certificate.signature, certificate.tbs_certificate_bytes
        try:
            if isinstance(key, rsa.RSAPublicKey):
                parameters = getattr(certificate, "signature_algorithm_parameters", None)
                scheme = parameters if isinstance(parameters, padding.PSS) else padding.PKCS1v15()
                key.verify(signature, signed, scheme, certificate.signature_hash_algorithm)
            elif isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, signed, ec.ECDSA(certificate.signature_hash_algorithm))
            elif isinstance(key, dsa.DSAPublicKey):
                key.verify(signature, signed, certificate.signature_hash_algorithm)
            elif key is not None:  # Ed25519, Ed448
                key.verify(signature, signed)
            else:
                return False
        except Exception:  # InvalidSignature, or a key and a signature of different kinds
            return False
        return True


def describe(der: bytes) -> dict[str, t.Any]:
    """What :meth:`Certificate.as_dict` says of it; raises :class:`StashMailError`."""
    return Certificate(der).as_dict()


def try_describe(der: bytes) -> dict[str, t.Any]:
    """As :func:`describe`; of one that cannot be read ``sha256`` and why (``error``), and no subject nor end."""
    try:
        return describe(der)
    except StashMailError as error:
        return {"sha256": sha256(der), "subject": None, "not_after": None, "error": str(error)}


def read_certificates(ders: t.Iterable[bytes]) -> tuple[list[Certificate], list[str]]:
    """Return the certificates that a JVM can read and, for the others, why it cannot."""
    certificates, problems = [], []
    for der in ders:
        try:
            certificate = Certificate(der)
        except StashMailError as error:
            problems.append(str(error))
            continue
        if certificate.refusal:
            problems.append(certificate.refusal)
        else:
            certificates.append(certificate)
    return certificates, problems


def read_named(ders: t.Iterable[bytes], subject: Name) -> list[Certificate]:
    """Return those with this subject that a JVM can read: of a whole bundle, a tenth of the work of reading all."""
    return read_certificates(der for der in ders if _subject(der) == subject)[0]


def _subject(der: bytes) -> Name | None:
    """The subject alone, None if it cannot be parsed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _canonical(require_x509().load_der_x509_certificate(der).subject)
        except Exception:  # as of a Certificate
            return None


def _moment(certificate: t.Any, name: str) -> datetime.datetime:
    aware = getattr(certificate, name + "_utc", None)
    if aware is not None:
        return t.cast(datetime.datetime, aware)
    return t.cast(datetime.datetime, getattr(certificate, name)).replace(tzinfo=datetime.timezone.utc)


def _iso(moment: datetime.datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _attributes(name: t.Any) -> list[tuple[str, str]]:
    return [(attribute.oid.dotted_string, str(attribute.value)) for attribute in name]


def _canonical(name: t.Any) -> Name:
    # X500Principal.equals ignores case and repeated, leading and trailing spaces.
    return tuple((oid, " ".join(value.lower().split())) for oid, value in _attributes(name))


def _key(certificate: t.Any) -> tuple[t.Any, bytes, str]:
    """Return the public key, its SubjectPublicKeyInfo, and why it cannot be read (empty: it can)."""
    from cryptography.hazmat.primitives import serialization

    try:
        key = certificate.public_key()
        encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    except Exception as error:
        return None, b"", f"its key cannot be read: {error}"
    return key, encoded, ""


def _family(key: t.Any) -> str:
    """Return the family of a public key in Java's words: RSA, DSA, EC, or the name of the class for what is newer."""
    name = type(key).__name__.lower().lstrip("_")
    for prefix, family in (("rsa", "RSA"), ("dsa", "DSA"), ("elliptic", "EC"), ("ec", "EC"), ("ed", "EDDSA")):
        if name.startswith(prefix):
            return family
    return ""


def _key_name(key: t.Any) -> str:
    if key is None:  # an algorithm that this version of the library does not know
        return "unknown"
    if hasattr(key, "curve"):
        return f"EC {key.curve.name}"
    kind = type(key).__name__.strip("_").replace("PublicKey", "")
    size = getattr(key, "key_size", None)
    return f"{kind} {size}" if size else kind


def _algorithm_name(algorithm: t.Any) -> str:
    name: str = getattr(algorithm, "_name", "") or ""
    return algorithm.dotted_string if name in ("", "Unknown OID") else name
