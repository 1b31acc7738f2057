# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts of what Bitbucket's notifications became while something else went on."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from types import TracebackType

from tests.lab import programs
from tests.lab.lab import MAIL_LOG, Lab

NODES = {"bitbucket": "http://bitbucket.stashops.test:7990", "bitbucket2": "http://bitbucket2.stashops.test:7990"}
# Seconds. A node is down for one or more at a restart, so that some would fall into it; a message costs 0.07 s of CPU.
INTERVAL = 0.4
# Seconds that the last ones may take on their way, on a machine that is busy with other things.
ARRIVAL = 120.0
_FAILED = "Mail sending failed"


@dataclass(frozen=True)
class Counts:
    """Messages that Bitbucket has taken over, that have arrived (and how many twice), that it has logged as failed.

    ``lost`` are the names of those that have not arrived. ``by_node`` says how many each node has sent, ``down`` how
    many seconds it was not RUNNING, ``none`` how many seconds no node was, ``unavailable`` how often a node was asked
    for a message that was not there, and ``seconds`` how long all of it took.
    """

    sent: int
    arrived: int
    twice: int
    failed: int
    lost: list[str]
    by_node: dict[str, int]
    down: dict[str, float]
    none: float
    unavailable: int
    seconds: float

    def __str__(self) -> str:
        by_node = ", ".join(f"{node} {number}" for node, number in sorted(self.by_node.items()))
        down = ", ".join(f"{node} {seconds:.1f} s" for node, seconds in sorted(self.down.items()))
        return (
            f"{self.seconds:.0f} s: sent {self.sent} ({by_node}), arrived {self.arrived}, lost {len(self.lost)}, "
            f"logged as failed {self.failed}, twice {self.twice}; not RUNNING {down}; without a healthy node "
            f"{self.none:.1f} s; tries at a node that was not there {self.unavailable}"
        )


class Notifications:
    """Context manager: while it is open, Bitbucket is made to send a message every :data:`INTERVAL` seconds.

    ``prefix`` tells these messages from others of the scenario. ``counts`` is there at the end.
    """

    counts: Counts

    def __init__(self, lab: Lab, prefix: str) -> None:
        self._lab, self._prefix = lab, prefix

    def __enter__(self) -> Notifications:
        self._failed_before = self._failed()
        self._process = programs.start("notification_stream.py", self._lab.containers["mail"])
        assert self._process.stdin
        assert self._process.stdout
        asked = {
            "nodes": NODES,
            "username": "sysadmin",
            "password": self._lab.password("sysadmin"),
            "recipient": self._lab.recipient,
            "prefix": self._prefix,
            "interval": INTERVAL,
        }
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "started\n", self._process.communicate(timeout=10)[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        output, errors = self._process.communicate(timeout=60)
        if error is None:
            assert self._process.returncode == 0, errors
            answer = json.loads(output)
            names = [message["name"] for message in answer["sent"]]
            arrived = self._arrived(len(names))
            self.counts = Counts(
                sent=len(names),
                arrived=len(arrived),
                twice=arrived.total() - len(arrived),
                failed=self._failed() - self._failed_before,
                lost=[name for name in names if name not in arrived],
                by_node=dict(Counter(message["node"] for message in answer["sent"])),
                down=answer["down"],
                none=answer["none"],
                unavailable=answer["unavailable"],
                seconds=answer["seconds"],
            )

    def _arrived(self, wanted: int) -> Counter[str]:
        """How often each of them is in the recipient's mailbox; waits for as many as are wanted."""
        mailbox = self._lab.recipient.partition("@")[0]
        command = f"grep -rhoE 'An account named {self._prefix}-[0-9]+ was' /var/mail/virtual/{mailbox}/new"
        deadline = time.monotonic() + ARRIVAL
        while True:
            found = self._lab.host("mail").run(command).stdout.splitlines()
            arrived = Counter(line.split()[3] for line in found)
            if len(arrived) >= wanted or time.monotonic() > deadline:
                return arrived
            time.sleep(0.5)

    def _failed(self) -> int:
        logs = [self._lab.host(node).file(MAIL_LOG).content_string for node in NODES]
        return sum(log.count(_FAILED) for log in logs)
