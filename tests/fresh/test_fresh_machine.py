# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make demo`` and the beginning of ``make test`` from a bare Debian, by ``make fresh-machine``."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests import doc_table
from tests.fresh.machine import USER, Done, Machine, images, podman
from tests.fresh.proxy import Proxy

PAGE = "testing.md"
# Set to 1 all of them, or to one or more such as trixie; unset none, for they download packages.
ASKED = os.environ.get("STASH_MAIL_FRESH", "")
SUITES = ("bookworm", "trixie", "sid")
TRIED = [suite for suite in SUITES if ASKED == "1" or suite in ASKED.split(",")]
# As strange as an account may be set up.
ODD = {"LC_ALL": "C", "LANG": "C"}
# The way out of each that names one is the last line but one: the last is make's own.
NO_VENV = "cannot make virtual environments: install python3."
FOUND: dict[str, list[str]] = {}

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not TRIED, reason="make fresh-machine runs this: STASH_MAIL_FRESH is not set"),
]


@pytest.fixture(scope="module")
def tags() -> dict[str, str]:
    return images(*(f"fresh_{suite}" for suite in TRIED))


@pytest.fixture(scope="module", params=TRIED)
def suite(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def bare(suite: str, tags: dict[str, str]) -> Iterator[Machine]:
    """As it was installed."""
    with Machine(tags[f"fresh_{suite}"], suite) as machine:
        yield machine


@pytest.fixture(scope="module")
def prepared(suite: str, bare: Machine) -> Iterator[str]:
    """An image of the machine after the first demo of root: with python3-venv, and with the environment."""
    tag = bare.keep(f"localhost/stash_mail/fresh_prepared_{suite}")
    yield tag
    podman("image", "rm", "--force", tag)


def sentences(done: Done) -> list[str]:
    """What was printed, without what make says itself and without what is going to be done."""
    own = ("make", "Installing ")
    return [line for line in done.output.splitlines() if not line.startswith(own)]


def delivered(done: Done) -> bool:
    return done.code == 0 and "4 messages delivered. Everything is stopped and removed." in done.output


def test_an_account_without_rights_is_told_what_to_install(bare: Machine) -> None:
    done = bare.run("make demo", user=USER)
    assert done.code != 0
    assert len(sentences(done)) == 1, done.output
    assert NO_VENV in done.output


def test_without_network_it_says_so(suite: str, tags: dict[str, str]) -> None:
    """Before anything is installed: apt is the first that needs it."""
    with Machine(tags[f"fresh_{suite}"], suite, network=False) as machine:
        done = machine.run("make demo")
    assert done.code != 0
    assert "is there a network" in done.output
    assert len(sentences(done)) <= 2, done.output
    assert done.seconds < 60


def test_demo_of_root(suite: str, bare: Machine) -> None:
    """From nothing: the package for virtual environments, the pinned requirements, the demo."""
    python = bare.run("python3 -V").output.split()[-1]
    before = bare.files()
    first = bare.run("umask 077 && make demo", env=ODD)
    assert delivered(first), first.output
    again = bare.run("umask 077 && make demo", env=ODD)
    assert delivered(again), again.output
    assert bare.processes() == []
    assert bare.files() == before
    FOUND[suite] = [python, f"{first.seconds:.0f} s", f"{again.seconds:.0f} s", "not run"]


def test_demo_of_an_account_without_rights(suite: str, prepared: str) -> None:
    """Who has no home that could be written to; the package is there by now."""
    with Machine(prepared) as machine:
        assert machine.run(f"rm -rf .venv && chown -R {USER} /srv").code == 0
        for home in ("/nonexistent", "/proc"):
            done = machine.run("umask 077 && make demo", user=USER, env={**ODD, "HOME": home})
            assert delivered(done), done.output
            assert machine.processes() == []


def test_without_network_pip_says_so(suite: str, prepared: str) -> None:
    with Machine(prepared, network=False) as machine:
        done = machine.run("rm -rf .venv && make demo")
        assert done.code != 0
        assert "is there a network" in done.output
        assert len(sentences(done)) <= 2, done.output
        assert done.seconds < 60


def test_with_the_environment_no_network_is_needed(prepared: str) -> None:
    with Machine(prepared, network=False) as machine:
        done = machine.run("make demo")
        assert delivered(done), done.output


def test_by_a_proxy(suite: str, tags: dict[str, str]) -> None:
    """apt and pip go by it, and nothing that is on this machine does."""
    with Proxy() as proxy, Machine(tags[f"fresh_{suite}"], suite) as machine:
        names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy")
        done = machine.run("make demo", env=dict.fromkeys(names, proxy.url))
        assert delivered(done), done.output
        assert len(proxy.asked) >= 2, proxy.asked
        assert not [host for host in proxy.asked if host in ("localhost", "127.0.0.1", "::1")]


def stop(machine: Machine, until: str, group: str) -> str:
    """Start the demo, end it by TERM when it has said ``until``, and return what it has said after that.

    ``group`` is empty for make alone, as a service manager does it, and ``-`` for all of it, as a terminal's end does.
    """
    command = machine.command("exec setsid --wait sh -c 'echo $$ >/run/pid; exec make demo'")
    with subprocess.Popen(
        ["podman", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as running:
        assert running.stdout
        seen = []
        for line in running.stdout:
            seen.append(line)
            if until in line:
                break
        assert seen, "nothing was printed"
        assert until in seen[-1], "".join(seen)
        end = f'import os; os.kill({group}int(open("/run/pid").read()), 15)'
        assert machine.run(f"python3 -c '{end}'", folder="/").code == 0
        rest = running.stdout.read()
        assert running.wait(60) != 0
    return rest


@pytest.mark.parametrize(
    ("until", "group"), [("Bitbucket stand-in on", ""), ("TASK [", ""), ("TASK [", "-"), ("The same again", "-")]
)
def test_stopped_it_leaves_nothing(prepared: str, until: str, group: str) -> None:
    with Machine(prepared) as machine:
        before = machine.files()
        rest = stop(machine, until, group)
        assert machine.processes() == [], rest
        assert machine.files() == before
        assert "Traceback" not in rest, rest


def test_stopped_while_it_installs_it_begins_again(prepared: str) -> None:
    with Machine(prepared) as machine:
        assert machine.run("rm -rf .venv").code == 0
        stop(machine, "Installing requirements", "")
        assert machine.processes() == []
        done = machine.run("make demo")
        assert delivered(done), done.output


def test_beginning_of_the_tests(suite: str, prepared: str) -> None:
    """Environment, lint, types and unit tests; git is what a checkout was made with."""
    with Machine(prepared) as machine:
        packed = machine.run(
            "apt-get install --yes --quiet git && chown -R root . && git init --quiet && git add --all",
            env={"DEBIAN_FRONTEND": "noninteractive"},
        )
        assert packed.code == 0, packed.output
        done = machine.run("make env lint types unit")
        assert done.code == 0, done.output[-5000:]
        FOUND[suite][-1] = f"{done.seconds:.0f} s"


def test_the_page_says_what_was_found() -> None:
    if not doc_table.wanted() or set(FOUND) != set(SUITES):
        pytest.skip("a run on all of them writes the page")
    header = ["Debian", "Python", "`make demo`, downloads included", "again", "`make env lint types unit`"]
    doc_table.write(PAGE, "fresh machines", doc_table.table(header, [[suite, *FOUND[suite]] for suite in SUITES]))
