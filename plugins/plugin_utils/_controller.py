# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role needs of the controller."""

from __future__ import annotations

import sys
import typing as t

from ansible.errors import AnsibleFilterError
from ansible.release import __version__

# As meta/runtime.yml says, by which Ansible itself only warns.
CORE = (2, 16)
PYTHON = (3, 11)


def check_controller(core: str = __version__, python: tuple[int, ...] = sys.version_info[:2]) -> None:
    """Raise AnsibleFilterError where ansible-core or its Python is too old."""
    if tuple(map(int, core.split(".")[:2])) < CORE:
        raise AnsibleFilterError(
            f"stashops.mail needs ansible-core {_dotted(CORE)} or newer on the controller, and this is {core}. Nothing "
            "has been changed. Install a newer ansible-core and run again."
        )
    if python[:2] < PYTHON:
        raise AnsibleFilterError(
            f"stashops.mail needs Python {_dotted(PYTHON)} or newer on the controller, and ansible-core {core} runs on "
            f"Python {_dotted(python[:2])}. Nothing has been changed. Install ansible-core with a newer Python and run "
            "again."
        )


def _dotted(version: t.Iterable[int]) -> str:
    return ".".join(map(str, version))
