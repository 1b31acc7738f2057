# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aliases, pins and warnings of the certificates that are added."""

from __future__ import annotations

import datetime
import re
import subprocess
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._truststore.additions import (
    CertificateSet,
    choose,
    warnings_for,
)
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry
from ansible_collections.stashops.mail.plugins.module_utils._x509.certificate import describe
from ansible_collections.stashops.mail.plugins.module_utils._x509.chain import PresentedChain
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.unit.truststore.factory import DAY, NOW, Made, make

ROOT = make("Müller & Söhne Root CA")
LEAF = make("mail.example.com", ca=False, issuer=ROOT, names=["mail.example.com"])


def test_aliases() -> None:
    additions = CertificateSet()
    additions.add([ROOT.der], "certificates[0]")
    additions.add([LEAF.der], "certificates[1]", " Mail Server ")
    assert additions.entries() == [
        Entry(f"stash_mail:muller-sohne-root-ca-{ROOT.sha256[:8]}", ROOT.der),
        Entry("mail server", LEAF.der),
    ]


def test_a_given_alias_wins_and_a_bundle_shares_it() -> None:
    additions = CertificateSet()
    additions.add([ROOT.der], "certificates[0]")
    additions.add([ROOT.der, LEAF.der], "certificates[1]", "Ours")
    additions.add([LEAF.der], "fetch[0]")
    assert additions.entries() == [
        Entry(f"ours-{ROOT.sha256[:8]}", ROOT.der),
        Entry(f"ours-{LEAF.sha256[:8]}", LEAF.der),
    ]


@pytest.mark.parametrize("alias", ["", "  ", "a\nb", "\u00e4", "a" * 201])
def test_bad_aliases(alias: str) -> None:
    with pytest.raises(StashMailError, match=r"certificates\[0\]\.alias"):
        CertificateSet().add([ROOT.der], "certificates[0]", alias)


def test_an_unreadable_certificate_names_its_place() -> None:
    with pytest.raises(StashMailError, match=r"certificates\[3\]: .* cannot be parsed"):
        CertificateSet().add([ROOT.der[:40]], "certificates[3]")


def without_issuer() -> bytes:
    empty = x509.Name([])
    builder = x509.CertificateBuilder(empty, ROOT.certificate.subject, ROOT.key.public_key(), 1, NOW, NOW + DAY)
    return builder.sign(ROOT.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def with_explicit_curve(folder: Path) -> bytes:
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"]
    command = ["openssl", "req", "-x509", *curve, "-nodes", "-subj", "/CN=x", "-keyout", str(folder / "key")]
    subprocess.run([*command, "-outform", "DER", "-out", str(folder / "der")], check=True, capture_output=True)
    return (folder / "der").read_bytes()


def with_an_extension_twice() -> bytes:
    """The key's identifier gets the type of the alternative names, of the same length."""
    made = make("x", ca=True, names=["x"])
    return made.der.replace(bytes.fromhex("0603551d13"), bytes.fromhex("0603551d11"))


def without_a_name() -> bytes:
    return make(None, ca=None).der


@pytest.mark.parametrize("kind", ["issuer", "curve", "twice", "name"])
def test_what_no_jvm_reads_is_refused(kind: str, tmp_path: Path) -> None:
    """A JVM would open no truststore that has one of these in it."""
    makers = {
        "issuer": without_issuer,
        "curve": lambda: with_explicit_curve(tmp_path),
        "twice": with_an_extension_twice,
        "name": without_a_name,
    }
    with pytest.raises(StashMailError, match=r"certificates\[3\]: .* is refused, since .*: a JVM could not open"):
        CertificateSet().add([ROOT.der, makers[kind]()], "certificates[3]")


def presented(complete: bool = True) -> PresentedChain:
    chain = [LEAF.der, ROOT.der] if complete else [LEAF.der]
    return PresentedChain("mail.example.com", 25, chain, complete, "test")


def test_choose_by_fingerprint() -> None:
    with_colons = ":".join(ROOT.sha256[i : i + 2] for i in range(0, 64, 2)).upper()
    assert choose(presented(), [with_colons], "fetch[0]") == [ROOT.der]
    assert choose(presented(), [ROOT.sha256, LEAF.sha256], "fetch[0]") == [ROOT.der, LEAF.der]


@pytest.mark.parametrize("wanted", [[], ["ab" * 32], [ROOT.sha256, "ab" * 32]])
def test_missing_and_wrong_pins_show_what_was_presented(wanted: list[str]) -> None:
    with pytest.raises(StashMailError) as caught:
        choose(presented(), wanted, "fetch[0]")
    message = str(caught.value)
    assert "fetch[0]" in message
    assert f"{LEAF.sha256}  server  CN=mail.example.com" in message
    assert f"{ROOT.sha256}  self-signed CA  " in message
    assert [facts["sha256"] for facts in caught.value.details["presented"]] == [LEAF.sha256, ROOT.sha256]


def test_a_pin_on_what_this_python_cannot_see() -> None:
    with pytest.raises(StashMailError, match="own certificate only"):
        choose(presented(complete=False), [ROOT.sha256], "fetch[0]")


def judged(made: Made, warn_days: int = 30, now: datetime.datetime = NOW) -> str:
    return "\n".join(warnings_for("alias", describe(made.der), warn_days, now))


def test_nothing_to_say() -> None:
    assert judged(ROOT) == ""
    # A self-signed certificate of the server itself is a sound anchor.
    assert judged(make("self", ca=False)) == ""


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (make("old", not_before=NOW - 9 * DAY, not_after=NOW - DAY), "expired on"),
        (make("soon", not_after=NOW + 29 * DAY), "expires on .*, in 29 days"),
        (make("future", not_before=NOW + DAY), "not valid before"),
        (LEAF, "server's own certificate, issued by CN=M"),
        (make("weak", key=rsa.generate_private_key(65537, 1024)), "weak key, RSA 1024"),  # noqa: S505 - weak on purpose
        (make("weak", key=ec.generate_private_key(ec.SECP192R1())), "weak key, EC secp192r1"),
    ],
)
def test_warnings(made: Made, message: str) -> None:
    text = judged(made)
    assert len(text.splitlines()) == 1
    assert re.search(message, text), text


def test_warn_days() -> None:
    soon = make("soon", not_after=NOW + 29 * DAY)
    assert judged(soon, warn_days=28) == ""
    assert judged(soon, warn_days=0) == ""
