# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""stash_mail_notification through Ansible itself, at its most talkative, on the Pythons that a target may have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.notification.conftest import PASSWORD, RECIPIENT, ROOT, Lab
from tests.pythons.interpreters import interpreter


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_oldest_and_newest_python_of_a_target(lab: Lab, tmp_path: Path, version: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    (tmp_path / "admin").write_text(lab.standin.admin.password)
    (tmp_path / "mailbox").write_text(PASSWORD)
    options = {
        "recipient": RECIPIENT,
        "home": str(lab.standin.home),
        "truststore": str(lab.truststore),
        "imap": {**lab.mailbox, "password": "{{ lookup('ansible.builtin.file', 'mailbox') }}"},
        "deadline": 30,
    }
    common = {
        "url": lab.standin.url,
        "url_username": lab.standin.admin.name,
        "url_password": "{{ lookup('ansible.builtin.file', 'admin') }}",
    }
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"group/stashops.mail.stash_mail": common},
        "tasks": [{"stashops.mail.stash_mail_notification": options}],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-vvvv"]
    command += ["-e", f"ansible_python_interpreter={python}", str(tmp_path / "play.yml")]
    for arguments in (["--check"], []):
        done = subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_LOCALHOST_WARNING": "false"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        said = done.stdout + done.stderr
        for secret in (PASSWORD, lab.standin.admin.password):
            assert secret not in said
        assert "changed=1    unreachable=0    failed=0" in said, said
    assert "outcome: delivered" in said.replace('"', "")
    assert lab.users() == []
