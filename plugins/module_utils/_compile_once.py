# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Importing this has Python compile each file that is imported after it once, where it compiles it twice otherwise.

Ansible sends a module's files as a zip, with nothing compiled in it. Python asks that for each file's name and then for
its code, and compiles the file for both. That is an eighth of the CPU that a plan costs a target. The last one is kept.
"""

from __future__ import annotations

import functools
import zipimport

# Not Python's word for the public: one that does not have it goes on as ever.
_find = getattr(zipimport, "_get_module_code", None)
if _find is not None:
    setattr(zipimport, "_get_module_code", functools.lru_cache(maxsize=1)(_find))  # noqa: B010
