# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the tests are shared out where several run side by side, and what each finds as new."""

from __future__ import annotations

import collections
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePath

import pytest
from _pytest.terminal import TerminalReporter
from ansible.module_utils.common import warnings
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests import attacks, doc_table

# The longest first, so that none is left over at the end, and what waits more than it computes beside what does not.
# The others follow as they are found.
FIRST = (
    "tests/lab/test_scenarios.py",
    "tests/sanity/",
    "tests/integration/rotate/",
    "tests/integration/role/",
    "tests/integration/verdict/",
    "tests/integration/kill/",
    "tests/unit/bitbucket/",
    "tests/matrix/",
    "tests/integration/",
    "tests/fuzz/",
)
_LAB = re.compile(r"\[(lab\d+)-")


class ByFileOrLab(LoadScopeScheduling):
    """A file's tests in their order in one process, of the scenarios those of one lab."""

    def _split_scope(self, nodeid: str) -> str:
        lab = _LAB.search(nodeid)
        return lab[1] if lab else nodeid.partition("::")[0]


def pytest_report_header() -> str:
    """What is drawn at random is drawn again by the same seed."""
    return f"STASH_MAIL_SEED={os.environ.get('STASH_MAIL_SEED', '1')} draws the certificates that JVMs are tried with"


# A busy machine makes a slow test, and that is no fault of what is tested.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    if doc_table.wanted() and not hasattr(config, "workerinput"):
        config.pluginmanager.register(attacks.Writer())


@pytest.fixture(autouse=True)
def _warnings_as_on_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible keeps a module's warnings for its process, and a module's result has them: here one has run many.

    Where other tests have loaded the controller, they would be shown instead.
    """
    monkeypatch.setattr("ansible.module_utils._internal.is_controller", False)
    warnings._global_warnings.clear()
    warnings._global_deprecations.clear()


@pytest.fixture
def shared_path() -> Iterator[Path]:
    """A folder that every account can look into: pytest's own are for their owner alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFileOrLab:
    return ByFileOrLab(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """With --durations, the minutes of each suite: those of its tests and fixtures, in all processes together."""
    if config.getoption("durations") is None:
        return
    seconds: dict[str, float] = collections.defaultdict(float)
    for report in (item for found in terminalreporter.stats.values() for item in found):
        if isinstance(report, pytest.TestReport):
            seconds[str(PurePath(report.nodeid.partition("::")[0]).parent)] += report.duration
    terminalreporter.section("minutes of each suite")
    for suite, taken in sorted(seconds.items(), key=lambda item: -item[1]):
        terminalreporter.write_line(f"{taken / 60:7.1f}  {suite}")


def _place(item: pytest.Item) -> int:
    return next((place for place, start in enumerate(FIRST) if item.nodeid.startswith(start)), len(FIRST))
