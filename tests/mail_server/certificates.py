# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for test servers, made by ``cryptography``: authorities, leaves, and all that can be wrong with them."""

from __future__ import annotations

import datetime
import ipaddress
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
_KEY_USAGE_BITS = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
PrivateKey = Any  # cryptography's union of private keys has another name in every release


def new_key(kind: str = "ec-secp256r1") -> PrivateKey:
    """Return a private key: ``rsa-<bits>``, ``ec-<curve>``, ``ed25519`` or ``ed448``."""
    family, _dash, parameter = kind.partition("-")
    if family == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if family == "ed448":
        return ed448.Ed448PrivateKey.generate()
    if family == "rsa":
        if int(parameter) < 1024:  # below what cryptography generates
            made = subprocess.run(["openssl", "genrsa", parameter], capture_output=True, check=True)
            return serialization.load_pem_private_key(made.stdout, None)
        return rsa.generate_private_key(public_exponent=65537, key_size=int(parameter))
    curves: dict[str, Callable[[], ec.EllipticCurve]] = {
        "secp256r1": ec.SECP256R1,
        "secp384r1": ec.SECP384R1,
        "secp521r1": ec.SECP521R1,
        "secp224r1": ec.SECP224R1,
        "secp256k1": ec.SECP256K1,
        "brainpoolP256r1": ec.BrainpoolP256R1,
    }
    return ec.generate_private_key(curves[parameter]())


@dataclass
class Certificate:
    """A certificate with its key, and the chain that a server presents with it."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: list[x509.Certificate] = field(default_factory=list)

    @property
    def der(self) -> bytes:
        """The certificate itself in DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        """The certificate itself in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def sha256(self) -> str:
        """The certificate's fingerprint in hexadecimal digits."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def key_pem(self) -> str:
        """The key in PEM, without a password."""
        return self.key.private_bytes(  # type: ignore[no-any-return]
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @property
    def chain_der(self) -> list[bytes]:
        """What the server presents, the leaf first."""
        return [c.public_bytes(serialization.Encoding.DER) for c in [self.certificate, *self.chain]]

    def write(self, directory: Path) -> tuple[Path, Path]:
        """Write chain and key in PEM; return their paths."""
        chain_path, key_path = directory / "server.crt", directory / "server.key"
        encoded = [c.public_bytes(serialization.Encoding.PEM) for c in [self.certificate, *self.chain]]
        chain_path.write_bytes(b"".join(encoded))
        key_path.touch(mode=0o600)
        key_path.write_text(self.key_pem, "ascii")
        return chain_path, key_path


def general_names(names: Sequence[str]) -> list[x509.GeneralName]:
    """Return ``names`` as SAN entries: IP addresses as such, all else as DNS names."""
    entries: list[x509.GeneralName] = []
    for name in names:
        try:
            entries.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            entries.append(x509.DNSName(name))
    return entries


def key_usage(**bits: bool) -> x509.KeyUsage:
    """Return a key usage with the given bits, all others off."""
    off = dict.fromkeys(_KEY_USAGE_BITS, False)
    return x509.KeyUsage(**{**off, **bits})


def make(
    common_name: str | None = "mail.example.com",
    *,
    organisation: str | None = None,
    issuer: Certificate | None = None,
    sans: Sequence[str] = (),
    ca: bool | None = None,
    path_length: int | None = None,
    usage: x509.KeyUsage | None = None,
    extended: Sequence[x509.ObjectIdentifier] | None = None,
    key: PrivateKey | None = None,
    key_kind: str = "ec-secp256r1",
    days: tuple[float, float] = (-1, 30),
    now: datetime.datetime | None = None,
    hash_algorithm: Any = None,
    weak_hash: str | None = None,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    key_identifiers: bool = True,
    sign_with: PrivateKey | None = None,
    serial: int | None = None,
    subject: x509.Name | None = None,
    issuer_name: x509.Name | None = None,
) -> Certificate:
    """Return a certificate, self-signed where there is no ``issuer``. ``subject`` and ``issuer_name`` are other names.

    ``ca`` None leaves basicConstraints out. ``days`` are NotBefore and NotAfter from ``now``. ``chain`` of the result
    holds the issuer and its chain, the self-signed root left out, as well-kept servers present it. ``weak_hash`` is
    ``sha1`` or ``md5``, for signers with an RSA key.
    """
    own_key = key or new_key(key_kind)
    signer = sign_with or (issuer.key if issuer else own_key)
    names = ((NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, common_name))
    if subject is None:
        subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in names if value])
    now = now or datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name or (issuer.certificate.subject if issuer else subject))
        .public_key(own_key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(general_names(sans)), critical=False)
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    if extended is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(extended)), critical=False)
    if key_identifiers:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(own_key.public_key()), critical=False)
        if issuer:
            identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
            builder = builder.add_extension(identifier, critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    is_edwards = isinstance(signer, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    certificate = builder.sign(signer, None if is_edwards else hash_algorithm or hashes.SHA256())
    if weak_hash is not None:
        certificate = _sign_again(certificate, signer, weak_hash)
    above = [issuer.certificate, *issuer.chain] if issuer else []
    return Certificate(certificate, own_key, [c for c in above if c.subject != c.issuer])


def _sign_again(certificate: x509.Certificate, signer: PrivateKey, weak_hash: str) -> x509.Certificate:
    """Replace the signature by one with a hash that ``cryptography`` no longer builds certificates with."""
    hash_class, oid = {"sha1": ("SHA1", b"\x05"), "md5": ("MD5", b"\x04")}[weak_hash]
    with_rsa = bytes.fromhex("2a864886f70d0101")  # 1.2.840.113549.1.1, then .11 for sha256WithRSAEncryption
    signed = certificate.tbs_certificate_bytes.replace(with_rsa + b"\x0b", with_rsa + oid, 1)
    signature = signer.sign(signed, padding.PKCS1v15(), getattr(hashes, hash_class)())
    identifier = _der(0x30, _der(0x06, with_rsa + oid) + b"\x05\x00")
    return x509.load_der_x509_certificate(_der(0x30, signed + identifier + _der(0x03, b"\x00" + signature)))


def _der(tag: int, body: bytes) -> bytes:
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def authority(common_name: str = "Test Root CA", **options: Any) -> Certificate:
    """Return a root or, with ``issuer``, an intermediate authority."""
    options.setdefault("usage", key_usage(key_cert_sign=True, crl_sign=True))
    options.setdefault("ca", True)
    options.setdefault("days", (-1, 3650))
    return make(common_name, **options)


def leaf(issuer: Certificate, common_name: str | None = "mail.example.com", **options: Any) -> Certificate:
    """Return a server certificate as authorities issue it."""
    options.setdefault("usage", key_usage(digital_signature=True, key_encipherment=True))
    options.setdefault("extended", [ExtendedKeyUsageOID.SERVER_AUTH])
    options.setdefault("ca", False)
    if "sans" not in options and common_name:
        options["sans"] = [common_name]
    return make(common_name, issuer=issuer, **options)


def self_signed(*names: str, **options: Any) -> Certificate:
    """Return a self-signed server certificate for ``names`` (default: 127.0.0.1 and localhost), not a CA."""
    sans = names or ("127.0.0.1", "localhost")
    options.setdefault("ca", False)
    return make(options.pop("common_name", sans[0]), sans=sans, **options)
