# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of our playbooks take the modules as another run has packed them.

Ansible packs each module once in a run, which is a fifth of what a run of the tests costs, and packs the same in each.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import ansible.release

_ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def environment() -> dict[str, str]:
    """What such a run has in its environment; where any source is another, it is another folder."""
    digest = hashlib.sha256(ansible.release.__version__.encode())
    # Of which the collections of others come.
    digest.update((_ROOT / "requirements/test.txt").read_bytes())
    for folder in ("library", "plugins/module_utils"):
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(_ROOT)} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return {
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "packed",
        "STASH_MAIL_PACKED": str(_ROOT / ".cache/packed" / digest.hexdigest()[:16]),
    }
