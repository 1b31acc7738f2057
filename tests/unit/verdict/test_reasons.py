# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verdict in plain words, and its warnings."""

from __future__ import annotations

import time

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._verdict.reasons import Look
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mail_server import Certificate, authority, leaf, make, self_signed
from tests.mail_server.certificates import new_key

HOST = "mail.example.com"
NO_PATH = "PKIX path building failed: ...: unable to find valid certification path to requested target"
LATE = "PKIX path validation failed: ...CertPathValidatorException: validity check failed"


def look(server: Certificate, *anchors: Certificate) -> Look:
    return Look(server.chain_der, [anchor.der for anchor in anchors])


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
    warnings = look(server, server).warnings()
    assert any(words in warning for warning in warnings), warnings


def test_an_old_authority_is_warned_of() -> None:
    old = authority("Old Root", days=(-30, -2))
    (warning,) = look(leaf(old, days=(-1, 90)), old).warnings()
    assert warning.startswith("CN=Old Root in the truststore is valid from")


def test_no_warning_without_a_reason() -> None:
    root = authority()
    assert look(leaf(root, days=(-1, 90)), root).warnings() == []


def test_what_a_trusted_chain_leads_to() -> None:
    root = authority("Root")
    server = leaf(authority("Intermediate", issuer=root))
    assert look(server, root).why_trusted() == "the chain leads to CN=Root in the truststore"
    assert look(server, server).why_trusted() == "the server's certificate itself is in the truststore"
    assert look(server, authority("Other")).why_trusted() == "the JVM accepts it"


def refusals() -> list[tuple[Look, str, str]]:
    root = authority("Root")
    server = leaf(authority("Intermediate", issuer=root), HOST)
    alone = Certificate(server.certificate, server.key, [])
    own = self_signed(HOST)
    late = leaf(root, HOST, days=(-30, -2))
    old = authority("Old Root", days=(-30, -2))
    twin = authority("Root", key=new_key())
    return [
        (look(alone, root), NO_PATH, f"the issuer of CN={HOST} is neither in the truststore nor sent by the server"),
        (look(own, root), NO_PATH, f"CN={HOST} is not in the truststore"),
        (look(late, root), LATE, f"CN={HOST} is valid from"),
        (look(late, root), NO_PATH, f"CN={HOST} is valid from"),
        (look(leaf(old, HOST), old), LATE, "only where the server sends its chain whole and in order"),
        (look(leaf(root, HOST), twin), NO_PATH, "only one of the same name is there"),
        (look(own, root), "Extended key usage does not permit use for TLS server authentication", "not made for serv"),
        (look(own, root), 'TrustAnchor with subject "CN=x" is not a CA certificate', "but is none"),
        (look(own, root), "the trustAnchors parameter must be non-empty", "finds no certificate to trust"),
        (look(own, root), "something that no Java of today says", ""),
    ]


@pytest.mark.parametrize(("looked", "error", "words"), refusals())
def test_why_a_chain_is_refused(looked: Look, error: str, words: str) -> None:
    assert words in looked.why_refused(error)
    assert bool(words) == bool(looked.why_refused(error))


def test_a_certificate_that_is_none() -> None:
    found = Look([b"\x30\x03\x02\x01\x00"], [authority().der])
    assert "cannot be read" in found.why_refused(NO_PATH)
    assert (found.leaf, found.names(), found.warnings()) == (None, [], [])


def test_names_are_shown() -> None:
    assert look(make("common", sans=["192.0.2.1"])).names() == ["192.0.2.1", "common"]
    assert look(make("common", sans=["a.example.com"])).names() == ["a.example.com"]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_is_survived(data: st.DataObject) -> None:
    """A certificate with one bit turned over leads to no anchor but itself, and nothing worse happens."""
    server, root = DAMAGED
    position = data.draw(st.integers(0, len(server.der) * 8 - 1))
    broken = bytearray(server.der)
    broken[position // 8] ^= 1 << (position % 8)
    found = Look([bytes(broken)], [root.der])
    assert found.anchor is None
    assert isinstance(found.why_refused(NO_PATH), str)


DAMAGED = (lambda root: (leaf(root), root))(authority())


def test_a_maze_of_cross_signed_authorities_ends() -> None:
    """Names that all issue each other."""
    key = authority().key
    names = [f"Maze {number}" for number in range(12)]
    roots = {name: authority(name, key=key, key_identifiers=False) for name in names}
    maze = [
        authority(name, issuer=roots[other], key=key, key_identifiers=False)
        for name in names
        for other in names
        if name != other
    ]
    server = leaf(roots[names[0]], key_identifiers=False)
    started = time.monotonic()
    found = Look([server.der, *(item.der for item in maze)], [authority("Elsewhere").der])
    assert found.anchor is None
    assert time.monotonic() - started < 20
