# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole provision and both rotations killed at random moments: the state is whole, and the next run converges.

STASH_MAIL_RUN_KILLS sets how many of each playbook are killed.
"""

from __future__ import annotations

import collections
import itertools
import os
import random
import secrets
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.integration.kill.site_runs import (
    Runner,
    State,
    assert_nothing_secret_is_left,
    leftovers,
    state_of,
)
from tests.integration.role.conftest import ACCOUNT, Site, make_site
from tests.integration.rotate.runs import Hook, held
from tests.mail_server import Certificate, self_signed

KILLS = int(os.environ.get("STASH_MAIL_RUN_KILLS", "1"))
SEED = int(os.environ.get("STASH_MAIL_SEED", "1"))
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)

pytestmark = pytest.mark.timeout(600 + 120 * KILLS)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with make_site(tmp_path) as made:
        # Mail is followed in other tests; here each run's time counts.
        made.settings["stash_mail_imap"] = {}
        yield made


class Turn(NamedTuple):
    """What a run is to do: its variables, and what is done at the mail server before."""

    changes: dict[str, Any]
    before: Callable[[], object] = lambda: None


class Killing:
    """Kills run after run, each on the way to the next of ``turns``, and has another one come to the end of that way.

    What is written on the way may be as before or as at the end, part by part, or of one of the states ``between``.
    """

    def __init__(self, site: Site, playbook: str, turns: list[Turn], between: Sequence[State] = ()) -> None:
        self._site, self._playbook, self._turns, self._between = site, playbook, turns, between
        self._ends: dict[int, State] = {}
        # By guess at first, then what the last run to its end took.
        self._seconds = 8.0
        self._runs = itertools.count()
        self.signals: collections.Counter[str] = collections.Counter()
        self.tasks: collections.Counter[str] = collections.Counter()

    def __str__(self) -> str:
        return f"{self._playbook}: killed by {dict(self.signals)}, in {len(self.tasks)} tasks: {dict(self.tasks)}"

    def all(self) -> None:
        chance = random.Random(f"{self._playbook} {SEED}")  # noqa: S311 - moments, not secrets
        kinds = itertools.cycle(chance.sample(SIGNALS, len(SIGNALS)))
        for number in range(KILLS):
            self._one(number % len(self._turns), next(kinds), chance.uniform(0.5, self._seconds))
        # Of a few all may come too late on a fast machine.
        assert KILLS < 10 or self.signals["had ended"] < KILLS / 2, "the kills came too late to show anything"

    def _one(self, number: int, kind: signal.Signals, after: float) -> None:
        site, turn = self._site, self._turns[number]
        turn.before()
        before = state_of(site)
        killed = Runner(site, self._playbook, next(self._runs)).kill(kind, after, **turn.changes)
        middle = state_of(site)
        assert_nothing_secret_is_left(site)
        where = f"{kind.name} in {killed.task}"
        ok, output, self._seconds = Runner(site, self._playbook, next(self._runs)).finish(**turn.changes)
        assert ok, f"after {where}: {output}"
        end = state_of(site)
        assert middle.differences([before, end, *self._between]) == [], f"{where}: not whole"
        assert end == self._ends.setdefault(number, end), f"after {where}: {output}"
        assert leftovers(site) == []
        assert site.bitbucket.state() == "RUNNING"
        self.signals[kind.name if killed.hit else "had ended"] += 1
        self.tasks[killed.task] += 1


def test_provision(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """From one set of variables to another, to nothing, and to the first."""
    second = self_signed("another.example.com")
    one = {"properties": {"plugin.ssh.port": 7999}}
    other = {
        "properties": {"plugin.ssh.port": 7998},
        "certificates": [{"pem": site.certificate.pem}, {"pem": second.pem}],
        "sender": "another@example.com",
    }
    nothing = {"state": "absent", "properties": {"plugin.ssh.port": 7998}}
    killing = Killing(site, "provision", [Turn(one), Turn(other), Turn(nothing)])
    killing.all()
    with capsys.disabled():
        print(f"\n{killing}")
    ended = KILLS % 3
    assert (site.mail_settings() is None) is (ended == 0)
    assert anchors(site, site.certificate, second) == [[False, False], [True, False], [True, True]][ended]


def test_rotate_credentials(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """To a new password and back to the old one; the mail server takes both."""
    old, new = (ACCOUNT, site.password), (ACCOUNT, secrets.token_urlsafe(16))
    site.secrets.append(new[1])
    ok, output, _ = Runner(site, "provision", 1000).finish()
    assert ok, output
    site.smtp.accounts = {old, new}

    def turn(before: tuple[str, str], after: tuple[str, str]) -> Turn:
        names = {"username": before[0], "password": before[1]}
        return Turn({**names, "rotate_username": after[0], "rotate_password": after[1]})

    killing = Killing(site, "rotate_credentials", [turn(old, new), turn(new, old)])
    killing.all()
    with capsys.disabled():
        print(f"\n{killing}")
    assert held(site) == (new if KILLS % 2 else old)


def test_rotate_certificate(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """To a new certificate, which the mail server presents from the middle on, and back."""
    old, new = site.certificate, self_signed("localhost", "127.0.0.1")
    both = []
    for order in ([new, old], [old, new]):
        ok, output, _ = Runner(site, "provision", 1000).finish(
            "--tags", "stash_mail_truststore", certificates=[{"pem": one.pem} for one in order]
        )
        assert ok, output
        both.append(state_of(site))
    ok, output, _ = Runner(site, "provision", 1000).finish()
    assert ok, output
    wanted = [new]
    with Hook(tmp_path, "switch", lambda: site.smtp.present(wanted[0])) as hook:

        def turn(before: Certificate, after: Certificate) -> Turn:
            changes = {
                "certificates": [{"pem": before.pem}],
                "certificates_next": [{"pem": after.pem}],
                "rotate_certificate_switch_tasks": str(hook.path),
            }
            return Turn(changes, lambda: wanted.__setitem__(0, after))

        killing = Killing(site, "rotate_certificate", [turn(old, new), turn(new, old)], both)
        killing.all()
    with capsys.disabled():
        print(f"\n{killing}")
    assert anchors(site, old, new) == ([False, True] if KILLS % 2 else [True, False])


def anchors(site: Site, *certificates: Certificate) -> list[bool]:
    """Which of these the truststore holds, none where there is none."""
    data = site.truststore.read_bytes() if site.truststore.exists() else b""
    return [certificate.der in data for certificate in certificates]
