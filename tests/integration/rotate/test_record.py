# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of the password written last may be missing after a crash, and is never wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.ansible_module import MODULES, ROOT
from tests.integration.server.conftest import OTHER_PASSWORD, PASSWORD, Target
from tests.standin import Standin

# As if killed when Bitbucket has the new settings, and the record is not written yet.
_DIES = f"""
import os, runpy
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.password_record import PasswordRecord
PasswordRecord.record = lambda *_: os._exit(9)
runpy.run_module({f"{MODULES}.stash_mail_server"!r}, run_name="__main__")
"""


def test_a_run_that_dies_behind_the_write(tmp_path: Path) -> None:
    with Standin(tmp_path / "bitbucket", java=False) as standin:
        target = Target(standin, tmp_path / "passwords.json")
        assert target.run().changed
        options = {
            "url": standin.url,
            "url_username": standin.sysadmin.name,
            "url_password": standin.sysadmin.password,
            "host": "smtp.example.com",
            "port": 587,
            "username": "bitbucket",
            "password": OTHER_PASSWORD,
            "sender": "bitbucket@example.com",
            "password_state_path": str(target.state_path),
        }
        died = subprocess.run(
            [sys.executable, "-c", _DIES],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": options}),
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
        )
        assert died.returncode == 9
        assert target.stored()["password"] == OTHER_PASSWORD
        # The old password is wanted again: a record of it that had been left there would say that all is well.
        assert target.run().changed
        assert target.stored()["password"] == PASSWORD
        assert not target.run().changed
