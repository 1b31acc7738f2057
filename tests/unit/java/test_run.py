# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What root does not own never runs as root: tried with the account that owns it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java import run

STRANGER, OTHER = 12345, 12346
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs what belongs to others as somebody else")


@pytest.fixture
def home(shared_path: Path) -> Path:
    """A Java that root owns, whose launcher says who runs it."""
    for part in ("bin", "lib/security"):
        (shared_path / "jdk" / part).mkdir(parents=True)
    java = shared_path / "jdk/bin/java"
    java.write_text("#!/bin/sh\nid -u; id -G\n")
    java.chmod(0o755)
    (shared_path / "jdk/lib/security/cacerts").touch()
    return shared_path / "jdk"


def who_runs(java: Path, product_account: str | None = None) -> str:
    program = run.Program([str(java)], run.account_for(str(java), product_account))
    output, _whole = program.exchange(b"", 10)
    program.end(1)
    return output.decode().split("\n")[0]


@as_root
def test_roots_own_runs_as_root(home: Path) -> None:
    assert run.account_for(str(home / "bin/java")) is None
    assert run.only_root_changes(str(home / "bin/java"))
    assert who_runs(home / "bin/java") == "0"


@as_root
@pytest.mark.parametrize("part", ["bin/java", "bin", "lib/security/cacerts", "lib", ""])
def test_what_belongs_to_another_runs_as_him(home: Path, part: str) -> None:
    os.chown(home / part, STRANGER, STRANGER)
    assert who_runs(home / "bin/java") == str(STRANGER)


@as_root
def test_what_a_folder_elsewhere_holds_counts(home: Path, shared_path: Path) -> None:
    """As a configuration in /etc that the Java has a link to."""
    elsewhere = shared_path / "etc" / "security"
    elsewhere.mkdir(parents=True)
    (elsewhere / "java.security").touch()
    (home / "conf").mkdir()
    (home / "conf" / "security").symlink_to(elsewhere)
    assert who_runs(home / "bin/java") == "0"
    os.chown(elsewhere / "java.security", STRANGER, STRANGER)
    assert who_runs(home / "bin/java") == str(STRANGER)


@as_root
def test_no_group_of_root_is_kept(home: Path) -> None:
    os.chown(home / "bin", STRANGER, STRANGER)
    account = run.account_for(str(home / "bin/java"))
    assert account is not None
    program = run.Program([str(home / "bin/java")], account)
    output, _whole = program.exchange(b"", 10)
    program.end(1)
    assert output.decode().split("\n")[1].split() == [str(account.gid)]
    assert account.gid != 0


@as_root
def test_a_link_that_another_can_turn(home: Path, shared_path: Path) -> None:
    folder = shared_path / "links"
    folder.mkdir()
    link = folder / "jdk"
    link.symlink_to(home)
    assert who_runs(link / "bin/java") == "0"
    os.lchown(link, STRANGER, STRANGER)
    assert who_runs(link / "bin/java") == str(STRANGER)
    os.lchown(link, 0, 0)
    os.chown(folder, OTHER, OTHER)
    assert who_runs(link / "bin/java") == str(OTHER)


@as_root
def test_a_link_inside_that_leads_to_another(home: Path, shared_path: Path) -> None:
    library = shared_path / "libjvm.so"
    library.touch()
    os.chown(library, STRANGER, STRANGER)
    (home / "lib/libjvm.so").symlink_to(library)
    assert who_runs(home / "bin/java") == str(STRANGER)


@as_root
@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_folder_for_everybody_runs_as_the_product(home: Path, mode: int) -> None:
    (home / "lib").chmod(mode)
    os.chown(home / "lib", 0, STRANGER)
    with pytest.raises(StashMailError, match="is not run, since root would run it"):
        run.account_for(str(home / "bin/java"))
    assert who_runs(home / "bin/java", str(OTHER)) == str(OTHER)
    for name in ("root", "0", "no such account"):
        with pytest.raises(StashMailError, match="is not run"):
            run.account_for(str(home / "bin/java"), name)


@as_root
def test_two_owners_run_as_the_product(home: Path) -> None:
    os.chown(home / "bin", STRANGER, STRANGER)
    os.chown(home / "lib", OTHER, OTHER)
    with pytest.raises(StashMailError, match="is not run"):
        run.account_for(str(home / "bin/java"))
    assert who_runs(home / "bin/java", str(STRANGER)) == str(STRANGER)


@as_root
def test_a_sticky_folder_is_nobodys(home: Path, shared_path: Path) -> None:
    shared_path.chmod(0o1777)
    assert run.account_for(str(home / "bin/java")) is None
    shared_path.chmod(0o777)
    with pytest.raises(StashMailError):
        run.account_for(str(home / "bin/java"))


@as_root
def test_links_in_a_circle(home: Path) -> None:
    (home / "bin/java").unlink()
    (home / "bin/java").symlink_to("java")
    with pytest.raises(StashMailError, match="cannot be looked at"):
        run.account_for(str(home / "bin/java"))


def test_who_is_not_root_runs_it_himself(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    (home / "lib").chmod(0o777)
    assert run.account_for(str(home / "bin/java")) is None


def test_a_program_that_floods_is_bounded() -> None:
    program = run.Program(["/bin/sh", "-c", "yes >&2 & yes"])
    started = time.monotonic()
    output, whole = program.exchange(b"", 20, lambda said: False, limit=100_000)
    assert (len(output), whole) == (100_000, False)
    assert time.monotonic() - started < 15
    assert program.end() is None
    assert len(program.errors) <= 4096


def test_a_program_that_reads_nothing(shared_path: Path) -> None:
    program = run.Program(["/bin/sleep", "60"])
    started = time.monotonic()
    assert program.exchange(b"x" * 1_000_000, 0.5, lambda said: False) == (b"", False)
    assert time.monotonic() - started < 5
    assert program.end() is None


def test_what_cannot_be_run(shared_path: Path) -> None:
    with pytest.raises(StashMailError, match="cannot be run: No such file"):
        run.Program([str(shared_path / "java")])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_its_parent(number: signal.Signals) -> None:
    """A program that does not care about its input, whose parent is killed."""
    script = (
        "from ansible_collections.stashops.mail.plugins.module_utils._java.run import Program\n"
        "program = Program(['/bin/sleep', '60']); print(program._process.pid, flush=True)\n"
        "program.exchange(b'', 60, lambda said: False)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(number)
        parent.wait(10)
    until = time.monotonic() + 10
    with contextlib.suppress(OSError):
        while "sleep" in Path(f"/proc/{pid}/cmdline").read_text():
            assert time.monotonic() < until, "it lives on"
            time.sleep(0.05)


def test_it_has_no_terminal_to_type_into() -> None:
    """With ours, an account without rights could put commands into the shell of root that started the run."""
    program = run.Program(["/bin/cat", "/proc/self/stat"])
    output, _whole = program.exchange(b"", 10)
    program.end(1)
    pid, session, terminal = (int(output.rpartition(b")")[2].split()[at]) for at in (2, 3, 4))
    assert (pid == session, terminal) == (True, 0)
