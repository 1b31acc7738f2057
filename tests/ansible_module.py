# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules run in this process as Ansible runs them on a target."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
import typing as t
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from ansible.module_utils import testing
from ansible.module_utils.common import warnings
from ansible.module_utils.common.parameters import PASS_VARS
from ansible_collections.stashops.mail.plugins.module_utils._verdict import loading
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import Setup

ROOT = Path(__file__).resolve().parents[1]
MODULES = "ansible_collections.stashops.mail.plugins.modules"
# Since 2.21 ansible-core leaves out of a result what the module was called with, unless it is asked for it. The tests
# look there for secrets. Before that it is always there, and a module refuses to be asked.
INVOCATION: dict[str, t.Any] = {"_ansible_inject_invocation": True} if "inject_invocation" in PASS_VARS else {}


@dataclass(frozen=True)
class Outcome:
    """How a module run ended: its result, and whether it failed."""

    result: dict[str, t.Any]
    failed: bool

    def __getitem__(self, name: str) -> t.Any:
        return self.result[name]

    @property
    def changed(self) -> bool:
        """Whether a run that did not fail has changed something."""
        assert not self.failed, self.result
        return bool(self.result["changed"])

    @property
    def message(self) -> str:
        """The message of a run that failed."""
        assert self.failed, self.result
        return str(self.result["msg"])

    @property
    def warnings(self) -> str:
        return json.dumps(self.result.get("warnings", []))


def patch_module_args(options: dict[str, t.Any]) -> contextlib.AbstractContextManager[None]:
    """A module that is run in this process meanwhile gets ``options``; its result has what it was called with."""
    return testing.patch_module_args({**INVOCATION, **options})  # noqa: TID251 - this is the place


def run_module(check: bool = False, with_java: bool = False, **options: t.Any) -> Outcome:
    """Run stash_mail_truststore in this process with ``options``, with --diff, as Ansible would run it.

    ``with_java``: what differs is loaded by a JVM, as on a target that has one, which takes its start each time.
    """
    module = importlib.import_module(f"{MODULES}.stash_mail_truststore")
    arguments = {"_ansible_check_mode": check, "_ansible_diff": True, **options}
    output = io.StringIO()
    # Ansible collects warnings for the life of a process, which on a target is one module run.
    warnings._global_warnings.clear()
    setup = mock.patch.object(loading, "product_setup", return_value=Setup("/no/java"))
    with (
        contextlib.nullcontext() if with_java else setup,
        patch_module_args(arguments),
        contextlib.redirect_stdout(output),
        contextlib.suppress(SystemExit),
    ):
        module.main()
    result = json.loads(output.getvalue())
    return Outcome(result, bool(result.get("failed")))


def run_process(
    module: str,
    options: dict[str, t.Any],
    *,
    check: bool = False,
    secrets: Iterable[str] = (),
    environment: dict[str, str] | None = None,
) -> Outcome:
    """Run a module as a process of its own, with --diff, at -vvv. None of ``secrets`` is in what it prints."""
    internal = {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_verbosity": 3}
    done = subprocess.run(
        [sys.executable, "-m", f"{MODULES}.{module}"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {**INVOCATION, **options, **internal}}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT / "collections"), **(environment or {})},
    )
    said = done.stdout + done.stderr
    assert done.stdout.strip().startswith("{"), said
    for secret in secrets:
        assert secret not in said
    result = json.loads(done.stdout)
    assert bool(result.get("failed")) is bool(done.returncode), said
    return Outcome(result, bool(done.returncode))
