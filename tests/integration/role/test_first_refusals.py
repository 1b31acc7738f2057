# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a playbook refuses before it asks anything, or at once: no hosts, misspelt variables, an old Python."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.integration.role.conftest import run_playbook
from tests.pythons.interpreters import interpreter

PLAYBOOKS = ("provision", "check", "rotate_credentials", "rotate_certificate")
ACCOUNT = {"stash_mail_bitbucket_admin_user": "admin", "stash_mail_bitbucket_admin_password": "of no importance"}
# No host is asked: there is none of this name.
HOST = {**ACCOUNT, "ansible_host": "host.invalid", "stash_mail_rotate_password": "of no importance"}


def run(folder: Path, playbook: str, inventory: dict[str, Any], *options: str) -> str:
    """Run a playbook, which has to fail, and return in one line what it printed."""
    code, output = run_playbook(folder, inventory, *options, playbook=playbook)
    assert code == 2, output
    assert "unreachable=1" not in output
    assert "is undefined" not in output
    return re.sub(r"\s+", " ", output)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_no_host(tmp_path: Path, playbook: str) -> None:
    inventories: list[dict[str, Any]] = [{}, {"bitbucket": {"hosts": {}}}, {"others": {"hosts": {"other": {}}}}]
    for inventory in inventories:
        assert "No host of this run is in the group bitbucket of the inventory" in run(tmp_path, playbook, inventory)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_phase_to_skip(tmp_path: Path, playbook: str) -> None:
    said = run(tmp_path, playbook, {"bitbucket": {"hosts": {"one": HOST}}}, "--skip-tags", "other,stash_mail_verify")
    assert "--skip-tags stash_mail_verify would skip the questions that all phases need" in said


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_phase_that_there_is_not(tmp_path: Path, playbook: str) -> None:
    said = run(tmp_path, playbook, {"bitbucket": {"hosts": {"one": HOST}}}, "--tags", "other,stash_mail_trustore")
    assert "There is no phase stash_mail_trustore to run by --tags. The phases are stash_mail_prereqs," in said


def test_a_task_to_start_at(tmp_path: Path) -> None:
    """By which the run leaves out all that it goes by."""
    # With that option Ansible looks at the host itself, whatever a play says.
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {"bitbucket": {"hosts": {"one": {**HOST, **here}}}}
    said = run(tmp_path, "provision", inventory, "--start-at-task", "Gather how the run went")
    assert "It was asked nothing. Run from the beginning" in said


def test_none_is_left_by_the_limit(tmp_path: Path) -> None:
    inventory = {"bitbucket": {"hosts": {"one": HOST}}, "others": {"hosts": {"other": {}}}}
    assert "check that --limit leaves at least one" in run(tmp_path, "provision", inventory, "--limit", "other")


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_misspelt_variable(tmp_path: Path, playbook: str) -> None:
    inventory = {"bitbucket": {"hosts": {"one": {**HOST, "stash_mail_pasword": "of no importance"}}}}
    assert "did you mean stash_mail_password?" in run(tmp_path, playbook, inventory)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_misspelt_key(tmp_path: Path, playbook: str) -> None:
    inventory = {"bitbucket": {"hosts": {"one": {**HOST, "stash_mail_imap": {"hots": "localhost"}}}}}
    assert "stash_mail_imap.hots" in run(tmp_path, playbook, inventory)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_vault_without_its_password(tmp_path: Path, playbook: str) -> None:
    inventory = {"bitbucket": {"hosts": {"one": {**HOST, **vaulted()}}}}
    said = run(tmp_path, playbook, inventory)
    assert "Ansible Vault cannot decrypt stash_mail_imap, stash_mail_password: the run has no vault password." in said
    assert "Give it by --ask-vault-pass or --vault-password-file" in said


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_vault_with_another_password(tmp_path: Path, playbook: str) -> None:
    inventory = {"bitbucket": {"hosts": {"one": {**HOST, **vaulted()}}}}
    (tmp_path / "another").write_text("of another vault")
    said = run(tmp_path, playbook, inventory, "--vault-password-file", str(tmp_path / "another"))
    assert "stash_mail_imap, stash_mail_password: encrypted with another password than the run has." in said


def vaulted() -> dict[str, Any]:
    """Variables with secrets that are encrypted one by one, directly, in a dictionary and through another variable."""
    text = VaultLib([("default", VaultSecret(b"of the vault"))]).encrypt("of no importance").decode()
    return {
        "stash_mail_host": "localhost",
        "stash_mail_sender": "bitbucket@example.com",
        "stash_mail_recipient": "inbox@example.com",
        "stash_mail_username": "bitbucket",
        "stash_mail_password": "{{ vault_password }}",
        "vault_password": {"__ansible_vault": text},
        "stash_mail_imap": {"host": "localhost", "username": "inbox", "password": {"__ansible_vault": text}},
        "stash_mail_certificates_next": [{"path": "/nowhere/new.pem"}],
        "stash_mail_certificates": [{"path": "/nowhere/old.pem"}],
    }


@pytest.mark.parametrize("playbook", ["provision", "check", "rotate_certificate"])
@pytest.mark.parametrize("version", ["3.6", "3.7"])
def test_a_python_that_is_too_old(tmp_path: Path, version: str, playbook: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    host = {
        **HOST,
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": python,
        "stash_mail_host": "localhost",
        "stash_mail_sender": "bitbucket@example.com",
        "stash_mail_recipient": "inbox@example.com",
        "stash_mail_certificates": [{"path": "/nowhere/old.pem"}],
        "stash_mail_certificates_next": [{"path": "/nowhere/new.pem"}],
    }
    said = run(tmp_path, playbook, {"bitbucket": {"hosts": {"one": host}}})
    # Either our sentence or, of a core that starts there, its own.
    assert re.search("is older than 3.8, which is the oldest|requires a minimum of Python version 3", said), said
    assert "changed=0 " in said
