# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Situations of trust: a chain that a server presents and the anchors of a JVM, with all that can be odd about them.

``table`` is the list of known ones with what Java does. ``unusual`` has odd ones, and ``generated`` makes new ones from
a seed: the JVM is the judge of both.
"""

from __future__ import annotations

import random
import ssl
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.integration.verdict.unusual import add_all
from tests.mail_server.certificates import Certificate, authority, key_usage, leaf, make, new_key, self_signed

HOST = "mail.example.com"
EXPIRED = (-30, -2)
FUTURE = (2, 30)


@dataclass(frozen=True)
class Situation:
    """``server`` presents itself and its chain. ``java`` is what Java is known to do, None where that is not known."""

    name: str
    server: Certificate
    anchors: tuple[bytes, ...]
    java: bool | None = None
    cipher: str = ""

    def context(self) -> ssl.SSLContext | None:
        """Return what the server speaks: TLS 1.3, or ``cipher`` of TLS 1.2 alone."""
        if not self.cipher:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(self.cipher + ":@SECLEVEL=0")
        with tempfile.TemporaryDirectory() as folder:
            context.load_cert_chain(*self.server.write(Path(folder)))
        return context


def presenting(certificate: Certificate, *chain: Certificate) -> Certificate:
    """Return ``certificate`` with another chain to present."""
    return Certificate(certificate.certificate, certificate.key, [c.certificate for c in chain])


def table() -> list[Situation]:
    """Return the situations whose outcome in Java is known."""
    found: list[Situation] = []

    def add(name: str, java: bool | None, server: Certificate, *anchors: Certificate, cipher: str = "") -> None:
        found.append(Situation(name, server, tuple(anchor.der for anchor in anchors), java, cipher))

    root = authority()
    middle = authority("Intermediate", issuer=root)
    good = leaf(middle)
    own = self_signed(HOST)
    add("self-signed leaf in the store", True, own, own)
    add("self-signed leaf not in the store", False, own, root)
    for word, days in (("expired", EXPIRED), ("not yet valid", FUTURE)):
        odd = self_signed(HOST, days=days)
        add(f"{word} self-signed leaf in the store", True, odd, odd)
        late = leaf(root, days=days)
        add(f"{word} CA-issued leaf in the store", True, late, late)
        add(f"root; {word} leaf", False, late, root)
        old_root = authority("Old Root", days=days)
        add(f"{word} root in the store", True, leaf(old_root), old_root)
        old_middle = authority("Old Intermediate", issuer=root, days=days)
        add(f"root; {word} intermediate", False, leaf(old_middle), root)
        below = authority("Below Old Root", issuer=old_root)
        add(f"{word} root in the store; full chain", True, leaf(below), old_root)
        other = authority("Stranger")
        add(f"{word} root in the store; stranger first", False, presenting(leaf(below), other, below), old_root)
        add(
            f"{word} root in the store, issuer of the leaf; stranger", True, presenting(leaf(old_root), other), old_root
        )
        add(f"{word} intermediate in the store", True, leaf(old_middle), old_middle)
    odd_kinds: list[tuple[str, dict[str, Any]]] = [
        ("EKU clientAuth", {"extended": [ExtendedKeyUsageOID.CLIENT_AUTH]}),
        ("KU keyCertSign only", {"usage": key_usage(key_cert_sign=True)}),
    ]
    for word, options in odd_kinds:
        odd = make(HOST, sans=[HOST], ca=False, **options)
        add(f"self-signed leaf in the store, {word}", True, odd, odd)
    small = self_signed(HOST, key_kind="rsa-1024")
    add("self-signed RSA-1024 leaf in the store", True, small, small)
    add("CA-issued leaf in the store", True, good, good)
    add("intermediate in the store", True, good, middle)
    add("root; full chain", True, good, root)
    add("root; chain with the root", True, presenting(good, middle, root), root)
    second = authority("Second Intermediate", issuer=middle)
    deep = leaf(second)
    add("root; misordered chain", True, presenting(deep, middle, second), root)
    add("root; chain with a stranger in between", True, presenting(good, authority("Stranger"), middle), root)
    add("root; the leaf sent twice", True, presenting(good, good, middle), root)
    add("root; server omits the intermediate", False, presenting(good), root)
    add("root and intermediate; server omits the intermediate", True, presenting(good), root, middle)
    add("stranger in the store", False, good, authority("Stranger"))
    add("root; leaf with EKU clientAuth only", False, leaf(root, extended=[ExtendedKeyUsageOID.CLIENT_AUTH]), root)
    any_usage = leaf(root, extended=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    add("root; leaf with anyExtendedKeyUsage", True, any_usage, root)
    add("root; leaf without EKU", True, leaf(root, extended=None), root)
    add("root; leaf without KU", True, leaf(root, usage=None), root)
    add("root; leaf with KU keyAgreement only", None, leaf(root, usage=key_usage(key_agreement=True)), root)
    add("root; leaf without a name", None, leaf(root, None, sans=[HOST]), root)
    odd_kinds = [
        ("without basicConstraints", {"ca": None}),
        ("with CA:FALSE", {"ca": False}),
        ("without keyCertSign", {"usage": key_usage(digital_signature=True)}),
    ]
    for word, options in odd_kinds:
        odd_root = authority("Odd Root", **options)
        add(f"root {word}", False, leaf(odd_root), odd_root)
        odd_middle = authority("Odd Intermediate", issuer=root, **options)
        add(f"root; intermediate {word}", False, leaf(odd_middle), root)
    add("root without KU", True, leaf(bare := authority("Bare Root", usage=None)), bare)
    narrow = authority("Narrow Root", path_length=0)
    narrow_middle = authority("Below Narrow", issuer=narrow)
    add("root with pathlen 0 above an intermediate", None, leaf(narrow_middle), narrow)
    narrow_middle = authority("Narrow Intermediate", issuer=root, path_length=0)
    add("root; intermediate with pathlen 0", True, leaf(narrow_middle), root)
    below = authority("Below Narrow Intermediate", issuer=narrow_middle)
    add("root; intermediate with pathlen 0 above another", False, leaf(below), root)
    rsa_root = authority("RSA Root", key_kind="rsa-2048")
    add("RSA root; RSA leaf", True, leaf(rsa_root, key_kind="rsa-2048"), rsa_root)
    add("root; SHA-1 signature", True, leaf(rsa_root, weak_hash="sha1"), rsa_root)
    add("root; RSA-1024 leaf", True, leaf(rsa_root, key_kind="rsa-1024"), rsa_root)
    add("root; RSA-768 leaf", False, leaf(rsa_root, key_kind="rsa-768"), rsa_root)
    add("root; MD5 signature", False, leaf(rsa_root, weak_hash="md5"), rsa_root)
    odd = leaf(rsa_root, weak_hash="md5")
    add("leaf with an MD5 signature in the store", False, odd, odd)
    odd = leaf(rsa_root, hash_algorithm=_hash("SHA224"))
    add("leaf with a SHA-224 signature in the store", None, odd, odd)
    odd_middle = authority("MD5 Intermediate", issuer=rsa_root, weak_hash="md5")
    add("root; intermediate with an MD5 signature", False, leaf(odd_middle), rsa_root)
    odd_middle = authority("SHA-1 Intermediate", issuer=rsa_root, weak_hash="sha1")
    add("root; intermediate with a SHA-1 signature", True, leaf(odd_middle), rsa_root)
    add("root; SHA-224 signature", None, leaf(rsa_root, hash_algorithm=_hash("SHA224")), rsa_root)
    add("root; SHA-512 signature", True, leaf(rsa_root, hash_algorithm=_hash("SHA512")), rsa_root)
    weak_root = authority("MD5 Root", key_kind="rsa-2048", weak_hash="md5")
    add("root with an MD5 signature of its own", None, leaf(weak_root), weak_root)
    for word, kind in (("RSA-1024", "rsa-1024"), ("RSA-768", "rsa-768")):
        weak_root = authority(f"{word} Root", key_kind=kind)
        add(f"{word} root", None, leaf(weak_root), weak_root)
    for curve in ("secp384r1", "secp521r1"):
        add(f"root; {curve} leaf", True, leaf(root, key_kind=f"ec-{curve}"), root)
    pss_root = authority("PSS Root", key_kind="rsa-2048")
    add("root; signature by RSASSA-PSS", True, signed_by_pss(leaf(pss_root), pss_root), pss_root)
    _old_tls(add, rsa_root)
    _renewals(add)
    _names(add)
    _extensions(add, root)
    return found


def unusual() -> list[Situation]:
    """Return situations that few certificates are in, whose outcome in Java is not known beforehand."""
    found: list[Situation] = []

    def add(name: str, java: bool | None, server: Certificate, *anchors: Certificate) -> None:
        found.append(Situation(name, server, tuple(anchor.der for anchor in anchors), java))

    add_all(add)
    return found


def _old_tls(add: Callable[..., None], root: Certificate) -> None:
    # Not RSA key exchange: newer updates of every Java have it switched off, older ones not.
    ephemeral = "ECDHE-RSA-AES128-GCM-SHA256"
    server = leaf(root, key_kind="rsa-2048", hash_algorithm=_hash("SHA224"))
    add("TLS 1.2; SHA-224 signature", None, server, root, cipher=ephemeral)
    for word, usage in (
        ("keyEncipherment", key_usage(key_encipherment=True)),
        ("digitalSignature", key_usage(digital_signature=True)),
    ):
        server = leaf(root, key_kind="rsa-2048", usage=usage)
        add(f"TLS 1.2, ECDHE; KU {word} only", None, server, root, cipher=ephemeral)
    small = leaf(root, key_kind="rsa-1024", weak_hash="sha1")
    add("TLS 1.2; RSA-1024 leaf with SHA-1 signature", True, small, root, cipher=ephemeral)
    add("TLS 1.2; MD5 signature", False, leaf(root, key_kind="rsa-2048", weak_hash="md5"), root, cipher=ephemeral)


def _renewals(add: Callable[..., None]) -> None:
    key = new_key()
    for word, ca, java in (("CA:TRUE", True, True), ("CA:FALSE", False, False)):
        before, after = self_signed(HOST, key=key, ca=ca), self_signed(HOST, key=key, ca=ca)
        add(f"renewed self-signed leaf, same key and name, anchor {word}", java, after, before)
        late = self_signed(HOST, key=key, ca=ca, days=EXPIRED)
        add(f"renewed but expired self-signed leaf, same key and name, anchor {word}", False, late, before)
        add(f"renewed self-signed leaf, same name, new key, anchor {word}", False, self_signed(HOST, ca=ca), before)
    before = authority("Renewed Root", key=key)
    after = authority("Renewed Root", key=key)
    add("renewed root, same key; the server sends the new one", True, presenting(leaf(after), after), before)
    add("renewed root, same key; the server sends none", True, leaf(after), before)
    other = authority("Renewed Root")
    add("renewed root, new key", False, leaf(other), before)
    add("old and new root, same name", True, leaf(other), before, other)
    no_identifiers = authority("Renewed Root", key_identifiers=False)
    add(
        "two roots, same name, no key identifiers",
        True,
        leaf(no_identifiers, key_identifiers=False),
        before,
        no_identifiers,
    )
    old = authority("Cross Root")
    new = authority("Cross New Root")
    crossed = authority("Cross New Root", issuer=old, key=new.key)
    add("cross-signed root; old root in the store", True, presenting(leaf(new), crossed), old)
    add("cross-signed root; new root in the store", True, presenting(leaf(new), crossed), new)
    late = authority("Cross New Root", issuer=old, key=new.key, days=EXPIRED)
    add("expired cross-signature; new root in the store", None, presenting(leaf(new), late), new)
    add("expired cross-signature; old root in the store", False, presenting(leaf(new), late), old)


def _names(add: Callable[..., None]) -> None:
    """An issuer's name written otherwise than in its own certificate."""
    for written, java in ((" NAMED  root", True), ("Named Ro\u00f6t", False), ("NamedRoot", False)):
        root = authority("Named Root")
        add(f"root 'Named Root'; leaf issued by {written!r}", java, leaf(renamed(root, written)), root)
        middle = authority("Middle", issuer=root)
        add(
            f"root; intermediate 'Middle' as issuer {written.replace('Named Root', 'Middle')!r}",
            None,
            presenting(leaf(renamed(middle, written)), middle),
            root,
        )


def renamed(issuer: Certificate, common_name: str) -> Certificate:
    """Return an authority with the same key that signs by another name."""
    return authority(common_name, key=issuer.key)


def signed_by_pss(certificate: Certificate, issuer: Certificate) -> Certificate:
    """Return a certificate for the same key and name, signed by RSASSA-PSS."""
    old = certificate.certificate
    builder = x509.CertificateBuilder(
        old.issuer,
        old.subject,
        old.public_key(),
        old.serial_number,
        old.not_valid_before_utc,
        old.not_valid_after_utc,
        list(old.extensions),
    )
    padding_used = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    return Certificate(
        builder.sign(issuer.key, hashes.SHA256(), rsa_padding=padding_used), certificate.key, certificate.chain
    )


def _extensions(add: Callable[..., None], root: Certificate) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    for word, critical, java in (("critical", True, False), ("uncritical", False, True)):
        add(f"root; leaf with an unknown {word} extension", java, leaf(root, extensions=[(unknown, critical)]), root)
        middle = authority("Extended", issuer=root, extensions=[(unknown, critical)])
        add(f"root; intermediate with an unknown {word} extension", java, leaf(middle), root)
    odd = self_signed(HOST, extensions=[(unknown, True)])
    add("self-signed leaf in the store, unknown critical extension", None, odd, odd)
    for word, permitted, excluded, java in (
        ("permits the name", ["example.com"], None, True),
        ("permits another name", ["example.org"], None, False),
        ("excludes the name", None, ["example.com"], False),
        ("excludes another name", None, ["example.org"], True),
    ):
        constraint = x509.NameConstraints(
            [x509.DNSName(name) for name in permitted] if permitted else None,
            [x509.DNSName(name) for name in excluded] if excluded else None,
        )
        middle = authority("Constrained", issuer=root, extensions=[(constraint, True)])
        add(f"root; intermediate {word}", java, leaf(middle), root)
        own_root = authority("Constrained Root", extensions=[(constraint, True)])
        add(f"root itself {word}", None, leaf(own_root), own_root)
    add("root; leaf with a wrong signature", False, leaf(root, sign_with=new_key(), key_identifiers=False), root)
    add("root; leaf with another authority's key identifier", None, _misidentified(root), root)


def _misidentified(root: Certificate) -> Certificate:
    wrong = x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None)
    return leaf(root, key_identifiers=False, extensions=[(wrong, False)])


def _hash(name: str) -> Any:
    return getattr(hashes, name)()


def generated(seed: int, count: int) -> Iterator[Situation]:
    """Return ``count`` situations, the same for the same ``seed`` but for their keys."""
    choose = random.Random(seed)  # noqa: S311 - which cases are tried is no secret
    for number in range(count):
        yield _generated(choose, number)


def _generated(choose: random.Random, number: int) -> Situation:
    words: list[str] = []

    def pick(word: str, options: list[tuple[str, dict[str, Any]]], weight: float) -> dict[str, Any]:
        if choose.random() >= weight:
            return {}
        name, chosen = choose.choice(options)
        words.append(f"{word} {name}")
        return chosen

    kinds = ["ec-secp256r1", "ec-secp384r1", "ec-secp521r1", "rsa-1024", "rsa-2048"]
    odd_dates: list[tuple[str, dict[str, Any]]] = [("expired", {"days": EXPIRED}), ("future", {"days": FUTURE})]
    odd_authority = [
        *odd_dates,
        ("CA:FALSE", {"ca": False}),
        ("no basicConstraints", {"ca": None}),
        ("no keyCertSign", {"usage": key_usage(digital_signature=True)}),
        ("no KU", {"usage": None}),
        ("pathlen 0", {"path_length": 0}),
        ("pathlen 1", {"path_length": 1}),
        ("no identifiers", {"key_identifiers": False}),
        ("SHA-384", {"hash_algorithm": _hash("SHA384")}),
    ]
    odd_leaf = [
        *odd_dates,
        ("EKU clientAuth", {"extended": [ExtendedKeyUsageOID.CLIENT_AUTH]}),
        ("no EKU", {"extended": None}),
        ("no KU", {"usage": None}),
        ("KU keyEncipherment", {"usage": key_usage(key_encipherment=True)}),
        ("KU digitalSignature", {"usage": key_usage(digital_signature=True)}),
        ("no SAN", {"sans": ()}),
        ("no identifiers", {"key_identifiers": False}),
        ("CA:TRUE", {"ca": True}),
        ("SHA-224", {"hash_algorithm": _hash("SHA224")}),
        ("SHA-512", {"hash_algorithm": _hash("SHA512")}),
    ]
    authorities = [authority("Root", key_kind=choose.choice(kinds), **pick("root", odd_authority, 0.3))]
    for depth in range(choose.randrange(4)):
        odd = pick(f"intermediate {depth}", [*odd_authority, *_signatures(authorities[-1])], 0.3)
        authorities.append(
            authority(f"Intermediate {depth}", issuer=authorities[-1], key_kind=choose.choice(kinds), **odd)
        )
    issuer = authorities[-1]
    if choose.random() < 0.1:
        written = choose.choice([str.upper, str.swapcase, " {} ".format])(_common_name(issuer))
        words.append(f"leaf's issuer written as {written!r}")
        issuer = Certificate(renamed(issuer, written).certificate, issuer.key, issuer.chain)
    odd = pick("leaf", [*odd_leaf, *_signatures(issuer)], 0.4)
    server = leaf(issuer, key_kind=choose.choice(kinds), **odd)
    if issuer.key.__class__.__name__.startswith("RSA") and not odd and choose.random() < 0.2:
        words.append("leaf signed by RSASSA-PSS")
        server = signed_by_pss(server, issuer)
    sent = list(reversed(authorities[1:]))
    shape = choose.choice(["whole", "whole", "with root", "shuffled", "one left out", "nothing", "with a stranger"])
    if shape == "with root":
        sent.append(authorities[0])
    elif shape == "shuffled":
        choose.shuffle(sent)
    elif shape == "one left out" and sent:
        sent.pop(choose.randrange(len(sent)))
    elif shape == "nothing":
        sent = []
    elif shape == "with a stranger":
        sent.insert(choose.randrange(len(sent) + 1), authority("Stranger"))
    words.append(f"{len(authorities) - 1} intermediates, sent: {shape}")
    anchors = _anchors(choose, authorities, server, words)
    cipher = ""
    if choose.random() < 0.25:
        cipher = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"
        words.append("TLS 1.2")
    return Situation(f"generated {number}: " + ", ".join(words), presenting(server, *sent), anchors, cipher=cipher)


def _signatures(issuer: Certificate) -> list[tuple[str, dict[str, Any]]]:
    if not issuer.key.__class__.__name__.startswith("RSA"):
        return []
    return [("SHA-1", {"weak_hash": "sha1"}), ("MD5", {"weak_hash": "md5"})]


def _common_name(certificate: Certificate) -> str:
    (attribute,) = certificate.certificate.subject
    return str(attribute.value)


def _anchors(
    choose: random.Random, authorities: list[Certificate], server: Certificate, words: list[str]
) -> tuple[bytes, ...]:
    level = choose.randrange(-1, len(authorities) + 1)
    if level == len(authorities):
        words.append("anchor: leaf")
        return (server.der,)
    if level < 0:
        level = 0
    chosen = authorities[level]
    name = "root" if level == 0 else f"intermediate {level - 1}"
    kind = choose.choice(["itself", "itself", "itself", "renewed with the same key", "renewed with a new key"])
    words.append(f"anchor: {name}, {kind}")
    if kind == "itself":
        return (chosen.der,)
    common_name = "Root" if level == 0 else f"Intermediate {level - 1}"
    again = authority(common_name, key=chosen.key) if kind.endswith("same key") else authority(common_name)
    return (again.der,)


_LABELS = ("mail", "smtp", "MAIL", "m-1", "xn--mil-5na", "a", "_mail", "*", "m*l", "*l", "**", "")
_TAILS = ("example.com", "EXAMPLE.com", "b.example.com", "example.org", "com", "*.com", "lab", "example.com.")
_ADDRESSES = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")


def generated_names(seed: int, count: int) -> Iterator[tuple[str, Certificate]]:
    """Return ``count`` pairs of a host and a self-signed certificate, the same for the same ``seed`` but for keys."""
    choose = random.Random(seed)  # noqa: S311
    key = new_key()
    made = 0
    while made < count:
        host = choose.choice([_name(choose), _name(choose), _name(choose), choose.choice(_ADDRESSES), "mail"])
        near = choose.random() < 0.6
        sans = [_near(choose, host) if near else _name(choose) for _ in range(choose.randrange(3))]
        if choose.random() < 0.2:
            sans.append(choose.choice(_ADDRESSES))
        common_name = choose.choice([host, _near(choose, host), _name(choose), "Some Server"])
        if "*" in host or not host.strip(".") or ".." in host or host.startswith(".") or not common_name:
            continue
        yield host, make(common_name, sans=[name for name in sans if name], key=key)
        made += 1


def _name(choose: random.Random) -> str:
    label, tail = choose.choice(_LABELS), choose.choice(_TAILS)
    return f"{label}.{tail}" if label else tail


def _near(choose: random.Random, host: str) -> str:
    first, dot, rest = host.partition(".")
    return choose.choice(
        [host, host.upper(), host + ".", f"*{dot}{rest}", f"{first[:1]}*{dot}{rest}", f"*.{host}", rest or host, first]
    )
