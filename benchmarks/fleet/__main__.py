# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.fleet``: provisioning many hosts, ours beside the same job done by community modules.

Writes the tables into docs/benchmarks.md, and prints them.
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from benchmarks import measure
from benchmarks.fleet import runs, ssh
from benchmarks.fleet.lab import BUNDLE, Lab, make_lab
from benchmarks.fleet.runs import Cost
from tests import doc_table

PAGE = "benchmarks.md"
SIDES = {"ours": "**stash_mail**", "theirs": "community modules"}
KINDS = {"first": "first run", "unchanged": "unchanged run"}
# How often each is run, by the number of hosts; medians are kept. What takes long is run once.
REPEATS = {1: 3}
# An instance for each host up to here; beyond it several hosts share one, which an unchanged run cannot tell.
MOST_INSTANCES = 50

Case = tuple[str, str, int, bool]
"""Side, kind of run, number of hosts, with pipelining."""


def measure_case(lab: Lab, folder: Path, case: Case) -> Cost:
    """Run one case, and see that the work was done: fast and wrong does not count."""
    side, kind, count, pipelining = case
    found = []
    for _ in range(REPEATS.get(count, 1)):
        if kind == "first":
            lab.reset(count)
        lab.forget_messages()
        cost = runs.run(folder, side, lab.inventory(count), pipelining=pipelining)
        arrived = lab.forget_messages()
        if arrived != count or not all(instance.provisioned() for instance in lab.instances[:count]):
            raise RuntimeError(f"{case}: {arrived} messages arrived, or an instance was not provisioned")
        if (cost.changed == 0) != (kind == "unchanged"):
            raise RuntimeError(f"{case}: {cost.changed} tasks have changed something")
        found.append(cost)
    middle = Cost(*(statistics.median_low(values) for values in zip(*found, strict=True)))
    print(f"{side}, {KINDS[kind]}, {count} hosts, pipelining {pipelining}: {middle}", flush=True)
    return middle


def cases(sizes: Sequence[int], largest: int) -> list[Case]:
    """What is measured, in an order in which an unchanged run follows a first run of the same side."""
    found: list[Case] = []
    for count in sizes:
        # Ours last, since the largest run goes on with what the last one has left.
        for side in reversed(SIDES):
            found += [(side, kind, count, True) for kind in KINDS]
            if count == min(sizes):
                found.append((side, "unchanged", count, False))
    instances = min(largest, MOST_INSTANCES)
    if instances > max(sizes):
        found.append(("ours", "first", instances, True))
    if largest:
        found.append(("ours", "unchanged", largest, True))
    return found


def rows(costs: dict[Case, Cost]) -> str:
    """CPU by case, and what the controller took, for one host."""
    header = [
        "hosts",
        "run",
        "",
        "CPU s a host",
        "controller",
        "targets",
        "ratio to theirs",
        "memory of the controller",
    ]
    lines = []
    for (side, kind, count, pipelining), cost in sorted(costs.items(), key=lambda item: (item[0][2], item[0][1])):
        if not pipelining:
            continue
        theirs = costs.get(("theirs", kind, count, True))
        ratio = f"{cost.cpu / theirs.cpu:.2f}" if theirs and side == "ours" else ""
        numbers = [f"{value / count:.2f}" for value in (cost.cpu, cost.controller, cost.targets)]
        lines.append([str(count), KINDS[kind], SIDES[side], *numbers, ratio, f"{cost.memory / 1e6:.0f} MB"])
    return doc_table.table(header, lines)


def counts(costs: dict[Case, Cost], count: int) -> str:
    """What is exact and the same on every machine: what was called, started and sent for one host."""
    header = ["run", "", "module calls", "tasks started", "KB sent", "without pipelining: commands", "KB sent"]
    lines = []
    for kind, words in KINDS.items():
        for side, label in SIDES.items():
            cost = costs[side, kind, count, True]
            plain = costs.get((side, kind, count, False))
            numbers = [cost.calls / count, cost.started / count, cost.sent / count / 1000]
            more = [f"{plain.commands / count:.0f}", f"{plain.sent / count / 1000:,.0f}"] if plain else ["", ""]
            lines.append([words, label, *(f"{number:,.0f}" for number in numbers), *more])
    return doc_table.table(header, lines)


def pipelining(costs: dict[Case, Cost], count: int) -> str:
    """CPU of one host's unchanged run with and without pipelining."""
    header = ["unchanged run, CPU s", "with pipelining", "without"]
    lines = []
    for side, label in SIDES.items():
        both = [costs[side, "unchanged", count, flag].cpu for flag in (True, False)]
        lines.append([label, *(f"{value / count:.2f}" for value in both)])
    return doc_table.table(header, lines)


def aims(costs: dict[Case, Cost], sizes: Sequence[int], largest: int, walls: dict[str, float]) -> str:
    """Each aim, what was measured, and whether that meets it."""

    def ratio(kind: str) -> float:
        return max(costs["ours", kind, n, True].cpu / costs["theirs", kind, n, True].cpu for n in sizes)

    found = [
        ("unchanged run: at most 0.5 times theirs in CPU", ratio("unchanged"), 0.5),
        ("first run: at most theirs in CPU", ratio("first"), 1.0),
    ]
    if largest and 10 in sizes:
        cost = {n: costs["ours", "unchanged", n, True].cpu / n for n in (10, largest)}
        found.append((f"a host of {largest} costs at most 1.2 times one of 10", cost[largest] / cost[10], 1.2))
    found.append(("unchanged run over SSH: at most 0.5 times theirs", walls["ours"] / walls["theirs"], 0.5))
    cells = [[aim, f"{value:.2f}", "yes" if value <= most else "no"] for aim, value, most in found]
    return doc_table.table(["aim", "measured", "met"], cells)


def main() -> int:
    """Returns the exit status: 0, or 2 where something to measure with is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--no-write", action="store_true", help="only print")
    parser.add_argument("--hosts", default="1,10,50", help="numbers of hosts to compare at (default: %(default)s)")
    parser.add_argument("--largest", type=int, default=200, help="ours alone at this number too; 0: not")
    options = parser.parse_args()
    sizes = sorted({int(count) for count in options.hosts.split(",")})
    if shutil.which("keytool") is None or not BUNDLE.exists() or not ssh.SSHD:
        print("Missing. Install: apt-get install openjdk-17-jdk-headless libmail-java openssh-server", file=sys.stderr)
        return 2
    if max(sizes) > MOST_INSTANCES:
        parser.error(f"an instance for each host is started, of which this machine bears {MOST_INSTANCES}")
    load = os.getloadavg()[0]
    began = time.monotonic()
    cache = runs.ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    costs: dict[Case, Cost] = {}
    with tempfile.TemporaryDirectory(prefix="fleet-", dir=cache) as name, make_lab(Path(name)) as lab:
        for case in cases(sizes, options.largest):
            lab.grow(min(case[2], MOST_INSTANCES))
            costs[case] = measure_case(lab, Path(name), case)
        walls = ssh.walls(lab, Path(name))
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    pages = {
        "fleet aims": aims(costs, sizes, options.largest, walls),
        "fleet cpu": rows(costs),
        "fleet counts": counts(costs, min(sizes)),
        "fleet pipelining": pipelining(costs, min(sizes)),
        "fleet ssh": ssh.table(walls, SIDES),
        "fleet about": (
            f"Measured on {today} in one run of {(time.monotonic() - began) / 60:.0f} minutes: {measure.machine()}; "
            f"ansible-core {metadata.version('ansible-core')} with {runs.FORKS} forks and Python "
            f"{sys.version.split()[0]}, community.general of ansible {metadata.version('ansible')}. "
            f"Load of the machine before the run: {load:.1f}."
        ),
    }
    for page, content in pages.items():
        print(f"\n{content}")
        if not options.no_write:
            doc_table.write(PAGE, page, content)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
