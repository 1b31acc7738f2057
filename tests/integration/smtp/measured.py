# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the modules, each in a process of its own, with the time and the memory that they took.

``python measured.py`` reads one line of JSON for each run, ``{"module": ..., "options": ...}``, and answers with one,
``{"result": ..., "seconds": ..., "peak_kb": ...}``. All is imported once, and every run is a fork of that, so that the
memory is the module's alone, that of the interpreter and of OpenSSL with it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, cast

ROOT = Path(__file__).resolve().parents[3]
MODULES = ("stash_mail_probe", "stash_mail_send")


class Worker:
    """One such process, a context manager."""

    def __enter__(self) -> Worker:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": f"{ROOT}/collections"},
        )
        return self

    def run(self, module: str, options: dict[str, Any]) -> dict[str, Any]:
        """Run a module once."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps({"module": module, "options": options}) + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def _run(module: Any, options: dict[str, Any]) -> dict[str, Any]:
    from ansible.module_utils.testing import patch_module_args  # noqa: TID251 - the caller gives what it adds

    printed = io.StringIO()
    started = time.monotonic()
    with patch_module_args(options), contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        module.main()
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"result": json.loads(printed.getvalue()), "seconds": seconds, "peak_kb": peak}


def _serve() -> None:
    package = "ansible_collections.stashops.mail.plugins.modules"
    modules = {name: importlib.import_module(f"{package}.{name}") for name in MODULES}
    importlib.import_module("cryptography.hazmat.primitives.asymmetric.rsa")
    for line in sys.stdin:
        request = json.loads(line)
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            try:
                found: dict[str, Any] = _run(modules[request["module"]], request["options"])
            except BaseException as error:
                found = {"result": {"failed": True, "msg": f"TRACEBACK {error!r}"}, "seconds": 0, "peak_kb": 0}
            with os.fdopen(write_end, "w") as pipe:
                json.dump(found, pipe)
            os._exit(0)
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            answer = cast(dict[str, Any], json.load(pipe))
        os.waitpid(child, 0)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
