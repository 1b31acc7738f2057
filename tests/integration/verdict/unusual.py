# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations of trust that few certificates are in; JavaMail on each JVM says what comes of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.name import _ASN1Type as StringType
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.mail_server.certificates import Certificate, authority, key_usage, leaf

HOST = "mail.example.com"
POLICY, OTHER_POLICY = x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), x509.ObjectIdentifier("1.3.6.1.4.1.99999.3")
NETSCAPE = x509.ObjectIdentifier("2.16.840.1.113730.1.1")
FILLER = x509.ObjectIdentifier("1.3.6.1.4.1.99999.4")

Add = Callable[..., None]


def add_all(add: Add) -> None:
    """Give ``add`` each situation: its name, None for what is not known of Java, the server, and the anchors."""
    root = authority("Unusual Root", key_kind="rsa-2048")
    _name_constraints(add, root)
    _policies(add, root)
    _keys_and_signatures(add, root)
    _netscape(add, root)
    _long_chains(add, root)
    _string_types(add)
    _usages(add, root)


def _through(root: Certificate, **options: Any) -> Certificate:
    return authority("Unusual Intermediate", issuer=root, **options)


def _organization(name: str, *more: x509.NameAttribute[Any]) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name), *more])


def _name_constraints(add: Add, root: Certificate) -> None:
    common_name = x509.NameAttribute(NameOID.COMMON_NAME, HOST)
    subject = _organization("Example", common_name)
    kinds: list[tuple[str, x509.GeneralName]] = [
        ("the directory", x509.DirectoryName(_organization("Example"))),
        ("the directory in capitals", x509.DirectoryName(_organization("EXAMPLE"))),
        ("another directory", x509.DirectoryName(_organization("Other"))),
        ("the whole subject", x509.DirectoryName(subject)),
        ("an address", x509.IPAddress(ipaddress.ip_network("192.0.2.0/24"))),
        ("other addresses", x509.IPAddress(ipaddress.ip_network("198.51.100.0/24"))),
        ("a mail domain", x509.RFC822Name("example.com")),
        ("a URI", x509.UniformResourceIdentifier("example.com")),
        ("a domain with a dot", x509.DNSName(".example.com")),
        ("every domain", x509.DNSName("")),
    ]
    for word, subtree in kinds:
        for verb, constraint in (
            ("permits", x509.NameConstraints([subtree], None)),
            ("excludes", x509.NameConstraints(None, [subtree])),
        ):
            middle = _through(root, extensions=[(constraint, True)])
            add(f"{verb} {word}", None, leaf(middle, subject=subject, sans=[HOST, "192.0.2.1"]), root)
            add(f"{verb} {word}, no SAN", None, leaf(middle, subject=subject, sans=[]), root)


def _policies(add: Add, root: Certificate) -> None:
    def policies(*oids: x509.ObjectIdentifier) -> tuple[x509.ExtensionType, bool]:
        return x509.CertificatePolicies([x509.PolicyInformation(oid, None) for oid in oids]), True

    explicit = (x509.PolicyConstraints(require_explicit_policy=0, inhibit_policy_mapping=None), True)
    for word, above, below in (
        ("the same policy", [policies(POLICY)], [policies(POLICY)]),
        ("another policy", [policies(POLICY)], [policies(OTHER_POLICY)]),
        ("an explicit policy", [policies(POLICY), explicit], [policies(POLICY)]),
        ("an explicit policy and another", [policies(POLICY), explicit], [policies(OTHER_POLICY)]),
        ("an explicit policy and none", [policies(POLICY), explicit], []),
        ("any policy inhibited", [policies(POLICY), explicit, (x509.InhibitAnyPolicy(0), True)], [policies(POLICY)]),
        (
            "any policy inhibited and there",
            [policies(POLICY), explicit, (x509.InhibitAnyPolicy(0), True)],
            [policies(x509.ObjectIdentifier("2.5.29.32.0"))],
        ),
    ):
        add(f"policies: {word}", None, leaf(_through(root, extensions=above), extensions=below), root)


def _keys_and_signatures(add: Add, root: Certificate) -> None:
    for kind in ("ec-secp224r1", "ec-secp256k1", "ec-brainpoolP256r1", "ed25519", "ed448", "rsa-1536", "rsa-4096"):
        own = authority(f"Root {kind}", key_kind=kind)
        add(f"root with a key {kind}", None, leaf(own), own)
        add(f"intermediate with a key {kind}", None, leaf(_through(root, key_kind=kind)), root)
        add(f"intermediate with a key {kind} in the store", None, leaf(middle := _through(root, key_kind=kind)), middle)
    for kind in ("ed25519", "ed448"):
        odd = leaf(root, key_kind=kind)
        add(f"leaf with a key {kind}", None, odd, root)
        add(f"leaf with a key {kind} in the store", None, odd, odd)
    ec_root = authority("EC Root")
    for name in ("SHA3_256", "SHA3_512"):
        algorithm = getattr(hashes, name)()
        for word, issuer in (("RSA", root), ("EC", ec_root)):
            odd = leaf(issuer, hash_algorithm=algorithm)
            add(f"{word} signature with {name}", None, odd, issuer)
            add(f"{word} signature with {name}, leaf in the store", None, odd, odd)


def _netscape(add: Add, root: Certificate) -> None:
    for word, bits in (("client", 0x80), ("server", 0x40), ("authority for TLS", 0x04)):
        for critical in (True, False):
            extension = (x509.UnrecognizedExtension(NETSCAPE, bytes((3, 2, 0, bits))), critical)
            name = f"Netscape type {word}, {'' if critical else 'not '}critical"
            add(f"{name}, leaf", None, leaf(root, extensions=[extension]), root)
            add(f"{name}, intermediate", None, leaf(_through(root, extensions=[extension])), root)
            own = authority("Netscape Root", extensions=[extension])
            add(f"{name}, root", None, leaf(own), own)


def _long_chains(add: Add, root: Certificate) -> None:
    issuer = root
    for number in range(1, 14):
        issuer = authority(f"Step {number}", issuer=issuer)
        if number >= 7:
            add(f"{number} intermediates", None, leaf(issuer), root)
    for kilobytes in (9, 12, 30, 40):
        filler = (x509.UnrecognizedExtension(FILLER, b"\x04\x82" + (kilobytes * 1000).to_bytes(2, "big")), False)
        filler = (x509.UnrecognizedExtension(FILLER, filler[0].value + bytes(kilobytes * 1000)), False)
        add(f"a certificate of {kilobytes} kB", None, leaf(root, extensions=[filler]), root)


def _string_types(add: Add) -> None:
    def named(kind: StringType, value: str = "Typed Root") -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, value, kind)])

    for above, below in (
        (StringType.UTF8String, StringType.PrintableString),
        (StringType.PrintableString, StringType.UTF8String),
        (StringType.UTF8String, StringType.BMPString),
        (StringType.T61String, StringType.UTF8String),
        (StringType.UTF8String, StringType.UTF8String),
    ):
        root = authority(subject=named(above))
        word = f"name as {above.name} above and {below.name} below"
        add(word, None, leaf(root, issuer_name=named(below)), root)
        add(f"{word}, other case", None, leaf(root, issuer_name=named(below, "TYPED  root")), root)
        middle = authority("Typed", issuer=root, issuer_name=named(below))
        add(f"{word}, intermediate sent with its root", None, _with_root(leaf(middle), root), root)


def _with_root(server: Certificate, root: Certificate) -> Certificate:
    return Certificate(server.certificate, server.key, [*server.chain, root.certificate])


def _usages(add: Add, root: Certificate) -> None:
    for word, usages in (
        ("clientAuth", [ExtendedKeyUsageOID.CLIENT_AUTH]),
        ("serverAuth", [ExtendedKeyUsageOID.SERVER_AUTH]),
        ("codeSigning", [ExtendedKeyUsageOID.CODE_SIGNING]),
    ):
        add(f"intermediate with EKU {word}", None, leaf(_through(root, extended=usages)), root)
        own = authority("Root with EKU", extended=usages)
        add(f"root with EKU {word}", None, leaf(own), own)
    for word, usage in (
        ("nonRepudiation", key_usage(content_commitment=True)),
        ("dataEncipherment", key_usage(data_encipherment=True)),
        ("keyAgreement and decipherOnly", key_usage(key_agreement=True, decipher_only=True)),
        ("cRLSign", key_usage(crl_sign=True)),
    ):
        add(f"leaf with KU {word}", None, leaf(root, usage=usage), root)
    add("leaf that is an authority with pathlen 0", None, leaf(root, ca=True, path_length=0), root)
    add("leaf valid until 2090", None, leaf(root, days=(-1, 365 * 64)), root)
    add("root valid until 2090", None, leaf(own := authority("Lasting Root", days=(-1, 365 * 64))), own)
    unnamed = x509.SubjectAlternativeName([x509.DNSName(HOST)])
    for critical in (True, False):
        odd = leaf(root, None, extensions=[(unnamed, critical)])
        add(f"leaf without a subject, SAN {'' if critical else 'not '}critical", None, odd, root)
        add(f"leaf without a subject in the store, SAN {'' if critical else 'not '}critical", None, odd, odd)
