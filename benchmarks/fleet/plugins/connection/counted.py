# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's local connection, which notes what goes through it and what the processes behind it cost."""

from __future__ import annotations

import json
import os
import re
import resource
from typing import Any

from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = """
name: counted
short_description: The local connection, counted
author: The stash_mail developers (@stashops)
version_added: 1.0.0
description:
  - Runs on this machine, as C(local) does, and adds a line of JSON for each command to the file that
    E(STASH_MAIL_BENCH_COMMANDS) names.
options:
  become_success_timeout:
    description: As of C(local).
    type: int
    default: 10
    vars:
      - name: ansible_local_become_success_timeout
  become_strip_preamble:
    description: As of C(local).
    type: bool
    default: true
    vars:
      - name: ansible_local_become_strip_preamble
extends_documentation_fragment:
  - connection_pipelining
"""

# Of the commands that name a module's file, those that only make it executable or remove it.
_MODULE_FILE = re.compile(r"AnsiballZ_\w+\.py")
_NO_CALL = re.compile(r"\b(chmod|rm -f|mkdir)\b")


class Connection(LocalConnection):
    """See DOCUMENTATION. One line holds the command's CPU seconds, the bytes sent, and whether a module ran."""

    transport = "counted"

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        before = _children()
        result: tuple[int, bytes, bytes] = super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        is_module = bool(in_data) or bool(_MODULE_FILE.search(cmd) and not _NO_CALL.search(cmd))
        _note({"cpu": _children() - before, "bytes": len(cmd) + len(in_data or b""), "module": is_module})
        return result

    def put_file(self, in_path: str, out_path: str) -> None:
        super().put_file(in_path, out_path)
        _note({"cpu": 0.0, "bytes": os.stat(in_path).st_size, "module": False})


def _children() -> float:
    """CPU seconds of all ended children of this worker, and of theirs; a daemon that they leave does not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _note(line: dict[str, Any]) -> None:
    # One write below the size of a pipe's buffer, appended: the lines of workers side by side do not mix.
    with open(os.environ["STASH_MAIL_BENCH_COMMANDS"], "ab", buffering=0) as file:
        file.write(json.dumps(line).encode() + b"\n")
