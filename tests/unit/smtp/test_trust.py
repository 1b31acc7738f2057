# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the JVM's verdict, without a JVM: known situations, what is read from which truststore, warnings."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store
from ansible_collections.stashops.mail.plugins.module_utils._verdict.model import Anchors, Verdict, judge, load_anchors
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.verdict.catalogue import HOST, Situation, table
from tests.mail_server import Certificate, authority, leaf, make, self_signed
from tests.mail_server.certificates import key_usage

KNOWN = [situation for situation in table() if situation.java is not None]
RSA_EXCHANGE = "AES128-GCM-SHA256"


def verdict(server: Certificate, *anchors: Certificate, host: str = HOST, cipher: str = "TLS_AES_128") -> Verdict:
    return judge(server.chain_der, Anchors([a.der for a in anchors], "store", "given"), host, cipher)


@pytest.mark.parametrize("situation", KNOWN, ids=[situation.name for situation in KNOWN])
def test_known_situation(situation: Situation) -> None:
    found = judge(
        situation.server.chain_der,
        Anchors(list(situation.anchors), "store", "given"),
        HOST,
        situation.cipher or "TLS_AES_256_GCM_SHA384",
    )
    assert found.trusted is situation.java, found.reason
    assert found.reason
    assert bool(found.log) is not found.trusted


def test_time_moves_on() -> None:
    root = authority()
    server = leaf(root, days=(-1, 30))
    anchors = Anchors([root.der], "store", "given")
    now = datetime.datetime.now(datetime.UTC)
    for days, trusted in ((-2, False), (0, True), (29, True), (31, False)):
        moment = now + datetime.timedelta(days=days)
        assert judge(server.chain_der, anchors, HOST, now=moment).trusted is trusted, days


def test_key_usage_for_rsa_key_exchange() -> None:
    root = authority(key_kind="rsa-2048")
    encipher = leaf(root, key_kind="rsa-2048", usage=key_usage(key_encipherment=True))
    sign = leaf(root, key_kind="rsa-2048", usage=key_usage(digital_signature=True))
    assert verdict(encipher, root, cipher=RSA_EXCHANGE).trusted
    assert not verdict(encipher, root).trusted
    assert verdict(sign, root).trusted
    assert not verdict(sign, root, cipher=RSA_EXCHANGE).trusted
    assert any("RSA key exchange" in text for text in verdict(encipher, root, cipher=RSA_EXCHANGE).warnings)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (self_signed(HOST, days=(-30, -2)), "other mail clients do not"),
        (leaf(authority()), "not its authority"),
        (self_signed(HOST, key_kind="rsa-1024"), "RSA key of 1024 bits"),
        (self_signed(HOST, days=(-1, 5)), "expires on"),
    ],
)
def test_what_java_accepts_and_should_not(server: Certificate, words: str) -> None:
    found = verdict(server, server)
    assert found.trusted
    assert any(words in warning for warning in found.warnings), found.warnings


def test_no_warning_without_a_reason() -> None:
    root = authority()
    assert verdict(leaf(root, days=(-1, 90)), root).warnings == []


def test_a_certificate_that_is_none() -> None:
    found = judge([b"\x30\x03\x02\x01\x00"], Anchors([authority().der], "store", "given"), HOST)
    assert not found.trusted
    assert "cannot be read" in found.reason


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_is_never_trusted(data: st.DataObject) -> None:
    """A certificate with one bit turned over is not trusted, and nothing worse happens."""
    server, root = DAMAGED
    position = data.draw(st.integers(0, len(server.der) * 8 - 1))
    broken = bytearray(server.der)
    broken[position // 8] ^= 1 << (position % 8)
    found = judge([bytes(broken)], Anchors([root.der], "store", "given"), HOST)
    assert not found.trusted


DAMAGED = (lambda root: (leaf(root), root))(authority())


def test_a_maze_of_cross_signed_authorities_ends() -> None:
    """Names that all issue each other: the search gives up in time."""
    key = authority().key
    names = [f"Maze {number}" for number in range(7)]
    roots = {name: authority(name, key=key, key_identifiers=False) for name in names}
    maze = [
        authority(name, issuer=roots[other], key=key, key_identifiers=False)
        for name in names
        for other in names
        if name != other
    ]
    server = leaf(roots[names[0]], key_identifiers=False)
    chain = [server.der, authority("First, so that the order is wrong").der, *(c.der for c in maze)]
    assert not judge(chain, Anchors([authority("Elsewhere").der], "store", "given"), HOST).trusted


# Which truststore


def java_home(folder: Path, bundle: bytes, name: str = "lib/security/cacerts") -> str:
    path = folder / "java" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bundle)
    return str(folder / "java")


def jks(*certificates: Certificate, password: str = "changeit") -> bytes:
    return write_store([Entry(f"a{n}", c.der) for n, c in enumerate(certificates)], "jks", password)


def test_a_missing_file_is_the_jvms_own_bundle(tmp_path: Path) -> None:
    root = authority()
    home = java_home(tmp_path, jks(root))
    found = load_anchors(str(tmp_path / "missing"), None, home)
    assert found.certificates == [root.der]
    assert found.source.endswith("lib/security/cacerts")
    assert "missing" in found.how


def test_java_8_layout_and_jssecacerts(tmp_path: Path) -> None:
    root, other = authority(), authority("Other")
    home = java_home(tmp_path, jks(root), "jre/lib/security/cacerts")
    assert load_anchors(None, None, home).certificates == [root.der]
    java_home(tmp_path, jks(other), "jre/lib/security/jssecacerts")
    assert load_anchors(None, None, home).certificates == [other.der]
    # With the argument set, jssecacerts is not looked at.
    assert load_anchors(str(tmp_path / "missing"), None, home).certificates == [root.der]


def test_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StashMailError, match="no lib/security/cacerts"):
        load_anchors(None, None, str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StashMailError, match="give java_home"):
        load_anchors(None, None, None)


@pytest.mark.parametrize(
    ("content", "password", "words"),
    [
        (b"", None, "cannot load"),
        (b"not a truststore at all", None, "cannot load"),
        (self_signed().pem.encode(), None, "cannot load"),
        (jks(authority())[:-30], None, "cannot load"),
        (jks(authority()), "wrong", "cannot load"),
        (jks(), None, "finds no certificate"),
        (write_store([Entry("Upper", authority().der)], "jks"), None, "finds no certificate"),
    ],
)
def test_a_file_that_the_jvm_cannot_use(content: bytes, password: str | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "cacerts"
    path.write_bytes(content)
    found = load_anchors(str(path), password, None)
    assert words in found.failure
    assert found.certificates == []
    server = self_signed(HOST)
    judged = judge([server.der], found, HOST)
    assert not judged.trusted
    assert words in judged.reason
    assert judged.log


def test_of_equal_aliases_the_last_wins(tmp_path: Path) -> None:
    first, second = authority("First"), authority("Second")
    path = tmp_path / "cacerts"
    path.write_bytes(write_store([Entry("same", first.der), Entry("same", second.der)], "jks"))
    assert load_anchors(str(path), None, None).certificates == [second.der]


def test_anchors_that_are_not_written_yet(tmp_path: Path) -> None:
    root, ours = authority(), self_signed(HOST)
    home = java_home(tmp_path, jks(root))
    found = load_anchors(str(tmp_path / "not yet"), None, home).extended([ours.der])
    assert judge([ours.der], found, HOST).trusted
    assert judge(leaf(root).chain_der, found, HOST).trusted


# Names


@pytest.mark.parametrize(
    ("host", "certificate", "matches"),
    [
        (HOST, self_signed(HOST), True),
        ("MAIL.example.com.", self_signed(HOST), True),
        (HOST, self_signed("other.example.com"), False),
        (HOST, make(HOST), True),
        (HOST, make(HOST, sans=["other.example.com"]), False),
        (HOST, make(HOST, sans=["192.0.2.1"]), True),
        (HOST, self_signed("*.example.com"), True),
        (HOST, self_signed("m[a]il.example.com"), False),
        ("a.b.lab", self_signed("*.lab"), False),
        ("192.0.2.1", self_signed("192.0.2.1"), True),
        ("192.0.2.1", make("192.0.2.1"), False),
        ("2001:db8:0::1", self_signed("2001:db8::1"), True),
        ("mail_server.example.com", self_signed("mail_server.example.com"), False),
    ],
)
def test_identity(host: str, certificate: Certificate, matches: bool) -> None:
    found = verdict(certificate, certificate, host=host)
    assert found.trusted
    assert found.names_match is matches, found.names


def test_names_are_shown() -> None:
    names = verdict(make("common", sans=["192.0.2.1"]), host="x").names
    assert names == ["192.0.2.1", "common"]
    assert verdict(make("common", sans=["a.example.com"]), host="x").names == ["a.example.com"]


def test_name_constraints_for_addresses() -> None:
    import ipaddress

    constraint = x509.NameConstraints([x509.IPAddress(ipaddress.ip_network("192.0.2.0/24"))], None)
    root = authority()
    middle = authority("Constrained", issuer=root, extensions=[(constraint, True)])
    assert verdict(leaf(middle, "a", sans=["192.0.2.7"]), root).trusted
    assert not verdict(leaf(middle, "a", sans=["198.51.100.7"]), root).trusted
    assert not verdict(leaf(middle, "a", sans=["2001:db8::1"]), root).trusted
