# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the restart by the product's own scripts makes of what they say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
VARIABLES = yaml.safe_load((ROOT / "roles/stash_mail/vars/main/main.yml").read_text())


@pytest.mark.parametrize("status", [0, 1])
@pytest.mark.parametrize("says", ["started", "It could not be started", "nothing of note"])
def test_the_script_decides_and_not_its_words(tmp_path: Path, says: str, status: int) -> None:
    start, log = tmp_path / "start", tmp_path / "start.log"
    start.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    start.chmod(0o755)
    inner = ["sh", "-c", VARIABLES["__stash_mail_restart_script"], "sh", "true", "", "1", str(start), str(log)]
    done = subprocess.run(
        ["sh", "-c", VARIABLES["__stash_mail_restart_wait"], "sh", *inner],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode != 0) == (status != 0), done.stdout
    assert says in (done.stdout if status else log.read_text())
