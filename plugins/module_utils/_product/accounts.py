# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose word counts: accounts, and folders that nobody but root can put another one in the place of."""

from __future__ import annotations

import os
import pwd
import stat


def name_of(uid: int) -> str:
    """The account's name, its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def uid_of(name: str) -> int | None:
    """The account's number, None if there is no such account."""
    if name.isdigit():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return None


def owner_of(path: str) -> int | None:
    """The number of the account that owns a file or folder, links followed; None if it is not there."""
    try:
        return os.stat(path).st_uid
    except (OSError, ValueError):
        return None


def is_placed_by_root(path: str) -> bool:
    """Whether only root can put something else at ``path``: true of a folder in /opt, false of one in /tmp or /home/x.

    The file or folder itself may be another account's.
    """
    folder = os.path.dirname(os.path.realpath(path))
    while True:
        try:
            state = os.stat(folder)
        except (OSError, ValueError):
            return False
        if state.st_uid != 0 or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return False
        if folder == "/":
            return True
        folder = os.path.dirname(folder)
