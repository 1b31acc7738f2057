# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments from the hash-checked pins in requirements/, beside the project's own."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from tests.pythons.interpreters import interpreter

ROOT = Path(__file__).resolve().parents[2]


def environment(pins: str, version: str) -> Path:
    """The programs of a virtual environment that is made from the hash-checked pins, once for one content of these."""
    python = interpreter(version)
    assert python
    folder = ROOT / ".cache" / "environments" / f"{pins}-python{version}"
    stamp = folder / "installed-from"
    requirements = ROOT / "requirements" / f"{pins}.txt"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True, timeout=300)
        pip = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        pip += ["--no-compile", "--require-hashes", "--requirement", str(requirements)]
        subprocess.run(pip, check=True, timeout=600)
        stamp.write_text(wanted)
    return folder / "bin"
