# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of docs/awx: AWX takes them, and jobs with what it makes of them do what they say."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests import awx
from tests.integration.role.conftest import ACCOUNT, RECIPIENT, ROOT, Outcome, Site, make_site, run_playbook

PROGRAMS = Path(sys.executable).parent
needs_awx = pytest.mark.skipif(
    not any(Path(folder, "ansible_collections/awx/awx").is_dir() for folder in sys.path),
    reason="the package of Ansible for this Python is without awx.awx",
)
# With what a template, YAML and a shell would take for their own.
PASSWORD = "{{ undefined }} %{# 'x'\" $HOME é"
TYPES = awx.load("credential_types.yml")["awx_credential_types"]
TEMPLATES = awx.load("job_templates.yml")["awx_job_templates"]
QUESTIONS = [question for template in TEMPLATES for question in template.get("survey", {}).get("spec", [])]
SPECS: dict[str, Any] = {}
for _entry in yaml.safe_load((ROOT / "roles/stash_mail/meta/argument_specs.yml").read_text())[
    "argument_specs"
].values():
    SPECS |= _entry["options"]


@functools.cache
def options_of(module: str) -> dict[str, Any]:
    """The options that the module documents, those for the way to AWX left out."""
    shown = subprocess.run(
        [str(PROGRAMS / "ansible-doc"), "--json", "--type", "module", f"awx.awx.{module}"],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": ""},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    options: dict[str, Any] = json.loads(shown.stdout)[f"awx.awx.{module}"]["doc"]["options"]
    return options


def assert_known(variables: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Every variable is one of the role's, those inside a dict too."""
    for name, value in variables.items():
        assert name in options, name
        if isinstance(value, dict):
            assert_known(value, options[name]["options"])


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind["name"])
def test_credential_type(kind: dict[str, Any]) -> None:
    jsonschema.validate(kind["inputs"], awx.INPUTS_SCHEMA)
    jsonschema.validate(kind["injectors"], awx.INJECTORS_SCHEMA)
    fields = {field["id"]: field for field in kind["inputs"]["fields"]}
    assert set(kind["inputs"]["required"]) <= set(fields)
    kept = {name for name, field in fields.items() if field.get("secret")}
    assert kept == fields.keys() & {"password", "token"} != set()
    assert_known(awx.inject_strictly(kind), SPECS)


@needs_awx
def test_tasks_use_options_that_the_modules_have() -> None:
    tasks = awx.load("configure.yml")[0]["tasks"]
    for task in tasks:
        module = next(name for name in task if name.startswith("awx.awx."))
        options = options_of(module.removeprefix("awx.awx."))
        for name, value in task[module].items():
            assert name in options, f"{module}: {name}"
            choices = options[name].get("choices")
            assert not choices or "{{" in str(value) or value in choices, f"{module}: {name}"
    kinds = options_of("credential_type")["kind"]["choices"]
    assert all(kind["kind"] in kinds for kind in TYPES)


@needs_awx
def test_playbook_of_tasks_is_one() -> None:
    checked = subprocess.run(
        [str(PROGRAMS / "ansible-playbook"), "--syntax-check", str(awx.FOLDER / "configure.yml")],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert checked.returncode == 0, checked.stderr


def test_templates_have_playbooks() -> None:
    assert sorted(template["playbook"] for template in TEMPLATES) == sorted(
        path.relative_to(ROOT).as_posix() for path in (ROOT / "playbooks").glob("*.yml")
    )


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["variable"])
def test_question_of_a_survey(question: dict[str, Any]) -> None:
    """Its answers are what the role's argument spec takes."""
    spec = SPECS[question["variable"]]
    if question["type"] == "multiplechoice":
        assert question["default"] in question["choices"]
        assert set(question["choices"]) <= set(spec.get("choices", ["true", "false"]))
        assert "choices" in spec or spec["type"] == "bool"
    else:
        assert question["type"] == "integer"
        assert spec["type"] == "int"
        assert question["min"] <= question["default"] <= question["max"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with make_site(tmp_path, mail_password=PASSWORD) as made:
        yield made


def job(site: Site, name: str, *options: str, **answers: Any) -> Outcome:
    """Run a template's playbook with its survey answered, the account's variables being those of credentials."""
    template = next(template for template in TEMPLATES if template["name"] == name)
    imap = site.settings["stash_mail_imap"]
    credentials = {
        "stash_mail mail server": {"username": ACCOUNT, "password": PASSWORD},
        "stash_mail Bitbucket administrator": {
            "username": site.bitbucket.sysadmin.name,
            "password": site.bitbucket.sysadmin.password,
        },
        "stash_mail mailbox": {
            "recipient": RECIPIENT,
            **{field: str(imap[field]) for field in ("host", "security", "port", "username")},
            "password": PASSWORD,
        },
    }
    given = {question["variable"]: question["default"] for question in template.get("survey", {}).get("spec", [])}
    given |= {f"stash_mail_{variable}": answer for variable, answer in answers.items()}
    files = [given, *(awx.inject(awx.credential_type(kind), **inputs) for kind, inputs in credentials.items())]
    inventory = {k: v for k, v in site.settings.items() if not any(k in file for file in files)}
    arguments = []
    for number, variables in enumerate(files):
        path = site.folder / f"extra_{number}.yml"
        path.touch(mode=0o600)
        path.write_text(awx.dump(variables), "utf-8")
        arguments += ["--extra-vars", f"@{path}"]
    playbook = template["playbook"].removeprefix("playbooks/").removesuffix(".yml")
    code, output = run_playbook(
        site.folder, {"bitbucket": {"hosts": {"stand_in": inventory}}}, *arguments, *options, playbook=playbook
    )
    site.output += output
    return Outcome(code, output)


def test_jobs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user launches them: check mode, the run, again, the check with a message; and what they leave for others."""
    monkeypatch.setenv("ANSIBLE_SHOW_CUSTOM_STATS", "1")
    before = site.state()
    tried = job(site, "stash_mail provision", "--check", "--diff")
    assert tried.ok, tried.output
    assert site.state() == before
    done = job(site, "stash_mail provision", verify_notification="true")
    assert done.ok, done.output
    assert site.arrived(2), "one of the run's, one of Bitbucket's"
    assert "mail_provision" in done.output
    again = job(site, "stash_mail provision")
    assert (again.ok, again.changed) == (True, 0), again.output
    assert site.arrived(3)
    quiet = job(site, "stash_mail check", check_warn_days=0)
    assert quiet.ok, quiet.output
    checked = job(site, "stash_mail check", check_message="true", check_warn_days=0)
    assert checked.ok, checked.output
    assert site.arrived(4)
    assert "mail_check" in checked.output
