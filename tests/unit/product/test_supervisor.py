# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product as a program of supervisord, read from its files."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product import information, supervisor, systemd
from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs

START = "/opt/bitbucket/bin/start-bitbucket.sh"


@pytest.fixture
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(supervisor, "CONFIGURATIONS", (str(tmp_path / "none"), str(tmp_path / "main.conf")))
    monkeypatch.setattr(systemd, "UNIT_PATHS", ())
    monkeypatch.setattr(systemd, "INIT_SCRIPTS", str(tmp_path))
    return tmp_path / "main.conf"


def test_all_that_is_said(main: Path) -> None:
    (main.parent / "d").mkdir()
    main.write_text("[include]\nfiles = d/*.conf nothing/*.conf\n")
    path = main.parent / "d/b.conf"
    path.write_text(
        f"[program:git]\ncommand=/bin/sh -c 'exec {START} -fg' ; as it says\nuser = bitbucket\n"
        'environment = HOME="/x y",BITBUCKET_HOME=/data,\n  JVM_SUPPORT_RECOMMENDED_ARGS=\'-Da=b,c -Dd=%%\',E=""\n'
        "[program:other]\ncommand=/bin/true\n[eventlistener:x]\ncommand=y\n"
    )
    assert supervisor.guess_program() == supervisor.Program(
        "git",
        str(path),
        ["/bin/sh", "-c", f"exec {START} -fg"],
        {
            "HOME": "/x y",
            "BITBUCKET_HOME": "/data",
            "JVM_SUPPORT_RECOMMENDED_ARGS": "-Da=b,c -Dd=%",
            "E": "",
        },
        "bitbucket",
        "git",
    )
    assert supervisor.find_program("git") == supervisor.guess_program()
    assert supervisor.find_program("nothing") is None
    assert systemd.find_service("atlbitbucket") == "git"
    assert systemd.find_service("own") == "own", "only the default is a guess"


def test_by_its_name(main: Path) -> None:
    main.write_text("[program:bitbucket]\ncommand=/srv/run\n[program:web]\ncommand=/srv/web\n")
    program = supervisor.guess_program()
    assert program is not None
    assert (program.name, program.environment, program.user) == ("bitbucket", {}, None)


def test_several(main: Path) -> None:
    main.write_text(f"[program:a]\ncommand={START}\n[program:b]\ncommand={START}\n")
    with pytest.raises(StashMailError, match=r"several programs that could be the product: a, b\. Say by service"):
        supervisor.guess_program()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no section",
        "[program:x]\n",
        '[program:x]\ncommand=a "b\nenvironment=A="b\n',
        "\0\xff",
        "[include]\nfiles=/\n",
    ],
)
def test_what_is_none(main: Path, text: str) -> None:
    main.write_text(text)
    assert supervisor.guess_program() is None


def test_no_supervisord(main: Path) -> None:
    assert supervisor.guess_program() is None


@pytest.mark.parametrize(
    ("text", "process"),
    [
        ("[group:apps]\nprograms = web, git\n", "apps:git"),
        ("[group:git]\nprograms=git\n", "git"),
        ("process_name=%(program_name)s_%(process_num)02d\n", "git:git_00"),
        ("process_name=one\n[group:apps]\nprograms=git", "apps:one"),
    ],
)
def test_what_supervisorctl_calls_it(main: Path, text: str, process: str) -> None:
    main.write_text(f"[program:git]\ncommand={START}\n{text}")
    program = supervisor.guess_program()
    assert program is not None
    assert (program.name, program.process) == ("git", process)
    for name in ("git", process):
        assert supervisor.find_program(name) == program
        service = information._service(name)
        assert service == {"name": process, "exists": True, "manager": "supervisord"}, "what is restarted"


def test_expressions_and_what_all_programs_are_given(main: Path) -> None:
    (main.parent / "conf.d").mkdir()
    main.write_text(
        '[supervisord]\nenvironment = JAVA_OPTS="-Djavax.net.ssl.trustStorePassword=x",A=global,B="%%"\n'
        "[include]\nfiles = %(here)s/conf.d/*.conf\n"
    )
    path = main.parent / "conf.d/b.conf"
    path.write_text(
        "[program:git]\ncommand=%(here)s/bin/start-bitbucket.sh --a=%(ENV_A)s --c=%(ENV_C)s%%\n"
        'environment=A="own",D="%(ENV_A)s %(program_name)s %(host_node_name)s"\n[group:x]\nprograms=git\n'
    )
    program = supervisor.find_program("x:git")
    assert program is not None
    assert program.command == [f"{path.parent}/bin/start-bitbucket.sh", "--a=own", "--c=%(ENV_C)s%"]
    assert program.environment == {
        "JAVA_OPTS": "-Djavax.net.ssl.trustStorePassword=x",
        "A": "own",
        "B": "%",
        "D": "global git %(host_node_name)s",
    }
    assert installs.variables("git") == program.environment
