# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""stash_mail_server through Ansible itself, at its most talkative."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.ansible_module import ROOT
from tests.integration.server.conftest import OTHER_PASSWORD, PASSWORD, Target
from tests.pythons.interpreters import interpreter

BIN = Path(sys.executable).parent


def play(
    folder: Path, target: Target, tasks: list[dict[str, object]], *arguments: str, python: str = sys.executable
) -> str:
    """Run the tasks as a playbook with -vvvv and return all that was said, once the secrets are not in it."""
    common = {
        "url": target.standin.url,
        "url_username": target.standin.sysadmin.name,
        "url_password": "{{ lookup('ansible.builtin.file', 'admin') }}",
        "password_state_path": str(target.state_path),
    }
    (folder / "admin").write_text(target.standin.sysadmin.password)
    (folder / "mail").write_text(PASSWORD)
    (folder / "other").write_text(OTHER_PASSWORD)
    book = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "module_defaults": {"group/stashops.mail.stash_mail": common},
            "tasks": tasks,
        }
    ]
    (folder / "play.yml").write_text(yaml.safe_dump(book, sort_keys=False))
    command = [str(BIN / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-vvvv", "--diff", *arguments]
    command += ["-e", f"ansible_python_interpreter={python}", str(folder / "play.yml")]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_LOCALHOST_WARNING": "false"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    said = done.stdout + done.stderr
    for secret in (PASSWORD, OTHER_PASSWORD, target.standin.sysadmin.password):
        assert secret not in said
    return said


def task(password: str, **options: object) -> dict[str, object]:
    settings = {"host": "smtp.example.com", "port": 587, "username": "bitbucket", "sender": "bitbucket@example.com"}
    looked_up = f"{{{{ lookup('ansible.builtin.file', '{password}') }}}}"
    return {"stashops.mail.stash_mail_server": {**settings, "password": looked_up, **options}}


@pytest.mark.parametrize("shown", [False, True])
def test_no_password_is_said(target: Callable[..., Target], tmp_path: Path, shown: bool) -> None:
    there = target(returns_password=shown)
    tasks = [task("mail"), task("mail"), task("other"), task("other", url_password="wrong-one")]
    checked = play(tmp_path, there, tasks[:1], "--check")
    assert "changed=1" in checked
    assert there.rest() is None
    said = play(tmp_path, there, tasks)
    assert "ok=3    changed=2    unreachable=0    failed=1" in said
    assert "different-password" in said
    assert "url_password" in said
    assert "wrong-one" not in said
    assert there.stored()["password"] == OTHER_PASSWORD
    again = play(tmp_path, there, [task("other")], "--check")
    assert "changed=0" in again


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_oldest_and_newest_python_of_a_target(target: Callable[..., Target], tmp_path: Path, version: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    there = target(key_style="hyphen")
    removal: dict[str, object] = {"stashops.mail.stash_mail_server": {"state": "absent"}}
    tasks = [task("mail"), task("mail"), removal]
    said = play(tmp_path, there, tasks, python=python)
    assert "ok=3    changed=2    unreachable=0    failed=0" in said
    assert there.rest() is None
    refused = play(tmp_path, there, [task("mail", url="http://localhost:1")], python=python)
    assert "refused the connection: nothing listens on port 1" in refused.replace("\n", " ")
