# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate with the facts that the JVM's path validation looks at, over any ``cryptography`` from 3.2 on."""

from __future__ import annotations

import datetime
import typing as t
import warnings

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import NO_CRYPTOGRAPHY

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
    """Facts read once. ``error`` is not empty where ``cryptography`` could not read all of them."""

    def __init__(self, der: bytes) -> None:
        self.der = der
        self.error = ""
        self._x509 = _parse(der)
        self.subject_text = str(self._x509.subject.rfc4514_string())
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
        self._names_are_critical = False
        self.unknown_critical: list[str] = []
        try:
            self._read_extensions()
        except Exception as error:  # each malformed extension raises an error of its own, in each version another
            self.error = f"an extension cannot be read: {error}"
        if not self.subject and not self._names_are_critical:
            raise ValueError("it has neither a subject nor a subject alternative name that is marked as critical")

    def _read_extensions(self) -> None:
        from cryptography import x509

        for extension in self._x509.extensions:
            value, oid = extension.value, extension.oid.dotted_string
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
                self.alternative_names, self._names_are_critical = value, extension.critical
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

    def in_date(self, now: datetime.datetime) -> bool:
        """Tell whether ``now`` (aware, UTC) is within the validity."""
        return self.not_before <= now <= self.not_after

    def common_name(self) -> str | None:
        """Return the last, most specific, common name of the subject."""
        names = [value for oid, value in _attributes(self._x509.subject) if oid == "2.5.4.3"]
        return names[-1] if names else None

    def dns_names(self) -> list[str]:
        """Return the DNS names among the SANs."""
        return self._alternatives("DNSName")

    def ip_addresses(self) -> list[str]:
        """Return the IP addresses among the SANs."""
        return self._alternatives("IPAddress")

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


def read_certificates(ders: t.Iterable[bytes]) -> tuple[list[Certificate], list[str]]:
    """Return the readable certificates and, for the others, why they are not."""
    certificates, problems = [], []
    with warnings.catch_warnings():
        # Old roots break today's rules (serial 0 and the like), which the JVM does not mind either.
        warnings.simplefilter("ignore")
        for der in ders:
            try:
                certificates.append(Certificate(der))
            except ValueError as error:
                problems.append(str(error))
    return certificates, problems


def require_cryptography() -> None:
    """Raise :class:`StashMailError` where the library is missing."""
    try:
        import cryptography.x509  # noqa: F401
    except ImportError:
        raise StashMailError(NO_CRYPTOGRAPHY) from None


def _parse(der: bytes) -> t.Any:
    require_cryptography()
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(der)
    except Exception as error:  # each release has errors of its own
        raise ValueError(str(error)) from None


def _moment(certificate: t.Any, name: str) -> datetime.datetime:
    aware = getattr(certificate, name + "_utc", None)
    if aware is not None:
        return t.cast(datetime.datetime, aware)
    return t.cast(datetime.datetime, getattr(certificate, name)).replace(tzinfo=datetime.timezone.utc)


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
