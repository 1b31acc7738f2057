# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installation, Java, home and account, found in trees as the product's installer and operators leave them."""

from __future__ import annotations

import os
import pwd
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs
from ansible_collections.stashops.mail.plugins.module_utils._product import jvm_plan, systemd
from ansible_collections.stashops.mail.plugins.module_utils._product.mail_library import find_javamail


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of our own: no unit, no usual folders and no java but those that a test makes."""
    (tmp_path / "units").mkdir()
    monkeypatch.setattr(systemd, "UNIT_PATHS", (str(tmp_path / "units"),))
    monkeypatch.setattr(installs, "INSTALL_ROOTS", (str(tmp_path / "opt"),))
    monkeypatch.setattr(installs, "HOMES", {"bitbucket": "/nowhere", "stash": "/nowhere"})
    monkeypatch.setattr(installs, "find_process", lambda *_: None)
    monkeypatch.setenv("PATH", "/usr/bin/nothing-here")


def make_java(path: Path, version: str = "17.0.9", bundle: str = "cacerts") -> Path:
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "java").touch(0o755)
    (path / "lib" / "security").mkdir(parents=True)
    (path / "lib" / "security" / bundle).touch()
    (path / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return path


def make_install(path: Path, layout: str = "start_webapp", product: str = "bitbucket", **scripts: str) -> Path:
    (path / "bin").mkdir(parents=True)
    own = "_start-webapp.sh" if layout == "start_webapp" else "setenv.sh"
    for name in (own, f"start-{product}.sh", f"stop-{product}.sh"):
        (path / "bin" / name).write_text("#!/bin/sh\n")
    for name, text in scripts.items():
        (path / "bin" / f"{name.replace('__', '-')}.sh").write_text(text)
    return path


def write_unit(tmp_path: Path, text: str) -> None:
    (tmp_path / "units" / "b.service").write_text("[Service]\n" + text)


@pytest.mark.parametrize(
    ("layout", "product", "version"),
    [("start_webapp", "bitbucket", "9.4.2"), ("setenv", "bitbucket", "4.14.1"), ("setenv", "stash", "3.11.2")],
)
def test_given(tmp_path: Path, layout: str, product: str, version: str) -> None:
    folder = make_install(tmp_path / version, layout, product)
    install = installs.find_install(str(folder))
    assert install is not None
    assert (install.layout, install.product, install.version) == (layout, product, version)
    assert install.arguments_file.startswith(str(folder))
    assert installs.find_scripts(install) == {
        "start": f"{folder}/bin/start-{product}.sh",
        "stop": f"{folder}/bin/stop-{product}.sh",
    }


def test_a_given_folder_without_the_product_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StashMailError, match="holds no Stash or Bitbucket"):
        installs.find_install(str(tmp_path))


def test_found_by_the_unit(tmp_path: Path) -> None:
    folder = make_install(tmp_path / "srv" / "9.0.1")
    make_install(tmp_path / "opt" / "9.4.2")
    write_unit(tmp_path, f'ExecStart=-"{folder}/bin/start-bitbucket.sh" --no-search\n')
    install = installs.find_install(None, "b")
    assert install is not None
    assert install.path == str(folder)


def test_the_newest_of_the_usual_folders(tmp_path: Path) -> None:
    assert installs.find_install() is None
    for version in ("8.9.9", "8.19.0", "8.9.10"):
        make_install(tmp_path / "opt" / version)
    install = installs.find_install()
    assert install is not None
    assert install.version == "8.19.0"
    (tmp_path / "opt" / "current").symlink_to("8.9.10")
    install = installs.find_install()
    assert install is not None
    assert install.version == "8.9.10", "a link named current says which one is used"


def test_the_build_record_knows_the_version_better_than_the_folder(tmp_path: Path) -> None:
    folder = make_install(tmp_path / "current")
    record = folder / "app" / "META-INF" / "maven" / "com.atlassian.bitbucket.server" / "bitbucket-webapp"
    record.mkdir(parents=True)
    (record / "pom.properties").write_text("#Created by Maven\ngroupId=x\nversion=8.19.3\n")
    install = installs.read_install(str(folder))
    assert install is not None
    assert install.version == "8.19.3"


def test_java_as_given(tmp_path: Path) -> None:
    home = make_java(tmp_path / "java")
    java = installs.find_java(java_home=str(home))
    assert (java.home.path, java.source, java.home.version) == (str(home), "option java_home", "17.0.9")
    assert java.home.cacerts() == f"{home}/lib/security/cacerts"
    with pytest.raises(StashMailError, match="holds no Java"):
        installs.find_java(java_home=str(tmp_path))


def test_java_of_a_start_script_comes_first(tmp_path: Path) -> None:
    home = make_java(tmp_path / "j 17")
    make_java(tmp_path / "9.4.2" / "jre")
    folder = make_install(tmp_path / "9.4.2", set__jre__home=f"#JRE_HOME=/no\nexport JRE_HOME='{home}' # why\n")
    java = installs.find_java(str(folder))
    assert (java.home.path, java.source) == (str(home), f"JRE_HOME in {folder}/bin/set-jre-home.sh")


def test_the_environment_beats_a_default_but_not_a_setting(tmp_path: Path) -> None:
    by_script, by_unit = make_java(tmp_path / "script"), make_java(tmp_path / "unit")
    write_unit(tmp_path, f"Environment=JRE_HOME={by_unit}\n")
    setting = make_install(tmp_path / "1.0", set__jre__home=f'JRE_HOME="{by_script}"\n')
    default = make_install(tmp_path / "2.0", set__jre__home=f'if [ -z "$JRE_HOME" ]; then\n JRE_HOME={by_script}\nfi\n')
    expansion = make_install(tmp_path / "3.0", set__jre__home=f'JRE_HOME="${{JRE_HOME:-{by_script}}}"\n')
    for folder, home in ((setting, by_script), (default, by_unit), (expansion, by_unit)):
        assert installs.find_java(str(folder), service="b").home.path == str(home)
        assert installs.find_java(str(folder)).home.path == str(by_script), "without the unit"


def test_an_environment_file_of_the_unit(tmp_path: Path) -> None:
    home = make_java(tmp_path / "java")
    (tmp_path / "env").write_text(f'JAVA_HOME="{home}"\n')
    write_unit(tmp_path, f"EnvironmentFile={tmp_path}/env\n")
    folder = make_install(tmp_path / "9.4.2")
    assert installs.find_java(str(folder), service="b").source == f"JAVA_HOME in {tmp_path}/env"


@pytest.mark.parametrize("value", ['"$BIN_DIR/../jre"', '$(dirname "$0")/../jre', "${INST_DIR}/jre"])
def test_what_a_script_computes_from_its_own_place(tmp_path: Path, value: str) -> None:
    make_java(tmp_path / "9.4.2" / "jre")
    folder = make_install(tmp_path / "9.4.2", set__jre__home=f"JRE_HOME={value}\n")
    assert installs.find_java(str(folder)).home.path == f"{folder}/jre"


def test_a_wrong_folder_in_a_script_is_passed_over_for_the_bundled_java(tmp_path: Path) -> None:
    folder = make_install(tmp_path / "9.4.2", set__jre__home="JRE_HOME=/gone\nJAVA_HOME=$SOMETHING\n")
    make_java(folder / "jre", bundle="jssecacerts")
    java = installs.find_java(str(folder))
    assert (java.home.path, java.source) == (f"{folder}/jre", "bundled jre")
    assert java.home.cacerts() == f"{folder}/jre/lib/security/jssecacerts"


def test_java_8_keeps_its_bundle_in_jre(tmp_path: Path) -> None:
    make_java(tmp_path / "jdk8" / "jre")
    java = installs.find_java(java_home=str(tmp_path / "jdk8"))
    assert java.home.cacerts() == f"{tmp_path}/jdk8/jre/lib/security/cacerts"


def test_java_on_the_path_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_install(tmp_path / "9.4.2")
    with pytest.raises(StashMailError, match="No Java was found"):
        installs.find_java(str(folder))
    home = make_java(tmp_path / "usr")
    monkeypatch.setenv("PATH", str(home / "bin"))
    assert installs.find_java(str(folder)).home.path == str(home)


def test_home_and_account(tmp_path: Path) -> None:
    folder = make_install(
        tmp_path / "9.4.2",
        set__bitbucket__home='if [ -z "$BITBUCKET_HOME" ]; then\n  BITBUCKET_HOME="/data/script"\nfi\n',
        set__bitbucket__user='BITBUCKET_USER="bb"\n',
    )
    install = installs.read_install(str(folder))
    assert installs.find_home("/given", install, None, None) == "/given"
    assert installs.find_home(None, install, None, None) == "/data/script"
    assert installs.find_user(install, None, None) == "bb"
    write_unit(tmp_path, "User=unituser\nEnvironment=BITBUCKET_HOME=/data/unit\n")
    assert installs.find_home(None, install, "b", None) == "/data/unit"
    assert installs.find_user(install, "b", None) == "unituser"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other accounts")
@pytest.mark.parametrize(("named", "found"), [("root", None), ("nobody", None), ("daemon", "daemon")])
def test_a_script_of_an_account_names_no_other_one(tmp_path: Path, named: str, found: str | None) -> None:
    """Root would run the start script as whoever is named there."""
    folder = make_install(tmp_path / "9.4.2", set__bitbucket__user=f"BITBUCKET_USER={named}\n")
    daemon = pwd.getpwnam("daemon").pw_uid
    os.chown(folder / "bin/set-bitbucket-user.sh", daemon, daemon)
    assert installs.find_user(installs.read_install(str(folder)), None, None) == found


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other accounts")
@pytest.mark.parametrize("way", ["link", "folder", "swapped folder"])
def test_a_script_of_roots_that_an_account_leads_to(tmp_path: Path, way: str) -> None:
    """As the one of another product, whose account root would run the start script as."""
    folder = make_install(tmp_path / "9.4.2", set__bitbucket__user="BITBUCKET_USER=nobody\n")
    daemon = pwd.getpwnam("daemon").pw_uid
    script = folder / "bin/set-bitbucket-user.sh"
    assert installs.find_user(installs.read_install(str(folder)), None, None) == "nobody"
    if way == "link":
        script.rename(tmp_path / "others.sh")
        script.symlink_to(tmp_path / "others.sh")
        os.chown(script, daemon, daemon, follow_symlinks=False)
    elif way == "folder":
        os.chown(script.parent, daemon, daemon)
    else:
        os.chown(folder, daemon, daemon)
    assert installs.find_user(installs.read_install(str(folder)), None, None) is None


@pytest.mark.parametrize(
    ("jar", "manifest", "expected"),
    [
        ("javax.mail-1.6.2.jar", None, ("1.6.2", False)),
        ("angus-mail-2.0.3.jar", None, ("2.0.3", True)),
        ("angus-mail-1.0.0.jar", None, ("1.0.0", False)),
        ("javax.mail.jar", "Implementation-Version: 1.6.5\n", ("1.6.5", False)),
        ("angus-mail.jar", None, (None, None)),
    ],
)
def test_the_mail_library(tmp_path: Path, jar: str, manifest: str | None, expected: tuple[str, bool]) -> None:
    folder = make_install(tmp_path / "9.4.2")
    libraries = folder / "app" / "WEB-INF" / "lib"
    libraries.mkdir(parents=True)
    (libraries / "mail-plugin.txt").touch()
    (libraries / "atlassian-mail-queue-1.0.jar").touch()
    with zipfile.ZipFile(libraries / jar, "w") as archive:
        if manifest:
            archive.writestr("META-INF/MANIFEST.MF", manifest)
    found = find_javamail(installs.read_install(str(folder)))
    assert found is not None
    assert (found["version"], found["checks_identity"]) == expected


def noting(read: list[str]) -> Callable[[str], str]:
    """A reader of empty files that notes which ones."""

    def reader(path: str) -> str:
        read.append(path)
        return ""

    return reader


@pytest.mark.parametrize(
    "record", ["META-INF/maven/com.atlassian.x/y/pom.properties", "WEB-INF/classes/build.properties"]
)
def test_records_made_to_hold_us_up(tmp_path: Path, record: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_install(tmp_path / "current")
    (folder / "app" / record).parent.mkdir(parents=True)
    (folder / "app" / record).write_text("#\n")
    for number in range(100):
        (folder / f"link{number}").symlink_to("app")
    read: list[str] = []
    monkeypatch.setattr(installs, "read_text", noting(read))
    install = installs.read_install(str(folder))
    assert install is not None
    assert install.version is None
    assert 0 < len(read) <= 20


def test_scripts_made_to_hold_us_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_install(tmp_path / "9.4.2")
    for number in range(1000):
        (folder / "bin" / f"set-{number}.sh").touch()
    read: list[str] = []
    monkeypatch.setattr(installs, "read_text", noting(read))
    assert jvm_plan._set_on_the_way(installs.read_install(str(folder))) == ""
    assert 0 < len(read) < 100


def test_candidates_made_to_hold_us_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "opt").mkdir()
    for number in range(1000):
        (tmp_path / "opt" / str(number)).mkdir()
    looked: list[str] = []
    monkeypatch.setattr(installs, "read_install", looked.append)
    assert installs.find_install() is None
    assert 0 < len(looked) <= 100
    assert looked[1] == f"{tmp_path}/opt/999", "the newest first"
