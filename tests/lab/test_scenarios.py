# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each Molecule scenario as one test, all in the same lab: made before the first, removed after the last."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.lab import ROOT, Lab
from tests.lab.runs import LOGS as RUNS

SCENARIOS = sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
LOGS = ROOT / ".cache/logs/molecule"
# A scenario takes one or two minutes, the default one about four, the first build of the images one or two; more
# where other things run too.
SCENARIO_SECONDS = 1200
BUILD_SECONDS = 1200
TAIL = 120

pytestmark = [pytest.mark.molecule, pytest.mark.timeout(BUILD_SECONDS + 2 * SCENARIO_SECONDS)]


def environment() -> dict[str, str]:
    """Molecule looks for ansible-playbook and pytest on the PATH: those of this Python come first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    # Molecule would take its folder from the caller's, and pytest's options are not for the pytest it starts.
    ours = {k: v for k, v in os.environ.items() if not k.startswith(("MOLECULE_", "PYTEST_"))}
    return ours | {"PATH": path, "NO_COLOR": "1"}


def run(command: list[str], log: Path, seconds: float) -> int:
    """Run to the end with the output in a log file; returns the exit status, that of a time-out is 124."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        file.write(f"$ {' '.join(command)}\n".encode())
        file.flush()
        try:
            return subprocess.run(
                command,
                cwd=ROOT,
                env=environment(),
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


def journals() -> str:
    """The end of each container's journal; says so where there is none."""
    texts = []
    conf = {"CONTAINERS_CONF": str(ROOT / ".cache/containers.conf")}
    try:
        containers = Lab.load().containers
    except FileNotFoundError:
        return "There is no lab."
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


def fail(what: str, status: int, log: Path) -> None:
    evidence = f"{tail(log)}\n{journals()}"
    pytest.fail(f"{what} ended with {status}. All of it: {log.relative_to(ROOT)}\n{evidence}", pytrace=False)


@pytest.fixture(scope="module")
def lab() -> Iterator[None]:
    """The containers of all scenarios."""
    if os.geteuid() != 0:
        pytest.skip("the containers of the scenarios need root")
    for program in ("podman", "mmdebstrap"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: run scripts/system-packages")
    shutil.rmtree(RUNS, ignore_errors=True)
    build, create, destroy = (LOGS / f"{name}.log" for name in ("build", "create", "destroy"))
    images = sorted(path.parent.name for path in ROOT.glob("tests/lab/images/*/image.toml"))
    command = [sys.executable, "tests/lab/images/build.py", *images]
    if status := run(command, build, BUILD_SECONDS):
        fail("Building the images", status, build)
    try:
        # What a run that was killed has left.
        run(molecule("destroy"), destroy, SCENARIO_SECONDS)
        if status := run(molecule("create"), create, SCENARIO_SECONDS):
            fail("Creating the lab", status, create)
        yield
    finally:
        status = run(molecule("destroy"), destroy, SCENARIO_SECONDS)
    assert status == 0, tail(destroy)


def test_there_are_scenarios() -> None:
    assert "default" in SCENARIOS


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: str) -> None:
    log = LOGS / f"{scenario}.log"
    # The lab stays: after a failure for the evidence, otherwise for the next scenario, which begins by cleaning it.
    if status := run(molecule("test", "--scenario-name", scenario, "--destroy=never"), log, SCENARIO_SECONDS):
        fail(f"The scenario {scenario}", status, log)
