# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.fuzz.worker``: feeds the readers and watches what it costs; a process of its own.

An endless loop or a memory bomb so ends this process and not the test run. The input under way is in the file named,
for whoever has to look into it. The result is JSON on standard output.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._truststore import jks, pkcs12, store
from ansible_collections.stashops.mail.plugins.module_utils._x509 import der, pem
from ansible_collections.stashops.mail.plugins.module_utils._x509.certificate import describe

from tests.fuzz import corpus

ADDRESS_SPACE = 2 << 30
# A small file may cost that much; a larger one in proportion. Tracing makes all of it three times as slow.
BASE_SECONDS, SECONDS_PER_MEGABYTE = 2.0, 20.0
BASE_BYTES, BYTES_PER_BYTE = 4 << 20, 40


def read_and_write(data: bytes) -> None:
    """What the module does with a base: what can be read can be built and written, and reads back as it was."""
    entries = store.read_store(data, corpus.PASSWORD, keytool="")
    if not entries:
        return
    built = store.build(entries, [])
    for format in store.FORMATS:
        written = store.write_store(built.entries, format)
        again = store.read_store(written, corpus.PASSWORD, keytool="")
        assert again == built.entries, f"what was written as {format} reads back differently"
    assert {entry.der for entry in built.entries} == {entry.der for entry in entries}, "certificates were lost"


def walk(data: bytes) -> None:
    """The BER reader alone, whose own error its callers turn into theirs."""
    try:
        der.octets(data, der.read(data, 0, len(data)))
    except der.DerError:
        return


READERS: dict[str, Callable[[bytes], object]] = {
    "store": read_and_write,
    "store without its password": lambda data: store.read_store(data, None),
    "JKS": lambda data: jks.read(data, None),
    "PKCS12": pkcs12.read,
    "BER": walk,
    "certificates": lambda data: pem.load(data, "the input"),
    "PEM": lambda data: pem.load_pem(data.decode("latin-1"), "the input"),
    "DER or PKCS7": lambda data: pem.load_der(data, "the input"),
    "certificate": describe,
}


class Watch:
    """Feeds one input to the readers, and collects what was wrong and what it cost."""

    def __init__(self, current: Path) -> None:
        self._current = os.open(current, os.O_RDWR | os.O_CREAT, 0o600)
        self.inputs = self.read = self.refused = 0
        self.failures: list[dict[str, str]] = []
        self.slowest = self.largest = 0.0

    def feed(self, name: str, data: bytes) -> None:
        self.inputs += 1
        os.pwrite(self._current, data, 0)
        os.ftruncate(self._current, len(data))
        for reader, function in READERS.items():
            self._try(f"{name}, reader {reader}", data, function)

    def _try(self, name: str, data: bytes, function: Callable[[bytes], object]) -> None:
        tracemalloc.reset_peak()
        before, began = tracemalloc.get_traced_memory()[0], time.process_time()
        try:
            function(data)
            self.read += 1
        except StashMailError as error:
            self.refused += 1
            if not str(error).strip():
                self._fail(name, data, "an error without a word")
        # Panics of the cryptography library's Rust are no Exception.
        except BaseException as error:
            self._fail(name, data, repr(error))
        seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1] - before
        self.slowest, self.largest = max(self.slowest, seconds), max(self.largest, peak)
        if seconds > BASE_SECONDS + SECONDS_PER_MEGABYTE * len(data) / corpus.MEGABYTE:
            self._fail(name, data, f"{seconds:.1f} seconds for {len(data)} bytes")
        if peak > BASE_BYTES + BYTES_PER_BYTE * len(data):
            self._fail(name, data, f"{peak} bytes of memory for {len(data)}")

    def _fail(self, name: str, data: bytes, what: str) -> None:
        if len(self.failures) < 20:
            self.failures.append({"input": name, "what": what[:400], "begins": data[:200].hex()})

    def result(self) -> dict[str, Any]:
        return {
            "inputs": self.inputs,
            "read": self.read,
            "refused": self.refused,
            "failures": self.failures,
            "slowest_seconds": round(self.slowest, 3),
            "largest_bytes": int(self.largest),
            "resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }


def main() -> None:
    """Run; the exit status is 0 whatever was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.worker", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--crafted", help="feed this one file that was made to hurt")
    parser.add_argument("--count", type=int, default=0, help="feed so many damaged files")
    parser.add_argument("--seed", type=int, default=0, help="of the damage")
    parser.add_argument("--seconds", type=int, default=60, help="end after so much processor time")
    parser.add_argument("--current", type=Path, required=True, help="write the input under way to this file")
    options = parser.parse_args()
    seeds = corpus.seeds()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (options.seconds, options.seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    watch = Watch(options.current)
    data = corpus.crafted()[options.crafted] if options.crafted else b""
    tracemalloc.start()
    if options.crafted:
        watch.feed(options.crafted, data)
    chance = random.Random(options.seed)  # noqa: S311 - the same damage at every run is the point
    names = sorted(seeds)
    for number in range(options.count):
        name = chance.choice(names)
        watch.feed(f"number {number}, from {name}", corpus.damaged(seeds[name], list(seeds.values()), chance))
    print(json.dumps(watch.result()))


if __name__ == "__main__":
    main()
