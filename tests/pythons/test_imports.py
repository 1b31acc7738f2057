# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent to targets starts on every Python that a target may have, with the standard library alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.pythons.interpreters import TARGET_VERSIONS, interpreter

ROOT = Path(__file__).resolve().parents[2]
UTILS = ROOT / "plugins" / "module_utils"
SHARED = sorted(UTILS.rglob("*.py"))
MODULES = sorted((ROOT / "library").glob("*.py"))

# Blocks site-packages: whatever is imported then is the standard library's or ours.
IMPORT_ALL = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module("ansible_collections.stashops.mail.plugins.module_utils." + name)
third_party = {"cryptography", "ansible", "yaml", "jinja2"} & set(sys.modules)
assert not third_party, third_party
"""
COMPILE_ALL = """
import sys
for name in sys.argv[1:]:
    compile(open(name, encoding="utf-8").read(), name, "exec")
"""
# They talk REST through Ansible's own client, or repeat its options: it is there when a module runs on a target.
NEEDS_ANSIBLE = {
    *(f"_bitbucket.{name}" for name in ("client", "mail_server", "notification", "notify", "users")),
    "_plan.argument_specs",
}


def python_of(version: str) -> str:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    return python


@pytest.mark.parametrize("version", TARGET_VERSIONS)
def test_shared_code_imports(version: str) -> None:
    shared = [".".join(path.relative_to(UTILS).with_suffix("").parts) for path in SHARED]
    names = [name for name in shared if name not in NEEDS_ANSIBLE]
    assert "_inputs" in names
    command = [python_of(version), "-I", "-S", "-c", IMPORT_ALL, str(ROOT / "collections"), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", TARGET_VERSIONS)
def test_modules_compile(version: str) -> None:
    files = [str(path) for path in SHARED + MODULES]
    done = subprocess.run(
        [python_of(version), "-I", "-c", COMPILE_ALL, *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
