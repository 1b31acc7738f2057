# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the tests are shared out: nothing is left over, nobody waits for ever, and the labs go first."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import LABS, ByFileOrLab

SCENARIOS = [f"tests/lab/test_scenarios.py::test_scenario[lab{lab}-s{number}]" for lab in "123" for number in range(3)]
OTHERS = [f"tests/unit/test_{file}.py::test_{number}" for file in "abcdef" for number in range(3)]


class Process:
    """As a process of xdist: it begins a test only when it knows the next one, or that none comes."""

    def __init__(self, name: str, tests: list[str]) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.tests, self.waiting = tests, list[int]()
        self.shutting_down = False
        self.done: list[str] = []
        self.times: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.waiting += indices

    def shutdown(self) -> None:
        self.shutting_down = True

    def step(self, scheduler: Any, time: int) -> bool:
        """Run a test; whether there was one to run."""
        if len(self.waiting) < (1 if self.shutting_down else 2):
            return False
        index = self.waiting.pop(0)
        self.done.append(self.tests[index])
        self.times.append(time)
        scheduler.mark_test_complete(self, index)
        return True


def share(tests: list[str], count: int, speed: dict[str, int]) -> list[Process]:
    """Have ``count`` processes run all tests. A process of ``speed`` runs so many of them while the others run one."""
    options = SimpleNamespace(loadscopereorder=False, numprocesses=count, tx=["popen"] * count)
    config: Any = SimpleNamespace(option=options, getvalue=lambda name: getattr(options, name))
    scheduler = ByFileOrLab(config)
    processes = [Process(f"gw{number}", tests) for number in range(count)]
    for process in processes:
        scheduler.add_node(process)  # type: ignore[arg-type]
        scheduler.add_node_collection(process, tests)  # type: ignore[arg-type]
    scheduler.schedule()
    for time in itertools.count():
        ran = [process.step(scheduler, time) for process in processes for _ in range(speed.get(process.gateway.id, 1))]
        if scheduler.tests_finished:
            for process in processes:
                process.shutdown()
        if not any(ran) and not any(process.waiting for process in processes):
            return processes
        assert any(ran) or scheduler.tests_finished, "all of them wait"
    raise AssertionError


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("tests", [SCENARIOS + OTHERS, OTHERS, SCENARIOS, SCENARIOS[:4] + OTHERS])
def test_each_test_runs_once(count: int, tests: list[str]) -> None:
    for slow in range(count):
        processes = share(tests, count, {f"gw{number}": 5 for number in range(count) if number != slow})
        assert sorted(name for process in processes for name in process.done) == sorted(tests)


def test_a_fourth_process_waits_for_the_first_lab_to_end() -> None:
    *labs, fourth = share(SCENARIOS + OTHERS, 4, {"gw3": 5})
    assert LABS == 3
    assert sorted(process.done[0].partition("-")[0][-4:] for process in labs) == ["lab1", "lab2", "lab3"]
    ended = min(process.times[2] for process in labs)
    early = [name for name, when in zip(fourth.done, fourth.times, strict=True) if when < ended]
    # Of the file that it began with, the last test waits as well.
    assert early == OTHERS[:2]
    assert len(fourth.done) > 3
