# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module through the real ansible command, with --check, --diff and full verbosity."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry

from tests.unit.truststore.factory import make

ROOT = Path(__file__).resolve().parents[3]
CA = make("Company Root CA")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base"
    path.write_bytes(store.write_store([Entry("public", make("Public").der)], "jks", "base-Secret"))
    return path


def ansible(path: Path, base: Path, *flags: str, **options: object) -> str:
    arguments = {"path": str(path), "base": str(base), "base_password": "base-Secret", "password": "our-Secret"}
    command = [
        str(Path(sys.executable).with_name("ansible")),
        "localhost",
        "-c",
        "local",
        "-m",
        "stashops.mail.stash_mail_truststore",
        "-a",
        json.dumps({**arguments, **options}),
        "-e",
        f"ansible_python_interpreter={sys.executable}",
        *flags,
    ]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    return done.stdout + done.stderr


def test_check_diff_and_no_secret(tmp_path: Path, base: Path) -> None:
    path = tmp_path / "cacerts"
    options = {"certificates": [{"pem": CA.pem}], "backup": True}
    checked = ansible(path, base, "--check", "--diff", "-vvvv", **options)
    assert "localhost | CHANGED" in checked
    assert f"+stash_mail:company-root-ca-{CA.sha256[:8]}  sha256={CA.sha256}" in checked
    assert not path.exists()
    first = ansible(path, base, "--diff", "-vvvv", **options)
    assert "localhost | CHANGED" in first
    assert len(store.read_store(path.read_bytes(), "our-Secret")) == 2
    again = ansible(path, base, "--diff", "-vvvv", **options)
    assert "localhost | SUCCESS" in again
    leaked = ansible(path, base, "-vvvv", certificates=[{"pem": CA.key_pem}])
    assert "holds a private key" in leaked
    for output in (checked, first, again, leaked):
        assert "base-Secret" not in output
        assert "our-Secret" not in output
    assert CA.key_pem.splitlines()[2] not in leaked
