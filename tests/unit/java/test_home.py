# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Java's folder: JDK and JRE, old and new, and folders that somebody has prepared against us."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._java.home import JavaHome


def make(folder: Path, *files: str, release: str = "") -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch(0o755)
    if release:
        (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{release}"\n')
    return folder


NEW = ("bin/java", "bin/keytool", "lib/libjava.so", "lib/security/cacerts", "conf/security/java.security")
OLD_JRE = ("bin/java", "bin/keytool", "lib/amd64/libjava.so", "lib/rt.jar", "lib/security/cacerts")


def test_a_java_of_today(tmp_path: Path) -> None:
    java = JavaHome(f"{make(tmp_path / 'java', *NEW, release='17.0.9')}/")
    assert (java.java, java.keytool) == (f"{tmp_path}/java/bin/java", f"{tmp_path}/java/bin/keytool")
    assert (java.version, java.major) == ("17.0.9", 17)
    assert java.cacerts() == f"{tmp_path}/java/lib/security/cacerts"
    assert java.security_file == f"{tmp_path}/java/conf/security/java.security"


def test_a_version_that_is_too_long_for_a_number(tmp_path: Path) -> None:
    assert JavaHome(str(make(tmp_path / "java", *NEW, release="1" * 5000))).major > 0


def test_a_jdk_8_by_either_of_its_folders(tmp_path: Path) -> None:
    jdk = make(tmp_path / "jdk", "bin/java", "bin/keytool", release="1.8.0_402")
    make(jdk / "jre", *OLD_JRE[:1], *OLD_JRE[2:], "lib/security/java.security")
    for path in (jdk, jdk / "jre"):
        java = JavaHome(str(path))
        assert (java.version, java.major) == ("1.8.0_402", 8)
        assert java.cacerts() == f"{jdk}/jre/lib/security/cacerts"
        assert java.security_file == f"{jdk}/jre/lib/security/java.security"
        assert java.keytool == f"{jdk}/bin/keytool"


def test_a_bundle_where_the_jvm_does_not_look(tmp_path: Path) -> None:
    """java.home of a JDK 8 is its jre, whatever lies in the lib folder beside that."""
    jdk = make(tmp_path / "jdk", "bin/java", "lib/security/jssecacerts", "lib/security/cacerts")
    make(jdk / "jre", *OLD_JRE)
    assert JavaHome(str(jdk)).cacerts() == f"{jdk}/jre/lib/security/cacerts"


def test_jssecacerts_comes_first_where_no_truststore_is_set(tmp_path: Path) -> None:
    java = JavaHome(str(make(tmp_path / "java", *NEW, "lib/security/jssecacerts")))
    assert java.cacerts() == f"{tmp_path}/java/lib/security/jssecacerts"
    assert java.cacerts(with_jssecacerts=False) == f"{tmp_path}/java/lib/security/cacerts"


def test_nothing_there(tmp_path: Path) -> None:
    java = JavaHome(str(tmp_path))
    assert (java.java, java.keytool, java.version, java.major) == ("", "", "", 0)
    assert (java.cacerts(), java.security_file) == ("", "")


def test_a_java_8_without_a_release_file(tmp_path: Path) -> None:
    assert JavaHome(str(make(tmp_path / "jre", *OLD_JRE))).major == 8


def test_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert JavaHome.on_path() is None
    make(tmp_path / "java", *NEW)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(tmp_path / "java" / "bin" / "java")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    found = JavaHome.on_path()
    assert found is not None
    assert found.path == str(tmp_path / "java")


@pytest.mark.parametrize("kind", ["fifo", "endless", "sparse", "folder"])
def test_a_release_that_would_stall_us(tmp_path: Path, kind: str) -> None:
    home = make(tmp_path / "java", *NEW)
    release = home / "release"
    if kind == "fifo":
        os.mkfifo(release)
    elif kind == "endless":
        release.symlink_to("/dev/zero")
    elif kind == "sparse":
        with release.open("wb") as stream:
            stream.truncate(20 * 1024**3)
    else:
        release.mkdir()
    assert JavaHome(str(home)).version == ""
