# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Pythons of this machine that a target could have."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

# What the supported releases of ansible-core have on targets between them; newer ones join as they come.
TARGET_VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


@functools.cache
def interpreter(version: str) -> str | None:
    """The path of a Python of that version which really starts, from the PATH or pyenv; ``None`` without one."""
    candidates = [shutil.which(f"python{version}")]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += [str(path / "bin" / "python") for path in sorted(pyenv.glob(f"{version}.*"))]
    for candidate in candidates:
        if candidate is None:
            continue
        said = subprocess.run(
            [candidate, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if said.stdout.strip() == version:
            return candidate
    return None
