# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.truststore``: our truststores against other programs' and against the disk, in one run.

Writes the tables into docs/benchmarks.md, and prints them.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._truststore import additions as certificate_set
from ansible_collections.stashops.mail.plugins.module_utils._truststore import base as base_bundle
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store
from ansible_collections.stashops.mail.plugins.module_utils._x509 import pem
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks import measure, peers, playbook
from benchmarks.measure import as_text, median
from tests import doc_table
from tests.unit.truststore.factory import make

PAGE = "benchmarks.md"
ROOT = Path(__file__).resolve().parents[1]
BASE = Path("/etc/ssl/certs/java/cacerts")
COUNTS = (1, 10, 100)
# How often each is run, by the number of certificates. What takes long is run less often.
IN_PROCESS = {1: 60, 10: 60, 100: 30}
PROCESSES = {1: 20, 10: 20, 100: 20}
JVMS = {1: 5, 10: 3, 100: 1}
PLAYBOOKS = 15
LOOPS = {1: 3, 10: 2, 100: 1}

Times = dict[str, dict[int, float]]


class Bench:
    """The files of one run, and what was measured: medians in seconds, by case and number of certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "cacerts"
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificates: list[Path] = []
        for number in range(max(COUNTS)):
            path = folder / f"bench-{number:03}.pem"
            path.write_text(make(f"Benchmark CA {number}", organisation="Example", key=key).pem)
            self.certificates.append(path)
        self.base_entries = peers.entries(BASE)
        self.times: Times = {}
        self.tasks: Times = {}

    def keep(self, case: str, count: int, seconds: list[float], added: int | None = None) -> None:
        """Keep the median; ``added`` certificates must be in the store, as fast and wrong does not count."""
        if added is not None:
            found = peers.entries(self.store) - self.base_entries
            if found != added:
                raise RuntimeError(f"{case}: {found} certificates were added instead of {added}")
        self.times.setdefault(case, {})[count] = median(seconds)
        print(f"{case}, +{count}: {as_text(median(seconds))} (median of {len(seconds)})", flush=True)

    def remove(self) -> None:
        self.store.unlink(missing_ok=True)

    def work(self, count: int) -> bytes:
        """All that the module does, without Ansible; returns the file's bytes."""
        base = base_bundle.load(str(BASE), peers.PASSWORD, "option base")
        additions = certificate_set.CertificateSet()
        for number, path in enumerate(self.certificates[:count]):
            data = _files.read(str(path), store.MAX_SIZE)
            additions.add(pem.load(data, path.name), f"certificates[{number}]")
        built = store.build(base.entries, additions.entries())
        after = store.write_store(built.entries, "jks", peers.PASSWORD)
        if _files.read_if_there(str(self.store), store.MAX_SIZE) != after:
            _files.replace(str(self.store), after)
        return after

    def floor(self, data: bytes) -> None:
        """What no program can do without, done by Python: read, SHA-1, write, fsync, rename."""
        BASE.read_bytes()
        hashlib.sha1(data, usedforsecurity=False).digest()
        temporary = self.folder / "floor"
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self.folder / "floor-done")

    def in_process(self, count: int) -> None:
        data = self.work(count)
        repeat = IN_PROCESS[count]
        # Alternately, so that a disk that is slow for a while is slow for both.
        floor, changed, same = [], [], []
        for _ in range(repeat):
            floor += measure.calls(lambda: self.floor(data), 1)
            changed += measure.calls(lambda: self.work(count), 1, self.remove)
            same += measure.calls(lambda: self.work(count), 1)
        self.keep("floor", count, floor)
        self.keep("work", count, changed, added=count)
        self.keep("work, unchanged", count, same, added=count)

    def processes(self, count: int) -> None:
        certificates = self.certificates[:count]
        bundle = self.folder / "bundle.pem"
        bundle.write_text("".join(path.read_text() for path in certificates))
        worker = [str(ROOT / "benchmarks/worker.py"), str(ROOT / "collections"), str(BASE), str(bundle)]
        command = [python(), "-I", *worker, str(self.store)]
        ours: list[float] = []
        p11_kit: list[float] = []
        for _ in range(4):
            self.remove()
            ours += measure.processes(command, PROCESSES[count] // 4)
            assert peers.entries(self.store) == self.base_entries + count
            self.remove()
            p11_kit += peers.p11_kit(certificates, self.store, PROCESSES[count] // 4)
        self.keep("p11-kit", count, p11_kit, added=count)
        self.keep("process", count, ours)
        self.keep("importkeystore", count, peers.keytool_store(BASE, certificates, self.store, 5), added=count)
        self.keep("importcert", count, peers.keytool_each(BASE, certificates, self.store, JVMS[count]), added=count)

    def playbooks(self) -> None:
        """One task each: ping and ours in turn, then the loops."""
        runs: dict[tuple[str, int], list[playbook.Timed]] = {}

        def run(case: str, count: int, task: dict[str, object], changed: bool) -> None:
            timed = playbook.run(self.folder, task)
            if timed.changed != changed:
                raise RuntimeError(f"{case}, +{count}: changed is {timed.changed}")
            runs.setdefault((case, count), []).append(timed)

        for _ in range(PLAYBOOKS):
            for count in COUNTS:
                ours = playbook.ours(BASE, self.certificates[:count], self.store)
                self.remove()
                run("ping", count, playbook.ping(), False)
                run("module", count, ours, True)
                run("module, unchanged", count, ours, False)
        for count in COUNTS:
            loop = playbook.java_cert(self.certificates[:count], self.store, peers.PASSWORD)
            for _ in range(LOOPS[count]):
                shutil.copy(BASE, self.store)
                run("java_cert", count, loop, True)
                run("java_cert, unchanged", count, loop, False)
            self.keep("java_cert", count, [timed.whole for timed in runs["java_cert", count]], added=count)
        for (case, count), timed in runs.items():
            self.keep(case, count, [item.whole for item in timed])
            self.tasks.setdefault(case, {})[count] = median([item.task for item in timed])


def python() -> str:
    """The operating system's Python, as targets have it; else the one that runs this."""
    system = "/usr/bin/python3"
    return system if os.access(system, os.X_OK) else sys.executable


LABELS = {
    "floor": "the disk's floor: read, SHA-1, write, fsync, rename",
    "work": "**ours**, the work itself",
    "work, unchanged": "**ours**, the work itself, nothing to change",
    "process": "**ours**, a whole process",
    "p11-kit": "`trust extract` (p11-kit), a whole process",
    "importkeystore": "`keytool -importkeystore`, one for all",
    "importcert": "`keytool -importcert`, one for each",
}
ANSIBLE_LABELS = {
    "ping": "`ansible.builtin.ping`",
    "module": "**stash_mail_truststore**",
    "module, unchanged": "**stash_mail_truststore**, nothing to change",
    "java_cert": "loop over `community.general.java_cert`",
    "java_cert, unchanged": "loop over `community.general.java_cert`, nothing to change",
}


def rows(times: Times, labels: dict[str, str], reference: str) -> str:
    """A table of the cases in ``labels``, with each time's ratio to that of ``reference``."""
    header = ["", *(f"+{count}" for count in COUNTS)]
    lines = []
    for case, label in labels.items():
        cells = [f"{as_text(times[case][n])} ({ratio(times[case][n] / times[reference][n])})" for n in COUNTS]
        lines.append([label, *cells])
    return doc_table.table(header, lines)


def aims(times: Times, tasks: Times) -> str:
    """Each aim, what was measured, and whether that meets it."""
    module = max(times["module"][n] / times["ping"][n] for n in COUNTS)
    task = max(tasks["module"][n] / tasks["ping"][n] for n in COUNTS)
    p11_kit = max(times["process"][n] / times["p11-kit"][n] for n in COUNTS)
    lines: list[tuple[str, float, Callable[[float], bool]]] = [
        ("work within 3 times the floor, +1", times["work"][1] / times["floor"][1], lambda x: x <= 3),
        ("a playbook of our task below 1.1 times one of ping, up to +100", module, lambda x: x < 1.1),
        ("the task alone against ping's, up to +100 (no aim)", task, lambda x: True),
        ("java_cert's loop over ours, +100, at least 100: the tasks", loop(tasks), lambda x: x >= 100),
        ("the same by whole playbooks, their start and end included (no aim)", loop(times), lambda x: True),
        ("whole process no slower than p11-kit's, up to +100", p11_kit, lambda x: x <= 1),
    ]
    cells = [
        [aim, f"{ratio:.3g}", "" if "no aim" in aim else "yes" if met(ratio) else "no"] for aim, ratio, met in lines
    ]
    return doc_table.table(["aim", "measured", "met"], cells)


def loop(seconds: Times) -> float:
    """How many times as long as our task a loop over java_cert takes for the most certificates."""
    return seconds["java_cert"][max(COUNTS)] / seconds["module"][max(COUNTS)]


def ratio(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def versions() -> str:
    """What was measured with."""
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True)  # noqa: S607
    p11_kit = measure.run(["dpkg-query", "--show", "--showformat=${Version}", "p11-kit"])  # it cannot tell itself
    names = [
        f"Python {measure.run([python(), '-I', '-c', 'import platform; print(platform.python_version())']).strip()}",
        f"ansible-core {metadata.version('ansible-core')} on Python {sys.version.split()[0]}",
        java.stderr.splitlines()[0].replace('"', ""),
        f"p11-kit {p11_kit}",
    ]
    return ", ".join(names)


def main() -> int:
    """Returns the exit status: 0, or 2 where something to measure with is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.truststore", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--no-write", action="store_true", help="only print")
    options = parser.parse_args()
    packages = peers.missing()
    if packages or not BASE.exists():
        print(f"Missing. Install: apt-get install {packages or 'ca-certificates-java'}", file=sys.stderr)
        return 2
    measured_with = versions()
    load = os.getloadavg()[0]
    began = time.monotonic()
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    # Not in /tmp, which may be memory.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=cache) as name:
        bench = Bench(Path(name))
        for count in COUNTS:
            bench.in_process(count)
        for count in COUNTS:
            bench.processes(count)
        bench.playbooks()
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    about = (
        f"Measured on {today} in one run of {(time.monotonic() - began) / 60:.0f} minutes: {measure.machine()}; "
        f"{measured_with}. Base: {bench.base_entries} certificates, {BASE.stat().st_size // 1000} KB. "
        f"Load of the machine before the run: {load:.1f}."
    )
    pages = {
        "truststore": rows(bench.times, LABELS, "work"),
        "ansible": rows(bench.times, ANSIBLE_LABELS, "module"),
        "tasks": rows(bench.tasks, ANSIBLE_LABELS, "module"),
        "aims": aims(bench.times, bench.tasks),
        "about": about,
    }
    for name, content in pages.items():
        print(f"\n{content}")
        if not options.no_write:
            doc_table.write(PAGE, name, content)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
