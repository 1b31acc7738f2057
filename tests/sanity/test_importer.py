# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball as Galaxy looks at it, ansible-lint with its production profile included, by ``make importer``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.stage import stage
from tests.pythons.environments import environment

SETTINGS = """
[galaxy-importer]
RUN_ANSIBLE_DOC = True
RUN_ANSIBLE_LINT = True
RUN_ANSIBLE_TEST = False
CHECK_REQUIRED_TAGS = True
CHECK_CHANGELOG = True
LOG_LEVEL_MAIN = INFO
"""

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not os.environ.get("STASH_MAIL_IMPORTER"), reason="make importer runs this: STASH_MAIL_IMPORTER is not set"
    ),
]


def test_the_importer_has_nothing_to_say(tmp_path: Path) -> None:
    programs = environment("importer", f"{sys.version_info.major}.{sys.version_info.minor}")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    env = {**kept, "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path / "home")}
    (tmp_path / "settings.cfg").write_text(SETTINGS)
    build = [str(programs / "ansible-galaxy"), "collection", "build", "--output-path", str(tmp_path)]
    subprocess.run(build, cwd=stage(tmp_path / "stage"), env=env, check=True, capture_output=True, timeout=120)
    (tarball,) = tmp_path.glob("*.tar.gz")
    assert shutil.which("ansible-lint", path=env["PATH"]) == str(programs / "ansible-lint"), "it is passed over without"
    done = subprocess.run(
        [str(programs / "python"), "-m", "galaxy_importer.main", tarball.name],
        cwd=tmp_path,
        env={**env, "GALAXY_IMPORTER_CONFIG": str(tmp_path / "settings.cfg")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=700,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "Importer processing completed successfully" in done.stdout
    said = [line for line in done.stdout.splitlines() if line.startswith(("WARNING", "ERROR"))]
    assert not said, "\n".join(said)
