# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a run the modules that another has packed, and keep those that it has packed itself."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: packed
type: aggregate
short_description: Share packed modules between runs
description: Where Ansible looks for what it has packed in this run, put what is in the folder E(STASH_MAIL_PACKED).
"""

# Others may be a test's own, and another's of the same name.
_KEPT = ("ansible.modules.", "ansible_collections.containers.podman.", "ansible_collections.stashops.mail.")


class CallbackModule(CallbackBase):
    """What Ansible loads."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "packed"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._kept = Path(os.environ["STASH_MAIL_PACKED"])
        # As ansible.executor.module_common has it.
        self._own = Path(vars(constants)["DEFAULT_LOCAL_TMP"]) / "ansiballz_cache"

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._kept.mkdir(parents=True, exist_ok=True)
        self._own.mkdir(exist_ok=True)
        for file in self._kept.iterdir():
            shutil.copy(file, self._own)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        for file in (file for prefix in _KEPT for file in self._own.glob(f"{prefix}*")):
            if file.suffix != ".lock" and not (self._kept / file.name).exists():
                # In one step, for others do the same.
                with tempfile.TemporaryDirectory(dir=self._kept.parent) as folder:
                    shutil.copy(file, folder)
                    (Path(folder) / file.name).replace(self._kept / file.name)
