# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules run in this process as Ansible runs them on a target."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import typing as t

from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args


class Outcome(t.NamedTuple):
    """How a module run ended: its result, and whether it failed."""

    result: dict[str, t.Any]
    failed: bool

    @property
    def message(self) -> str:
        return str(self.result.get("msg", ""))

    @property
    def warnings(self) -> str:
        return json.dumps(self.result.get("warnings", []))


def run_module(check: bool = False, **options: t.Any) -> Outcome:
    """Run stash_mail_truststore in this process with ``options``, with --diff, as Ansible would run it."""
    module = importlib.import_module("ansible_collections.stashops.mail.plugins.modules.stash_mail_truststore")
    arguments = {"_ansible_check_mode": check, "_ansible_diff": True, **options}
    output = io.StringIO()
    # Ansible collects warnings for the life of a process, which on a target is one module run.
    warnings._global_warnings.clear()
    with patch_module_args(arguments), contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        module.main()
    result = json.loads(output.getvalue())
    return Outcome(result, bool(result.get("failed")))
