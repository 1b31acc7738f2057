# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever file the readers get, it ends in a parsed store or a StashMailError, in bounded time and memory.

STASH_MAIL_FUZZ sets the number of damaged files, STASH_MAIL_FUZZ_SEED what is damaged; `make fuzz` is a long run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz import corpus

ROOT = Path(__file__).resolve().parents[2]
COUNT = int(os.environ.get("STASH_MAIL_FUZZ", "8000"))
SEED = int(os.environ.get("STASH_MAIL_FUZZ_SEED", "1"))
# Processor time. A damaged file takes some 2 ms with tracing, all readers together.
FUZZ_SECONDS = 60 + COUNT // 20
CRAFTED_SECONDS = 120
# A small file: the same names, quickly made.
NAMES = sorted(corpus.crafted(1000))

pytestmark = pytest.mark.timeout(5 * (FUZZ_SECONDS + CRAFTED_SECONDS))


def work(folder: Path, seconds: int, *arguments: str) -> dict[str, Any]:
    """Run the worker; fails with the input under way where it did not end by itself."""
    current = folder / "input"
    command = [sys.executable, "-m", "tests.fuzz.worker", f"--current={current}", f"--seconds={seconds}", *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "collections")])}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=4 * seconds, check=False
    )
    if done.returncode:
        how = signal.Signals(-done.returncode).name if done.returncode < 0 else f"exit status {done.returncode}"
        data = current.read_bytes() if current.exists() else b""
        pytest.fail(f"the readers ended with {how} at an input of {len(data)} bytes: {data[:400].hex()}\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_damaged_files(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    result = work(tmp_path, FUZZ_SECONDS, f"--count={COUNT}", f"--seed={SEED}")
    for key, value in result.items():
        record_property(key, value)
    print(f"\nseed {SEED}:", {key: value for key, value in result.items() if key != "failures"})
    assert result["failures"] == []
    assert result["inputs"] == COUNT
    # Or else the damage is of a kind that tells nothing.
    assert result["read"] > COUNT // 10
    assert result["refused"] > COUNT


@pytest.mark.parametrize("name", NAMES)
def test_files_made_to_hurt(tmp_path: Path, name: str) -> None:
    result = work(tmp_path, CRAFTED_SECONDS, f"--crafted={name}")
    assert result["failures"] == []
    assert result["inputs"] == 1
