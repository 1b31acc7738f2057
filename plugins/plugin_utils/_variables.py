# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables with the role's prefix that the role does not know."""

from __future__ import annotations

import difflib
import typing as t
from pathlib import Path

from ansible.module_utils.common.yaml import yaml_load

PREFIX = "stash_mail_"
# What the role and its playbooks hand over, or are handed by each other, besides what the argument specs say.
HANDED_OVER = frozenset(
    {
        "stash_mail_all_or_none",
        "stash_mail_check_certificates",
        "stash_mail_check_error",
        "stash_mail_check_instance",
        "stash_mail_checks",
        "stash_mail_failure",
        "stash_mail_is_changed",
        "stash_mail_result",
        "stash_mail_rotate_is_over",
        "stash_mail_rotate_to",
    }
)
_SPECS = Path(__file__).parents[2] / "roles" / "stash_mail" / "meta" / "argument_specs.yml"


def known() -> frozenset[str]:
    """The names of all variables of all entry points, read from their argument specs."""
    specs = yaml_load(_SPECS.read_text("utf-8"))["argument_specs"]
    return HANDED_OVER.union(*(spec["options"] for spec in specs.values()))


def strange(names: t.Iterable[str], of_role: t.Collection[str]) -> set[str]:
    """Those of ``names`` that have the role's prefix and are not ``of_role``."""
    return {name for name in names if name.startswith(PREFIX) and name not in of_role}


def explain(names: t.Iterable[str], of_role: t.Collection[str]) -> str:
    """What is wrong with each of ``names``, which are strange."""
    return " ".join(_text(name, of_role) for name in sorted(names))


def _text(name: str, of_role: t.Collection[str]) -> str:
    # Without the prefix, which makes all of them alike.
    others = sorted(other[len(PREFIX) :] for other in set(of_role) - HANDED_OVER)
    alike = difflib.get_close_matches(name[len(PREFIX) :], others, n=1, cutoff=0.65)
    if alike:
        return f"{name} is not a variable of the role: did you mean {PREFIX}{alike[0]}?"
    return (
        f"{name} is not a variable of the role, and those that start with {PREFIX} are its own: rename it, or take it "
        "out. ansible-doc -t role stashops.mail.stash_mail lists them."
    )
