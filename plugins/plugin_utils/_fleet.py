# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of other hosts, each asked for by its name and once."""

from __future__ import annotations

import typing as t

HostVars = t.Mapping[str, t.Mapping[str, t.Any]]

# The fact in which a playbook keeps why a host has failed, while the others go on.
FAILURE = "stash_mail_failure"
# What stash_mail_plan returned for it.
PLAN = "__stash_mail_plan"


def value_of(variables: t.Mapping[str, t.Any], name: str, default: t.Any) -> t.Any:
    """``variables[name]``. Asked for by name only: to look at all variables of a host is to template all of them."""
    try:
        return variables[name]
    except KeyError:
        return default


def lost_nodes(nodes: t.Iterable[str], hostvars: HostVars, alive: t.Collection[str]) -> list[str]:
    """Those of ``nodes`` that have failed in this run or dropped out of it."""
    return [name for name in nodes if name not in alive or value_of(hostvars[name], FAILURE, "")]
