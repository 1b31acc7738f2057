# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a preset in a run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.unit.role.test_presets import OPTIONS, PRESETS

ROOT = Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles" / "stash_mail"
BASE = {"stash_mail_sender": "bitbucket@example.com", "stash_mail_recipient": "ops@example.com"}


def prereqs(folder: Path, hosts: dict[str, dict[str, Any]], *arguments: str) -> tuple[int, str]:
    """Run the first phase on ``hosts``, which changes nothing, and show the three variables: status and words."""
    common = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "stash_mail_bitbucket_admin_user": "admin",
        "stash_mail_bitbucket_admin_password": "Admin-Geheim-31",
        **BASE,
    }
    inventory = {"all": {"hosts": {name: {**common, **values} for name, values in hosts.items()}}}
    (folder / "hosts.json").write_text(json.dumps(inventory))
    shown = "{{ [inventory_hostname, stash_mail_host, stash_mail_port, stash_mail_security] | to_json }}"
    problems = "{{ __stash_mail_inputs | stashops.mail.input_problems }}"
    role: list[dict[str, Any]] = [
        {"ansible.builtin.import_role": {"name": str(ROLE), "tasks_from": "ask/fleet"}},
        {
            "ansible.builtin.import_role": {"name": str(ROLE), "tasks_from": "ask/problems"},
            "vars": {"__stash_mail_problems": problems},
        },
    ]
    # The specs of the role's way in, since these alone are none.
    specs = {"ansible.builtin.validate_argument_spec": {"argument_spec": {key: OPTIONS[key] for key in SPECS}}}
    told: dict[str, Any] = {"ansible.builtin.debug": {"msg": shown}}
    book = [
        {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [*role, specs, told],
        }
    ]
    (folder / "play.yml").write_text(json.dumps(book))
    return play(folder, *arguments)


def play(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run ``play.yml`` on ``hosts.json``: the exit code and all that was said, which holds no password."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-vvvv", "-i", "hosts.json", *arguments, "play.yml"],
        cwd=folder,
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert "Admin-Geheim-31" not in said
    return done.returncode, said


SPECS = ("stash_mail_preset", "stash_mail_host", "stash_mail_port", "stash_mail_security")
# What is set, and what comes of it.
CASES: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "none": ({"stash_mail_host": "mail.example.com"}, ["mail.example.com", 25, "starttls_required"]),
    **{
        name: (
            {"stash_mail_preset": name, "stash_mail_preset_region": "eu-west-1"},
            [entry["host"].replace("<region>", "eu-west-1"), entry["port"], entry["security"]],
        )
        for name, entry in PRESETS.items()
    },
    "own-host": (
        {"stash_mail_preset": "amazon_ses", "stash_mail_host": "vpce.example.com"},
        ["vpce.example.com", 587, "starttls_required"],
    ),
    "own-port": (
        {"stash_mail_preset": "gmail", "stash_mail_port": 465, "stash_mail_security": "smtps"},
        ["smtp.gmail.com", 465, "smtps"],
    ),
}


def test_what_is_set_wins_and_one_host_tells(tmp_path: Path) -> None:
    hosts = {name: values for name, (values, _) in CASES.items()}
    # A second one of these: it gets the same, and nothing is said twice.
    hosts["zz-gmail"] = {"stash_mail_preset": "gmail"}
    status, said = prereqs(tmp_path, hosts)
    assert status == 0, said
    rows = [json.loads(json.loads(f'"{text}"')) for text in re.findall(r'"msg": "(\[\\".*?\])"', said)]
    found = {row[0]: row[1:] for row in rows}
    assert found == {**{name: wanted for name, (_, wanted) in CASES.items()}, "zz-gmail": CASES["gmail"][1]}
    for name, entry in PRESETS.items():
        assert said.count(json.dumps(f"Prepare: {entry['prepare'][0]}")) == 1, name
        for text in entry["warnings"]:
            assert said.count(json.dumps(f"Note: {text}")) == 1, text


def test_one_variable_for_all_is_told_once(tmp_path: Path) -> None:
    status, said = prereqs(tmp_path, {"one": {}, "two": {}}, "-e", "stash_mail_preset=sendgrid")
    assert status == 0, said
    assert said.count(json.dumps(f"Prepare: {PRESETS['sendgrid']['prepare'][0]}")) == 1
    assert said.count('smtp.sendgrid.net\\"') == 2


def test_the_region_is_asked_for(tmp_path: Path) -> None:
    status, said = prereqs(tmp_path, {"one": {"stash_mail_preset": "amazon_ses"}})
    assert status == 2
    assert "stash_mail_preset_region must be set with stash_mail_preset amazon_ses" in said


def test_an_unknown_preset_is_refused_by_the_argument_specs(tmp_path: Path) -> None:
    book = [{"hosts": "all", "gather_facts": False, "roles": [str(ROLE)]}]
    (tmp_path / "play.yml").write_text(json.dumps(book))
    settings = {
        **BASE,
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "stash_mail_preset": "gmial",
        "stash_mail_bitbucket_admin_user": "admin",
        "stash_mail_bitbucket_admin_password": "Admin-Geheim-31",
    }
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {"one": settings}}}))
    code, said = play(tmp_path)
    assert code == 2, said
    assert "value of stash_mail_preset must be one of: , gmail" in said
    assert "gmial" in said
    assert "undefined" not in said
