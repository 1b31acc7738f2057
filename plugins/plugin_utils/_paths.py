# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths on a target, as its variables give them."""

from __future__ import annotations

import os.path


def relative(name: str, path: str) -> str:
    """The text where the ``path`` that the variable ``name`` gives is relative; empty where it is not, or is none."""
    if not path or os.path.isabs(os.path.expandvars(os.path.expanduser(path))):
        return ""
    return f"{name} {path} is relative, and to what is not known on another machine: give an absolute path."
