# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module stash_mail_properties, run whole in this process on files and processes of our own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.modules import stash_mail_properties

from tests.ansible_module import patch_module_args

BEFORE = "# The product's own\r\nserver.port=7990\r\nmail.threads : 1\r\njdbc.password=s3cret-word\r\n"

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / "shared").mkdir(parents=True)
    return folder


@pytest.fixture
def file(home: Path) -> Path:
    path = home / "shared" / "bitbucket.properties"
    path.write_bytes(BEFORE.encode())
    path.chmod(0o604)
    return path


@pytest.fixture
def install(tmp_path: Path) -> Path:
    folder = tmp_path / "9.4.2"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "_start-webapp.sh").write_text("#!/bin/sh\n")
    return folder


@pytest.fixture
def run(home: Path, install: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(properties: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {
            "properties": properties,
            "home": str(home),
            "install_dir": str(install),
            "service": "",
            **options,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            stash_mail_properties.main()
        output = capsys.readouterr().out
        for secret in ("s3cret", "an0ther"):
            assert secret not in output
        result: dict[str, Any] = json.loads(output)
        return result

    return call


@contextlib.contextmanager
def product(install: Path) -> Iterator[None]:
    command = ["java", "-c", "print(1, flush=True); import time; time.sleep(60)", f"-Dbitbucket.install={install}"]
    with subprocess.Popen(command, executable=sys.executable, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def test_ours_are_set_and_the_rest_stays(run: Run, file: Path) -> None:
    wanted = {"mail.threads": 2, "mail.log": True, "server.port": "7990", "x.ratio": 0.5}
    checked = run(wanted, check=True)
    assert file.read_bytes() == BEFORE.encode()
    result = run(wanted)
    after = BEFORE.replace("threads : 1", "threads : 2") + "mail.log=true\r\nx.ratio=0.5\r\n"
    assert file.read_bytes() == after.encode()
    assert (result["changed"], result["path"]) == (True, str(file))
    assert result["keys"] == ["mail.threads", "mail.log", "x.ratio"]
    for name in ("changed", "path", "keys", "restart_needed", "diff"):
        assert checked[name] == result[name]
    assert result["diff"]["before"] == "mail.threads=1\n"
    assert result["diff"]["after"] == "mail.threads=2\nmail.log=true\nx.ratio=0.5\n"
    assert file.stat().st_mode & 0o777 == 0o604
    again = run(wanted)
    assert (again["changed"], again["keys"], again["diff"]["after"]) == (False, [], "")


def test_taken_out_by_an_empty_value_or_by_state(run: Run, file: Path) -> None:
    assert run({"mail.threads": None, "not.there": None})["keys"] == ["mail.threads"]
    assert b"mail.threads" not in file.read_bytes()
    assert run({"server.port": "any", "not.there": 1}, state="absent")["keys"] == ["server.port"]
    assert file.read_bytes() == b"# The product's own\r\njdbc.password=s3cret-word\r\n"
    assert run({"server.port": "any"}, state="absent")["changed"] is False


def test_secrets_are_masked(run: Run, file: Path) -> None:
    result = run({"jdbc.password": "an0ther-word", "plugin.TOKEN": "an0ther"})
    assert b"jdbc.password=an0ther-word\r\n" in file.read_bytes()
    assert result["diff"]["before"] == "jdbc.password=********\n"
    assert result["diff"]["after"] == "jdbc.password=<different-secret>\nplugin.TOKEN=<different-secret>\n"
    assert result["invocation"]["module_args"]["properties"] == {
        "jdbc.password": "********",
        "plugin.TOKEN": "********",
    }
    assert "blank" in run({"jdbc.password": "an0ther-word", "b c": "1"})["msg"]


def test_restart_by_state(run: Run, file: Path, install: Path) -> None:
    assert run({"mail.threads": 1})["restart_needed"] is False, "nothing runs, nothing changed"
    assert run({"mail.threads": 2})["restart_needed"] is True
    time.sleep(0.05)  # The kernel counts a process's start in hundredths of a second.
    with product(install):
        assert run({"mail.threads": 2})["restart_needed"] is False, "it started behind it"
        assert run({"mail.threads": 3}, check=True)["restart_needed"] is True
        assert run({"mail.threads": 2})["restart_needed"] is False
        time.sleep(0.05)
        assert run({"mail.threads": 3})["restart_needed"] is True
        assert run({"mail.threads": 3})["restart_needed"] is True, "until it has been restarted"
    time.sleep(0.05)
    with product(install):
        assert run({"mail.threads": 3})["restart_needed"] is False


def test_a_new_file_is_its_folders(run: Run, home: Path) -> None:
    path = home / "shared" / "bitbucket.properties"
    if os.geteuid() == 0:
        os.chown(path.parent, 2003, 2003)
    assert run({"a": 1}, check=True)["changed"] is True
    assert not path.exists()
    assert run({"a": 1})["changed"] is True
    assert path.read_text() == "a=1\n"
    new, folder = path.stat(), path.parent.stat()
    assert (new.st_mode & 0o777, new.st_uid, new.st_gid) == (0o640, folder.st_uid, folder.st_gid)


def test_stash_has_its_own_file(run: Run, home: Path, tmp_path: Path) -> None:
    stash = tmp_path / "3.6.1"
    (stash / "bin").mkdir(parents=True)
    for name in ("setenv.sh", "start-stash.sh"):
        (stash / "bin" / name).write_text("#!/bin/sh\n")
    assert run({"a": 1}, install_dir=str(stash))["path"] == str(home / "shared" / "stash-config.properties")


def test_a_shared_home_elsewhere(run: Run, install: Path, tmp_path: Path) -> None:
    shared = tmp_path / "nfs"
    shared.mkdir()
    (install / "bin" / "set-bitbucket-home.sh").write_text(f'BITBUCKET_SHARED_HOME="{shared}"\n')
    assert run({"a": 1})["path"] == str(shared / "bitbucket.properties")


def test_backup(run: Run, file: Path) -> None:
    result = run({"mail.threads": 2}, backup=True)
    assert Path(result["backup_file"]).read_bytes() == BEFORE.encode()
    assert "backup_file" not in run({"mail.threads": 2}, backup=True)


@pytest.mark.parametrize(
    ("properties", "options", "message"),
    [
        ({"": "1"}, {}, "is no name of a property"),
        ({"a b": "1"}, {}, "is no name of a property"),
        ({"a": ["1"]}, {}, "a is a list: give a text"),
        ({"a": "1"}, {"home": "/nowhere"}, "is not there: the product makes it"),
        ({"a": "1"}, {"path": "/nowhere/x.properties"}, "is not there"),
    ],
)
def test_bad_input(run: Run, file: Path, properties: dict[str, Any], options: dict[str, Any], message: str) -> None:
    result = run(properties, **options)
    assert result["failed"] is True
    assert message in result["msg"]
    assert file.read_bytes() == BEFORE.encode()


def test_a_file_that_java_refuses_is_left_alone(run: Run, file: Path) -> None:
    file.write_bytes(b"path=C:\\users\n")
    assert "cannot read such a file either" in run({"a": "1"})["msg"]
    assert file.read_bytes() == b"path=C:\\users\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other accounts")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_of_the_products_account_is_not_written_through(run: Run, home: Path, tmp_path: Path, what: str) -> None:
    """It appended to root's crontab."""
    of_root = tmp_path / "of_root"
    of_root.mkdir()
    crontab = of_root / "bitbucket.properties"
    crontab.write_text("# precious\n")
    link = home / "shared"
    if what == "folder":
        link.rmdir()
        link.symlink_to(of_root)
    else:
        os.chown(link, 12345, 12345)
        link /= "bitbucket.properties"
        link.symlink_to(crontab)
    for path in (home, link):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    for check in (True, False):
        result = run({"mail.threads": "* * * * * root sh"}, check=check)
        assert "symbolic link of the account 12345 led there" in result["msg"]
        assert "precious" not in json.dumps(result)
    assert [(path.name, path.read_text()) for path in of_root.iterdir()] == [(crontab.name, "# precious\n")]
