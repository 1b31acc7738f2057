# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a JVM's ``java.security`` switches off, and the model with that."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._verdict import algorithms
from ansible_collections.stashops.mail.plugins.module_utils._verdict.algorithms import DEFAULT, KeySize, read_limits
from ansible_collections.stashops.mail.plugins.module_utils._verdict.model import Anchors, judge
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mail_server import authority, leaf

HOST = "mail.example.com"
AS_SHIPPED = r"""
# a comment
jdk.certpath.disabledAlgorithms=MD2, MD5, SHA1 jdkCA & usage TLSServer, \
    RSA keySize < 1024, DSA keySize < 1024, EC keySize < 224, \
    SHA1 usage SignedJAR & denyAfter 2019-01-01
jdk.tls.disabledAlgorithms=SSLv3, TLSv1, MD5withRSA, DH keySize < 1024, TLS_RSA_*, \
    rsa_pkcs1_sha1 usage HandshakeSignature
"""


def java_home(folder: Path, text: str, parts: str = "conf/security", version: str = "17.0.13") -> str:
    path = folder / "java" / parts / "java.security"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    (folder / "java/release").write_text(f'JAVA_VERSION="{version}"\n')
    return str(folder / "java")


def disabled(text: str) -> str:
    return f"jdk.certpath.disabledAlgorithms={text}\n"


@pytest.mark.parametrize("parts", ["conf/security", "lib/security", "jre/lib/security"])
def test_as_shipped(parts: str, tmp_path: Path) -> None:
    limits = read_limits(java_home(tmp_path, AS_SHIPPED, parts))
    assert {"MD2", "MD5", "MD5WITHRSA", "TLS_RSA_*"} <= limits.names
    assert not {"SHA1", "RSA", "DH", "RSA_PKCS1_SHA1"} & limits.names
    assert KeySize("RSA", "<", 1024) in limits.key_sizes
    assert limits.source.endswith("java.security")
    assert limits.refuses_suite("TLS_RSA_WITH_AES_128_GCM_SHA256")
    assert not limits.refuses_suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")


def test_no_java(tmp_path: Path) -> None:
    assert read_limits(None) == read_limits(str(tmp_path)) == DEFAULT


@pytest.mark.parametrize(
    ("version", "sha224", "unicode_names"), [("1.8.0_402", True, False), ("11.0.2", True, True), ("25", False, True)]
)
def test_what_differs_by_version(version: str, sha224: bool, unicode_names: bool, tmp_path: Path) -> None:
    limits = read_limits(java_home(tmp_path, AS_SHIPPED, version=version))
    assert (limits.sha224, limits.unicode_names) == (sha224, unicode_names)


@pytest.mark.parametrize(
    ("text", "trusted"),
    [
        ("MD5", True),
        ("SHA1", False),
        ("SHA-1", False),
        ("SHA1withRSA", False),
        ("SHA1withECDSA", True),
        ("SHA1 usage TLSServer", False),
        ("SHA1 usage TLSClient", True),
        ("SHA1 jdkCA & usage TLSServer", True),
        ("SHA1 denyAfter 2019-01-01", False),
        ("SHA1 denyAfter 2999-01-01", True),
        ("RSA keySize < 2048", True),
        ("RSA keySize <= 2048", False),
        ("RSA keySize < 3072 & usage TLSServer", False),
        ("RSA keySize < 3072 & usage SignedJAR", True),
        ("EC keySize < 3072", True),
        ("RSA", False),
        ("nonsense keySize < x, , & ,", True),
    ],
)
def test_the_model_follows(text: str, trusted: bool, tmp_path: Path) -> None:
    found = judge(
        LEAF.chain_der,
        Anchors([ROOT.der], "store", "given"),
        HOST,
        limits=read_limits(java_home(tmp_path, disabled(text))),
    )
    assert found.trusted is trusted, found.reason
    assert trusted or "Algorithm constraints check failed" in found.log


ROOT = authority(key_kind="rsa-2048")
LEAF = leaf(ROOT, key_kind="rsa-2048", weak_hash="sha1")


def test_key_exchange_that_is_off(tmp_path: Path) -> None:
    limits = read_limits(java_home(tmp_path, AS_SHIPPED))
    server = leaf(ROOT, key_kind="rsa-2048")
    found = judge(server.chain_der, Anchors([ROOT.der], "s", "g"), HOST, "AES128-GCM-SHA256", limits=limits)
    assert not found.trusted
    assert found.code == "tls_protocol"
    assert "handshake_failure" in found.log


def test_system_policy_and_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "java.config"
    policy.write_text(disabled("SHA1"))
    monkeypatch.setattr(algorithms, "_SYSTEM_POLICY", str(policy))
    assert "SHA1" not in read_limits(java_home(tmp_path, disabled("MD5"))).names
    home = java_home(tmp_path, "security.useSystemPropertiesFile=true\n" + disabled("MD5"))
    assert read_limits(home).names == {"SHA1"}
    own = tmp_path / "own.security"
    own.write_text("jdk.tls.disabledAlgorithms=SHA384\n")
    assert read_limits(home, [f"-Djava.security.properties={own}"]).names == {"SHA1", "SHA384"}
    assert read_limits(home, [f"-Djava.security.properties=={own}"]).names == {"SHA384"}
    assert read_limits(home, ["-Djava.security.properties=/missing"]).names == {"SHA1"}
    off = java_home(tmp_path, "security.overridePropertiesFile=false\n" + disabled("MD5"))
    assert read_limits(off, [f"-Djava.security.properties={own}"]).names == {"MD5"}


def test_included_files(tmp_path: Path) -> None:
    home = java_home(tmp_path, disabled("MD5") + "include more.security\n")
    (tmp_path / "java/conf/security/more.security").write_text(disabled("SHA1"))
    assert read_limits(home).names == {"SHA1"}
    (tmp_path / "java/conf/security/more.security").write_text("include java.security\n")
    assert read_limits(home).names == DEFAULT.names  # in a circle: the JVM would not start either


@settings(max_examples=100, deadline=None)
@given(text=st.text(alphabet="MDSHA15RSAkeySize <>=&,\\\n usage", max_size=80))
def test_any_text_is_survived(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    limits = read_limits(java_home(tmp_path_factory.getbasetemp(), disabled(text)))
    assert isinstance(limits.key_problem("RSA", 2048), str)
