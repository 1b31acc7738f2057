# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of the role's prefix that it does not know, and what it needs of the controller."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.stashops.mail.plugins.filter.fleet import fleet
from ansible_collections.stashops.mail.plugins.plugin_utils._controller import CORE, PYTHON, check_controller
from ansible_collections.stashops.mail.plugins.plugin_utils._variables import HANDED_OVER, explain, known, strange

ROOT = Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles" / "stash_mail"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("stash_mail_pasword", "stash_mail_password"),
        ("stash_mail_hosts", "stash_mail_host"),
        ("stash_mail_certificate", "stash_mail_certificates"),
        ("stash_mail_admin_user", "stash_mail_bitbucket_admin_user"),
        ("stash_mail_imap_", "stash_mail_imap"),
        ("stash_mail_rotate_pasword", "stash_mail_rotate_password"),
    ],
)
def test_what_was_meant(name: str, meant: str) -> None:
    assert explain(strange([name], known()), known()) == f"{name} is not a variable of the role: did you mean {meant}?"


def test_what_is_like_none_of_ours() -> None:
    said = explain(strange(["stash_mail_x", "stash_mail_ca"], known()), known())
    assert said.count("rename it") == 2
    assert "did you mean" not in said


def test_all_that_is_ours_is_known() -> None:
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text("utf-8"))
    assert strange(defaults, known()) == set()
    assert strange(["ansible_host", "__stash_mail_x", "vault_stash_mail_password", "stash_mail"], known()) == set()


def test_what_is_handed_over_is_known_and_nothing_else() -> None:
    set_somewhere = set()
    for file in [*ROLE.rglob("tasks/**/*.yml"), *(ROOT / "playbooks").rglob("*.yml")]:
        set_somewhere |= set(re.findall(r"^ +(stash_mail_\w+):", file.read_text("utf-8"), re.MULTILINE))
    of_users = set(known()) - HANDED_OVER
    assert set_somewhere - of_users == HANDED_OVER


def test_what_an_earlier_play_has_done_is_not_told_again() -> None:
    variables = yaml.safe_load((ROLE / "vars" / "main" / "main.yml").read_text("utf-8"))
    told = variables["__stash_mail_results"] + variables["__stash_mail_has_changed"]
    registers = set(re.findall(r"(__stash_mail_\w+) \| default\({}\)", told))
    tasks = yaml.safe_load((ROLE / "tasks" / "ask" / "fleet.yml").read_text("utf-8"))
    reset = {name for name, value in tasks[0]["ansible.builtin.set_fact"].items() if value == {}}
    assert len(registers) == 7
    assert reset == registers


def examples() -> Iterator[tuple[str, str]]:
    for file in [ROOT / "README.md", ROLE / "README.md", *(ROOT / "docs").rglob("*")]:
        if file.suffix in (".md", ".yml", ".yaml"):
            for name in re.findall(r"^[ -]*(stash_mail_\w+):", file.read_text("utf-8"), re.MULTILINE):
                yield str(file.relative_to(ROOT)), name


def test_the_documentation_names_no_variable_that_is_refused() -> None:
    found = list(examples())
    assert found
    assert [(file, name) for file, name in found if strange([name], known())] == []


def test_whose_variables_they_are() -> None:
    hosts: dict[str, dict[str, Any]] = {
        "a": {"stash_mail_hst": "", "stash_mail_host": ""},
        "b": {"stash_mail_host": ""},
    }
    # Those of the play, and of the one that asks for all.
    found = fleet(["a", "b"], hosts, ["a", "b"], ["stash_mail_host", "stash_mail_hst"])["unknown"]
    assert set(found) == {"a"}
    found = fleet(["a", "b"], hosts, ["a", "b"], ["stash_mail_host", "stash_mail_hst", "stash_mail_prot"])["unknown"]
    assert found["b"] == "stash_mail_prot is not a variable of the role: did you mean stash_mail_port?"
    assert found["a"].count("did you mean") == 2


@pytest.mark.parametrize(
    ("core", "python", "said"),
    [
        ("2.15.13", (3, 11, 0), "needs ansible-core 2.16 or newer on the controller, and this is 2.15.13"),
        ("2.9.27", (3, 6, 8), "needs ansible-core 2.16"),
        (
            "2.17.0",
            (3, 10, 1),
            "needs Python 3.11 or newer on the controller, and ansible-core 2.17.0 runs on Python 3.10",
        ),
    ],
)
def test_an_old_controller(core: str, python: tuple[int, ...], said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=re.escape(said)):
        check_controller(core, python)


@pytest.mark.parametrize("core", ["2.16.0rc1", "2.21.0", "3.0.0.dev0"])
def test_a_controller_of_ours(core: str) -> None:
    check_controller(core, (3, 11, 0))


def test_the_same_is_asked_for_everywhere() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text("utf-8"))
    meta = yaml.safe_load((ROLE / "meta" / "main.yml").read_text("utf-8"))
    core = ".".join(map(str, CORE))
    assert runtime["requires_ansible"] == f">={core}.0"
    assert meta["galaxy_info"]["min_ansible_version"] == core
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"| controller | ansible-core {core} and later, Python {'.'.join(map(str, PYTHON))} and later |" in readme
