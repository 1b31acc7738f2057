# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates a JVM trusts, as far as that is known without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store
from ansible_collections.stashops.mail.plugins.module_utils._verdict.anchors import load_anchors, read_anchors

from tests.mail_server import Certificate, authority, self_signed

HOST = "mail.example.com"


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


def test_of_equal_aliases_the_last_wins(tmp_path: Path) -> None:
    first, second = authority("First"), authority("Second")
    path = tmp_path / "cacerts"
    path.write_bytes(write_store([Entry("same", first.der), Entry("same", second.der)], "jks"))
    assert load_anchors(str(path), None, None).certificates == [second.der]


def test_anchors_that_are_not_written_yet(tmp_path: Path) -> None:
    root, ours = authority(), self_signed(HOST)
    home = java_home(tmp_path, jks(root))
    found = load_anchors(str(tmp_path / "not yet"), None, home).extended([ours.der])
    assert found.certificates == [root.der, ours.der]


def test_a_file_that_is_in_memory() -> None:
    root = authority()
    found = read_anchors(jks(root), None, "/not/there", "planned")
    assert (found.certificates, found.source, found.data) == ([root.der], "/not/there", jks(root))
