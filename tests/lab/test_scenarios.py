# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each Molecule scenario as one test, in one of the labs: made before its first, removed after its last.

The labs are there side by side where tests are: much of a scenario's time is waiting.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests import packed
from tests.lab.lab import ROOT
from tests.lab.runs import LOGS as RUNS

# Each lab's scenarios, about as long as the others'.
LABS = {
    "1": ["cluster", "exim", "legacy_stash", "init_script"],
    "2": ["rotate", "modes", "upgrade", "compose"],
    "3": ["default", "starttls_stripped", "greylisting", "oauth2_guard", "jmx_over_ssl", "kube"],
}
# Images that other tests build when they are asked for.
NOT_HERE = ("ee_", "fresh_")
LOGS = ROOT / ".cache/logs/molecule"
# A scenario takes one to three minutes, the first build of the images three; more where other things run too.
SCENARIO_SECONDS = 1200
BUILD_SECONDS = 1800
TAIL = 120

pytestmark = [pytest.mark.molecule, pytest.mark.timeout(BUILD_SECONDS + 2 * SCENARIO_SECONDS)]


def environment(lab: str) -> dict[str, str]:
    """Molecule looks for ansible-playbook and pytest on the PATH: those of this Python come first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    # Molecule would take its folder from the caller's, and pytest's options are not for the pytest it starts.
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("MOLECULE_", "PYTEST_"))}
    # Molecule's own notes, of which every lab has some.
    state = ROOT / ".cache/molecule-state" / lab
    own = {"PATH": path, "NO_COLOR": "1", "STASH_MAIL_LAB": lab, "MOLECULE_EPHEMERAL_DIRECTORY": str(state)}
    return ours | packed.environment() | own


def run(lab: str, command: list[str], log: Path, seconds: float) -> int:
    """Run to the end with the output in a log file; returns the exit status, that of a time-out is 124."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        file.write(f"$ {' '.join(command)}\n".encode())
        file.flush()
        try:
            return subprocess.run(
                command,
                cwd=ROOT,
                env=environment(lab),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=seconds,
            ).returncode
        except subprocess.TimeoutExpired:
            return 124


def molecule(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "molecule", *arguments]


def tail(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-TAIL:])


def journals(lab: str) -> str:
    """The end of each container's journal; says so where there is none."""
    texts = []
    conf = {"CONTAINERS_CONF": str(ROOT / ".cache/containers.conf")}
    word = ROOT / ".cache/molecule" / lab / "lab.json"
    if not word.exists():
        return "There is no lab."
    containers: dict[str, str] = json.loads(word.read_text("utf-8"))["containers"]
    for name, container in containers.items():
        result = subprocess.run(
            ["podman", "exec", container, "journalctl", "--boot", "--no-pager", f"--lines={TAIL}"],
            env=os.environ | conf,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        texts.append(f"----- journal of {name}\n{result.stdout or result.stderr}")
    return "\n".join(texts)


def fail(lab: str, what: str, status: int, log: Path) -> None:
    evidence = f"{tail(log)}\n{journals(lab)}"
    pytest.fail(f"{what} ended with {status}. All of it: {log.relative_to(ROOT)}\n{evidence}", pytrace=False)


@contextlib.contextmanager
def made(number: str) -> Iterator[None]:
    """Inside the block the lab's containers are there."""
    if os.geteuid() != 0:
        pytest.skip("the containers of the scenarios need root")
    for program in ("podman", "mmdebstrap"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: run scripts/system-packages")
    build, create, destroy = (LOGS / f"{name}-{number}.log" for name in ("build", "create", "destroy"))
    there = sorted(path.parent.name for path in ROOT.glob("tests/lab/images/*/image.toml"))
    images = [name for name in there if not name.startswith(NOT_HERE)]
    command = [sys.executable, "tests/lab/images/build.py", *images]
    if status := run(number, command, build, BUILD_SECONDS):
        fail(number, "Building the images", status, build)
    try:
        # What a run that was killed has left.
        if (ROOT / ".cache/molecule" / number).exists():
            run(number, molecule("destroy"), destroy, SCENARIO_SECONDS)
        if status := run(number, molecule("create"), create, SCENARIO_SECONDS):
            fail(number, "Creating the lab", status, create)
        yield
    finally:
        status = run(number, molecule("destroy"), destroy, SCENARIO_SECONDS)
    assert status == 0, tail(destroy)


class Labs(contextlib.ExitStack):
    """Context manager: one lab after the other is there, the last one until the end of the block.

    Not a fixture with the labs as its parameters: pytest would make the same lab anew for each scenario.
    """

    def __init__(self, make: Callable[[str], AbstractContextManager[None]] = made) -> None:
        super().__init__()
        self._make, self._there = make, ""

    def enter(self, number: str) -> None:
        """Have this lab there, in place of another."""
        if number != self._there:
            self._there = ""
            self.close()
            self.enter_context(self._make(number))
            self._there = number


@pytest.fixture(scope="module")
def labs() -> Iterator[Labs]:
    with Labs() as found:
        yield found


def test_a_lab_is_made_once() -> None:
    said: list[str] = []

    @contextlib.contextmanager
    def make(number: str) -> Iterator[None]:
        said.append(f"make {number}")
        yield
        said.append(f"remove {number}")

    with Labs(make) as labs:
        for number in ("1", "1", "2", "2"):
            labs.enter(number)
    assert said == ["make 1", "remove 1", "make 2", "remove 2"]


def test_each_scenario_has_a_lab() -> None:
    there = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
    assert sorted(scenario for scenarios in LABS.values() for scenario in scenarios) == there


@pytest.mark.parametrize(
    ("lab", "scenario"),
    [
        pytest.param(number, scenario, id=f"lab{number}-{scenario}")
        for number, scenarios in LABS.items()
        for scenario in scenarios
    ],
)
def test_scenario(labs: Labs, lab: str, scenario: str) -> None:
    labs.enter(lab)
    log = LOGS / f"{scenario}.log"
    for old in RUNS.glob(f"{scenario}-*"):
        old.unlink()
    # The lab stays: after a failure for the evidence, otherwise for the next scenario, which begins by cleaning it.
    command = molecule("test", "--scenario-name", scenario, "--destroy=never")
    if status := run(lab, command, log, SCENARIO_SECONDS):
        fail(lab, f"The scenario {scenario}", status, log)
