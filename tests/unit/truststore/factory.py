# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for tests, made with the cryptography library, and a way to run the module as Ansible does."""

from __future__ import annotations

import contextlib
import datetime
import importlib
import io
import ipaddress
import json
import typing as t

from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Made(t.NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def sha256(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()


def make(
    common_name: str | None = "Test Root CA",
    *,
    ca: bool | None = True,
    issuer: Made | None = None,
    organisation: str | None = None,
    not_before: datetime.datetime = NOW - DAY,
    not_after: datetime.datetime = NOW + 365 * DAY,
    names: t.Sequence[str] = (),
    key: PrivateKey | None = None,
) -> Made:
    """A certificate, self-signed unless ``issuer`` is given; ``ca=None`` leaves BasicConstraints out."""
    attributes = [
        x509.NameAttribute(oid, value)
        for oid, value in ((NameOID.ORGANIZATION_NAME, organisation), (NameOID.COMMON_NAME, common_name))
        if value is not None
    ]
    subject = x509.Name(attributes)
    private = key or ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    return Made(builder.sign(issuer.key if issuer else private, hashes.SHA256()), private)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Outcome(t.NamedTuple):
    """How a module run ended: its result, and whether it failed."""

    result: dict[str, t.Any]
    failed: bool

    @property
    def message(self) -> str:
        return str(self.result.get("msg", ""))

    @property
    def warnings(self) -> str:
        return json.dumps(self.result.get("warnings", []))


def run_module(check: bool = False, **options: t.Any) -> Outcome:
    """Run stash_mail_truststore in this process with ``options``, with --diff, as Ansible would run it."""
    module = importlib.import_module("ansible_collections.stashops.mail.plugins.modules.stash_mail_truststore")
    arguments = {"_ansible_check_mode": check, "_ansible_diff": True, **options}
    output = io.StringIO()
    # Ansible collects warnings for the life of a process, which on a target is one module run.
    warnings._global_warnings.clear()
    with patch_module_args(arguments), contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        module.main()
    result = json.loads(output.getvalue())
    return Outcome(result, bool(result.get("failed")))
