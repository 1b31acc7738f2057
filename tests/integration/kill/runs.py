# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of stash_mail_truststore, each in a process of its own that can be killed, and what they are to write.

``python -m tests.integration.kill.runs`` does one run with the options that are JSON on its standard input.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import signal
import sys
import typing as t
from dataclasses import asdict
from multiprocessing.process import BaseProcess
from pathlib import Path

from ansible_collections.stashops.mail.plugins.module_utils._truststore import store
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry

from tests.ansible_module import Outcome, run_module
from tests.unit.truststore.factory import make

SUFFIX = ".stash_mail_tmp"
# As many as in the bundle of an operating system, so that writing takes as long.
BASE_ENTRIES = 140
# A fork has everything imported, so that a run takes milliseconds and is killed in its work, not in its start.
_FORK = multiprocessing.get_context("fork")


class Wanted(t.NamedTuple):
    """Two truststores: the options that make them, and their bytes."""

    options: tuple[dict[str, t.Any], dict[str, t.Any]]
    contents: tuple[bytes, bytes]


def prepare(folder: Path) -> Wanted:
    """Make a base in ``folder``, and find out what the runs are to write."""
    base = folder / "base"
    entries = [Entry(f"public-{number}", make(f"Public {number}").der) for number in range(BASE_ENTRIES)]
    base.write_bytes(store.write_store(entries, "jks"))
    options, contents = [], []
    for number in range(2):
        item: dict[str, t.Any] = {"base": str(base), "certificates": [{"pem": make(f"Private {number}").pem}]}
        path = folder / f"wanted-{number}"
        outcome = run_module(path=str(path), **item)
        assert not outcome.failed, outcome.message
        options.append(item)
        contents.append(path.read_bytes())
    return Wanted((options[0], options[1]), (contents[0], contents[1]))


def leftovers(folder: Path) -> list[Path]:
    """Temporary files of runs that were killed."""
    return sorted(folder.glob(f".*{SUFFIX}"))


def start(path: Path, options: dict[str, t.Any]) -> BaseProcess:
    """Begin a run."""
    process = _FORK.Process(target=_run, args=(path, options))
    process.start()
    return process


def start_to_die(path: Path, options: dict[str, t.Any], step: int) -> BaseProcess:
    """Begin a run that kills itself at the ``step``-th step of its writing.

    A step is where Python calls into C, and where it comes back: before and after each system call, and more.
    """
    process = _FORK.Process(target=_run_to_die, args=(path, options, step))
    process.start()
    return process


def start_as(user: int, path: Path, options: dict[str, t.Any], result: Path) -> BaseProcess:
    """Begin a run as another user, who leaves what came out in the file ``result``; only root can."""
    process = _FORK.Process(target=_run_as, args=(user, path, options, os.open(result, os.O_WRONLY | os.O_CREAT)))
    process.start()
    return process


def _run(path: Path, options: dict[str, t.Any]) -> None:
    outcome = run_module(path=str(path), **options)
    os._exit(1 if outcome.failed else 0)


def _run_to_die(path: Path, options: dict[str, t.Any], step: int) -> None:
    module = importlib.import_module("ansible_collections.stashops.mail.plugins.module_utils._truststore.build")
    install = module.install
    left = step

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal left
        if event.startswith("c_"):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    def counted(*arguments: t.Any) -> None:
        sys.setprofile(count)
        try:
            install(*arguments)
        finally:
            sys.setprofile(None)

    vars(module)["install"] = counted
    _run(path, options)


def _run_as(user: int, path: Path, options: dict[str, t.Any], descriptor: int) -> None:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    outcome: Outcome = run_module(path=str(path), **options)
    os.write(descriptor, json.dumps(asdict(outcome)).encode())
    os._exit(0)


if __name__ == "__main__":
    print(json.dumps(asdict(run_module(**json.load(sys.stdin)))))
