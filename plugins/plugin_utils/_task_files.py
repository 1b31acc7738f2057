# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with tasks of the user's, on the controller."""

from __future__ import annotations

import os.path
import typing as t

Values = t.Mapping[str, t.Any]


def task_files(first: str, second: str, values: Values) -> str:
    """The text where one of two files with tasks is not there."""
    wrong = [path for path in (str(values[first]), str(values[second])) if path and not _is_file(path)]
    if not wrong:
        return ""
    return (
        f"{' and '.join(wrong)} is no file on the controller, by its absolute path. Give stash_mail_{first} and "
        f"stash_mail_{second} as {{{{ inventory_dir }}}}/../tasks.yml, or with another absolute path."
    )


def _is_file(path: str) -> bool:
    return os.path.isabs(path) and os.path.isfile(path)
