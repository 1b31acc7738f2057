# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's unit and drop-ins, read as systemd reads them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._product import systemd
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Two unit folders, the first before the second."""
    for name in ("etc", "lib"):
        (tmp_path / name).mkdir()
    return [str(tmp_path / "etc"), str(tmp_path / "lib")]


def write(folder: str, name: str, text: str) -> str:
    path = Path(folder, name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return str(path)


def find(folders: list[str], without: tuple[str, ...] = ()) -> systemd.Unit:
    unit = systemd.find_unit("b", without, folders)
    assert unit is not None
    return unit


def test_no_unit(folders: list[str]) -> None:
    assert systemd.find_unit("b", (), folders) is None


def test_the_first_folder_wins_and_drop_ins_come_by_name(folders: list[str]) -> None:
    write(folders[1], "b.service", "[Service]\nEnvironment=A=lib\nUser=wrong\n")
    write(
        folders[0], "b.service", "[Service]\nEnvironment=A=unit B=unit\nUser=bitbucket\nExecStart=/opt/b/bin/start.sh\n"
    )
    write(folders[1], "b.service.d/10.conf", "[Service]\nEnvironment=A=masked\n")
    write(folders[0], "b.service.d/10.conf", "[Service]\nEnvironment=A=ten\n")
    last = write(folders[1], "b.service.d/20.conf", "[Service]\nEnvironment=A=twenty\n")
    unit = find(folders)
    assert unit.path == f"{folders[0]}/b.service"
    assert {name: setting.value for name, setting in unit.environment.items()} == {"A": "twenty", "B": "unit"}
    assert unit.environment["A"].path == last
    assert (unit.user, unit.commands) == ("bitbucket", ["/opt/b/bin/start.sh"])
    assert find(folders, (last,)).environment["A"].value == "ten"
    assert find(folders, (last,)).drop_ins[-1] == last, "it is left out of the reading, not out of the order"


def test_an_empty_setting_resets(folders: list[str]) -> None:
    write(folders[0], "b.service", "[Service]\nEnvironment=A=1\nExecStart=/a\nEnvironmentFile=/nothing\n")
    write(folders[0], "b.service.d/1.conf", "[Service]\nEnvironment=\nEnvironment=B=2\nExecStart=\nExecStart=/b\n")
    unit = find(folders)
    assert list(unit.environment) == ["B"]
    assert unit.commands == ["/b"]


def test_continued_lines_comments_and_sections(folders: list[str]) -> None:
    text = (
        "[Unit]\nEnvironment=NO=1\n[Service]\n; comment\n"
        "Environment=\"A=-Xa \\\n# in between\n  -Xb\" 'C=c c'\\\n D=d\n"
    )
    write(folders[0], "b.service", text)
    values = {name: setting.value.split() for name, setting in find(folders).environment.items()}
    assert values == {"A": ["-Xa", "-Xb"], "C": ["c", "c"], "D": ["d"]}


@pytest.mark.parametrize("line", ["JVM_ARGS=x", "export JVM_ARGS='x'", "  JVM_ARGS = x"])
def test_an_environment_file_that_sets_the_variable(folders: list[str], tmp_path: Path, line: str) -> None:
    (tmp_path / "env").write_text(f"# JVM_ARGS=no\n{line}\n")
    (tmp_path / "other").write_text("JVM_ARGS_TOO=x\n")
    write(folders[0], "b.service", f"[Service]\nEnvironmentFile=-{tmp_path}/env\nEnvironmentFile={tmp_path}/other\n")
    assert find(folders).from_environment_file("JVM_ARGS") == str(tmp_path / "env")
    assert find(folders).from_environment_file("OTHER") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A=1 B=2", ["A=1", "B=2"]),
        ("\"A=1 2\" 'B=3 4'", ["A=1 2", "B=3 4"]),
        (r'"A=\"q\" \\ \x41 \101 B\tt\u00e4"', ['A="q" \\ A A B\ttä']),
        (r"A=\s\"", ['A= "']),
        ('""', [""]),
        ("", []),
        ("A=%h/%%", ["A=%h/%%"]),
        ("A=trailing\\", ["A=trailing\\"]),
    ],
)
def test_splitting(text: str, words: list[str]) -> None:
    assert systemd.split_words(text) == words


@given(st.text())
def test_splitting_takes_anything(text: str) -> None:
    assert all(isinstance(word, str) for word in systemd.split_words(text))


SAYS = """#!/bin/sh
case "$*" in
*show-environment*) printf '%s\\n' "LANG=C" "JVM_ARGS=\\$'-Xa -Db=\\\\'%h\\\\''" ;;
*) printf '%s\\n' "LoadState=loaded" "FragmentPath=@FOLDER@/elsewhere" "DropInPaths=@FOLDER@/z.conf @FOLDER@/a.conf" \\
    "NeedDaemonReload=@RELOAD@" ;;
esac
"""


@pytest.fixture
def asked(
    tmp_path: Path, folders: list[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., systemd.Unit | None]]:
    """A machine that systemd runs, with a systemctl that says what the test wants."""
    write(folders[0], "b.service", "[Service]\nEnvironment=A=file\n")
    write(str(tmp_path), "elsewhere", "[Service]\nEnvironment=A=systemd\nExecStart=/opt/%N/x %i%%\n")
    write(str(tmp_path), "a.conf", "[Service]\nEnvironment=B=a\n")
    write(str(tmp_path), "z.conf", "[Service]\nEnvironment=B=z C=%h\n")
    monkeypatch.setattr(systemd, "UNIT_PATHS", tuple(folders))
    monkeypatch.setattr(systemd, "is_booted", lambda: True)
    monkeypatch.setattr(systemd, "ANSWER_SECONDS", 0.3)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def find(says: str = SAYS, reload: str = "no") -> systemd.Unit | None:
        program = tmp_path / "systemctl"
        program.write_text(says.replace("@FOLDER@", str(tmp_path)).replace("@RELOAD@", reload))
        program.chmod(0o755)
        systemd._loaded.cache_clear()
        systemd._manager_environment.cache_clear()
        return systemd.find_unit("b")

    yield find
    systemd._loaded.cache_clear()
    systemd._manager_environment.cache_clear()


def test_systemd_says_which_files_and_what_all_get(asked: Callable[..., systemd.Unit | None], tmp_path: Path) -> None:
    unit = asked()
    assert unit is not None
    assert (unit.path, unit.drop_ins) == (f"{tmp_path}/elsewhere", [f"{tmp_path}/a.conf", f"{tmp_path}/z.conf"])
    assert systemd.programs(unit) == ["/opt/b/x"]
    assert unit.environment["JVM_ARGS"] == systemd.Setting("-Xa -Db='%%h'", systemd.INHERITED)
    assert unit.variables() == {"LANG": "C", "JVM_ARGS": "-Xa -Db='%h'", "A": "systemd", "B": "z", "C": "%h"}


def test_a_reset_leaves_what_all_get(asked: Callable[..., systemd.Unit | None], tmp_path: Path) -> None:
    write(str(tmp_path), "z.conf", "[Service]\nEnvironment=\nEnvironment=B=z\nUnsetEnvironment=LANG\n")
    unit = asked()
    assert unit is not None
    assert unit.variables() == {"JVM_ARGS": "-Xa -Db='%h'", "B": "z"}


def test_files_it_has_still_to_read_again(asked: Callable[..., systemd.Unit | None], folders: list[str]) -> None:
    unit = asked(reload="yes")
    assert unit is not None
    assert (unit.path, unit.variables()["A"]) == (f"{folders[0]}/b.service", "file")


@pytest.mark.parametrize("says", ["#!/bin/sh\nexec sleep 5\n", "#!/bin/sh\nexit 1\n", "#!/bin/sh\necho nonsense\n"])
def test_a_systemd_that_says_nothing_of_use(
    asked: Callable[..., systemd.Unit | None], folders: list[str], says: str
) -> None:
    started = time.monotonic()
    unit = asked(says)
    assert unit is not None
    assert unit.path == f"{folders[0]}/b.service"
    assert time.monotonic() - started < 4
