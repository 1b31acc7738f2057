# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that have to be text, and are what YAML makes of what was written: all of them, by the argument specs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stashops.mail.plugins.filter.text_problems import _SECRETS, text_problems

ROLE = Path(__file__).resolve().parents[3] / "roles" / "stash_mail"


def options() -> dict[str, dict[str, Any]]:
    specs = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text("utf-8"))["argument_specs"]
    return {name: option for spec in specs.values() for name, option in spec.get("options", {}).items()}


TEXTS = sorted(name for name, option in options().items() if option.get("type", "str") in ("str", "path", "raw"))


def test_all_of_the_role_are_asked_about() -> None:
    variables = yaml.safe_load((ROLE / "vars" / "main" / "main.yml").read_text("utf-8"))
    assert re.findall(r"'\w+': (\w+)", variables["__stash_mail_texts"]) == TEXTS
    assert len(TEXTS) > 40
    assert set(_SECRETS) < set(TEXTS)


def test_no_specification_says_no_log() -> None:
    # ansible-core before 2.19 refuses an inline vault there: Unknown parameter type. The modules' options say it.
    assert "no_log" not in (ROLE / "meta" / "argument_specs.yml").read_text("utf-8")


@pytest.mark.parametrize("value", [None, 5, 1.5, True, ["a"], {"a": "b"}], ids=repr)
@pytest.mark.parametrize("name", TEXTS)
def test_what_is_no_text_is_refused_by_the_variables_name(name: str, value: object) -> None:
    (problem,) = text_problems({name.removeprefix("stash_mail_"): value}) or [""]
    # A whole number is a password like any other, and a mode that is one is explained where it is used.
    if type(value) is int and (name in _SECRETS or name == "stash_mail_truststore_mode"):
        assert problem == ""
    else:
        assert problem.startswith(f"{name} ")
        assert problem.endswith((".", "inventory."))
        assert problem.isprintable()


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_taken(name: str) -> None:
    assert text_problems({name.removeprefix("stash_mail_"): "/a"}) == []
    assert text_problems({name.removeprefix("stash_mail_"): ""}) == []


@pytest.mark.parametrize("name", _SECRETS)
@pytest.mark.parametrize("value", ["Geheim-4711\n", "Geheim\r-4711", "Geheim-4711\udc80"])
def test_a_secret_as_a_file_ends_is_refused_and_not_shown(name: str, value: str) -> None:
    (problem,) = text_problems({name.removeprefix("stash_mail_"): value})
    assert problem.startswith(f"{name} holds ")
    assert "Geheim" not in problem


@pytest.mark.parametrize("path", ["state/passwords.json", "../x", "passwords.json"])
def test_a_relative_path_is_refused(path: str) -> None:
    (problem,) = text_problems({"password_state_path": path})
    assert "is relative" in problem
    assert text_problems({"password_state_path": "~/passwords.json"}) == []
