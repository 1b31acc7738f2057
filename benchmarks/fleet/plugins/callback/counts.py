# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the tasks of a run, and says what memory the controller took."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: counts
type: aggregate
short_description: Count tasks and results
author: The stash_mail developers (@stashops)
version_added: 1.0.0
description: Writes what it counted as JSON into the file that E(STASH_MAIL_BENCH_COUNTS) names.
requirements: []
"""


class CallbackModule(CallbackBase):  # type: ignore[misc,unused-ignore]
    """See DOCUMENTATION."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "counts"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._tasks = 0
        self._started = 0

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._tasks += 1

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self._started += 1

    def v2_playbook_on_stats(self, stats: Any) -> None:
        counts = {
            "tasks": self._tasks,
            "started": self._started,
            "changed": sum(stats.changed.values()),
            "failed": sum(stats.failures.values()) + sum(stats.dark.values()),
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        Path(os.environ["STASH_MAIL_BENCH_COUNTS"]).write_text(json.dumps(counts), "utf-8")
