# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module killed at any moment: the truststore is the old one or the new one, whole.

STASH_MAIL_KILLS sets the number of kills at random moments.
"""

from __future__ import annotations

import collections
import os
import random
import signal
import statistics
import time
from pathlib import Path

import pytest

from tests.ansible_module import run_module
from tests.integration.kill import runs
from tests.integration.kill.runs import Wanted

KILLS = int(os.environ.get("STASH_MAIL_KILLS", "100"))
RUN_SECONDS = 60
# After this many steps of writing, something is wrong with the counting.
MAX_STEPS = 3000


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    return runs.prepare(tmp_path_factory.mktemp("wanted"))


def finished(path: Path, options: dict[str, object]) -> float:
    """Run to the end; the seconds it took."""
    began = time.monotonic()
    process = runs.start(path, options)
    process.join(RUN_SECONDS)
    assert process.exitcode == 0
    return time.monotonic() - began


def age(folder: Path) -> None:
    """Make the leftovers two hours old."""
    for item in runs.leftovers(folder):
        os.utime(item, (time.time() - 7200, time.time() - 7200))


@pytest.mark.timeout(120 + KILLS)
def test_killed_at_random_moments(tmp_path: Path, wanted: Wanted, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cacerts"
    usual = statistics.median(finished(path, wanted.options[number % 2]) for number in range(10))
    chance = random.Random(1)  # noqa: S311 - moments, not secrets
    found: collections.Counter[str] = collections.Counter()
    for number in range(KILLS):
        # Now and then the first run of all, which has no old file.
        if number % 10 == 9:
            path.unlink(missing_ok=True)
        old = path.read_bytes() if path.exists() else None
        new = 1 if old == wanted.contents[0] else 0
        process = runs.start(path, wanted.options[new])
        time.sleep(chance.uniform(0, 1.2 * usual))
        process.kill()
        process.join(RUN_SECONDS)
        assert process.exitcode in (0, -signal.SIGKILL)
        data = path.read_bytes() if path.exists() else None
        assert data in (old, wanted.contents[new]), f"neither the old nor the new file after {number + 1} kills"
        ended = "had ended" if process.exitcode == 0 else "killed"
        found[f"{ended}, {'the old file' if data == old else 'the new file'}"] += 1
    left = runs.leftovers(tmp_path)
    with capsys.disabled():
        print(
            f"\n{KILLS} tries to kill a run of {usual * 1000:.0f} ms: {dict(found)}; {len(left)} temporary files left"
        )
    assert found["killed, the old file"] > KILLS // 10, "the kills came too late to show anything"
    assert len(left) < KILLS
    age(tmp_path)
    path.unlink(missing_ok=True)
    finished(path, wanted.options[0])
    assert runs.leftovers(tmp_path) == []
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", [False, True], ids=["replacing", "first"])
def test_killed_at_every_step_of_writing(
    tmp_path: Path, wanted: Wanted, first: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """From where the module begins to write to where it ends, at each call into C and each return from one."""
    path = tmp_path / "cacerts"
    old = None if first else wanted.contents[0]
    outcomes = []
    for step in range(1, MAX_STEPS):
        if old is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(old)
        process = runs.start_to_die(path, wanted.options[1], step)
        process.join(RUN_SECONDS)
        data = path.read_bytes() if path.exists() else None
        assert data in (old, wanted.contents[1]), f"neither the old nor the new file after step {step}"
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        outcomes.append(data == wanted.contents[1])
        # A step that does nothing to files leaves what the one before left.
        assert len(runs.leftovers(tmp_path)) <= 1
        for item in runs.leftovers(tmp_path):
            item.unlink()
    else:
        pytest.fail(f"the run does not end within {MAX_STEPS} steps")
    with capsys.disabled():
        print(f"\nkilled at each of {len(outcomes)} steps: {outcomes.count(False)} times the old file, then the new")
    assert outcomes.count(False) > 20
    # Once the new file is there, it stays.
    assert outcomes == sorted(outcomes)
    assert outcomes[-1]


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path, wanted: Wanted) -> None:
    """Also where the next run finds nothing to change, and however soon it comes."""
    path = tmp_path / "cacerts"
    for step in range(1, MAX_STEPS):
        path.write_bytes(wanted.contents[0])
        process = runs.start_to_die(path, wanted.options[1], step)
        process.join(RUN_SECONDS)
        assert process.exitcode == -signal.SIGKILL, "no kill left a temporary file"
        left = runs.leftovers(tmp_path)
        if left and left[0].stat().st_size:
            break
        for item in left:
            item.unlink()
    outcome = run_module(path=str(path), **wanted.options[0])
    assert not outcome.failed
    assert not outcome.result["changed"]
    assert runs.leftovers(tmp_path) == []


def test_a_run_under_way_keeps_its_file_from_the_others(tmp_path: Path, wanted: Wanted) -> None:
    """Two runs at once that want different things, again and again, and a reader."""
    path = tmp_path / "cacerts"
    finished(path, wanted.options[0])
    reads = rounds = 0
    for _ in range(30):
        processes = [runs.start(path, wanted.options[number % 2]) for number in range(4)]
        while any(process.is_alive() for process in processes):
            assert path.read_bytes() in wanted.contents
            reads += 1
        for process in processes:
            process.join(RUN_SECONDS)
        assert [process.exitcode for process in processes] == [0] * 4
        rounds += 1
    assert reads > rounds
    assert list(tmp_path.iterdir()) == [path]
