# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base a truststore starts from, and the files that are never written to."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._truststore import base as base_bundle
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry

from tests.unit.truststore.factory import make

ONE, TWO, THREE = make("One"), make("Two"), make("Three")


def test_each_kind_of_file(tmp_path: Path) -> None:
    entries = [Entry("one", ONE.der), Entry("two", TWO.der)]
    for name, data in {
        "jks": store.write_store(entries, "jks"),
        "pkcs12": store.write_store(entries, "pkcs12"),
        "pem": (ONE.pem + TWO.pem).encode(),
    }.items():
        path = tmp_path / name
        path.write_bytes(data)
        base = base_bundle.load(str(path), "changeit", "test")
        assert (base.path, base.source, base.format) == (str(path), "test", name)
        assert sorted(entry.der for entry in base.entries) == sorted([ONE.der, TWO.der])


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "Root One.pem").write_text(ONE.pem)
    (tmp_path / "two.DER").write_bytes(TWO.der)
    (tmp_path / "all.crt").write_text(ONE.pem + TWO.pem + THREE.pem)
    (tmp_path / "README").write_text("not looked at")
    (tmp_path / "java.pem").mkdir()
    (tmp_path / "link.pem").symlink_to(tmp_path / "Root One.pem")
    base = base_bundle.load(str(tmp_path), "changeit", "test")
    assert base.format == "directory"
    assert sorted(base.entries) == sorted(
        [
            Entry(f"root-one-{ONE.sha256[:8]}", ONE.der),
            Entry(f"two-{TWO.sha256[:8]}", TWO.der),
            Entry(f"all-{THREE.sha256[:8]}", THREE.der),
        ]
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is not there"),
        (b"", "is empty"),
        (b"hello", "neither JKS nor PKCS12"),
        (store.write_store([Entry("a", b"x")], "jks", "other"), "password is wrong"),
        (store.write_store([Entry("a", b"x")], "jks")[:-30], "ends too early|damaged"),
        (store.write_store([Entry("a", b"x" * 99)], "pkcs12")[:-30], "damaged"),
        (store.write_store([], "jks"), "no certificates that a JVM would trust"),
        (store.write_store([], "pkcs12"), "no certificates that a JVM would trust"),
        (b"-----BEGIN CERTIFICATE-----\n", "no end line"),
    ],
)
def test_bad_bases(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "base"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StashMailError, match=message) as caught:
        base_bundle.load(str(path), "changeit", "test")
    assert str(path) in str(caught.value)


def test_bad_folders(tmp_path: Path) -> None:
    with pytest.raises(StashMailError, match="no certificate files"):
        base_bundle.load(str(tmp_path), "changeit", "test")
    (tmp_path / "bad.pem").write_text("nothing")
    with pytest.raises(StashMailError, match=r"bad\.pem holds no certificate"):
        base_bundle.load(str(tmp_path), "changeit", "test")


def test_never_the_jvms_own(tmp_path: Path) -> None:
    security = tmp_path / "jdk" / "lib" / "security"
    security.mkdir(parents=True)
    cacerts = security / "cacerts"
    cacerts.write_bytes(b"")
    link = tmp_path / "link"
    link.symlink_to(cacerts)
    moved = tmp_path / "moved"
    moved.write_bytes(b"")
    for path in (cacerts, security / "jssecacerts", link, Path("/etc/ssl/certs/java/cacerts")):
        with pytest.raises(StashMailError, match="own truststore of a JVM"):
            base_bundle.check_target(str(path), None, None)
    with pytest.raises(StashMailError, match="own truststore of a JVM"):
        base_bundle.check_target(str(moved), None, str(moved))
    with pytest.raises(StashMailError, match="base itself"):
        base_bundle.check_target(str(moved), str(moved), None)
    with pytest.raises(StashMailError, match="is a folder"):
        base_bundle.check_target(str(tmp_path), None, None)
    with pytest.raises(StashMailError, match="not absolute"):
        base_bundle.check_target("cacerts", None, None)
    base_bundle.check_target(str(tmp_path / "cacerts"), str(cacerts), str(cacerts))
