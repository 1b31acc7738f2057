# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of a run belong together, worked out once for all of them."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._controller import check_controller
from ansible_collections.stashops.mail.plugins.plugin_utils._fleet import HostVars, value_of
from ansible_collections.stashops.mail.plugins.plugin_utils._variables import explain, known, strange

DOCUMENTATION = r"""
name: fleet
short_description: Which hosts of a run are nodes of the same instance, and whose turn is when
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the names of a run's hosts in their order. Hosts with the same C(stash_mail_cluster) are nodes of one
    instance.
  - Each host asking for itself who belongs to it would cost the square of their number, so that this is asked once.
  - Fails where ansible-core or its Python is too old for the collection.
options:
  _input:
    description: Names of the hosts of the run.
    type: list
    elements: str
    required: true
  hostvars:
    description: Their variables, C(hostvars).
    type: dict
    required: true
  inventory:
    description: Names of all hosts of the inventory.
    type: list
    elements: str
    required: true
  names:
    description: Names of the variables that are given to the role, beside those of the inventory.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
fleet: "{{ ansible_play_hosts_all | stashops.mail.fleet(hostvars, groups.all) }}"
"""

RETURN = r"""
_value:
  description:
    - C(nodes), for each host the nodes of its instance, itself included, in the order of the run.
    - C(left_out), for each cluster the nodes that are in the inventory and not in the run.
    - C(turn), for each host when it is its turn, from 0. The first nodes of all clusters, and all instances of their
      own, have the same turn. C(turns) is their number.
    - C(presets), the presets (C(stash_mail_preset)) that the hosts use.
    - C(unknown), for each host with variables that have the role's prefix and are none of its own, a text on these.
  type: dict
"""


class Fleet(t.TypedDict):
    """Who belongs together."""

    nodes: dict[str, list[str]]
    left_out: dict[str, list[str]]
    turn: dict[str, int]
    turns: int
    presets: list[str]
    unknown: dict[str, str]


def fleet(hosts: t.Sequence[str], hostvars: HostVars, inventory: t.Sequence[str], names: t.Iterable[str] = ()) -> Fleet:
    """Return who belongs together among ``hosts``; without any there is one turn all the same."""
    check_controller()
    of_role = known()
    strangers = {}
    clusters: dict[str, list[str]] = {}
    presets: dict[str, None] = {}
    cluster_of = {}
    for host in map(str, hosts):
        variables = hostvars[host]
        cluster_of[host] = cluster = _cluster(variables)
        clusters.setdefault(cluster, []).append(host)
        presets[str(value_of(variables, "stash_mail_preset", "") or "")] = None
        strangers[host] = strange(variables, of_role)
    alone = clusters.pop("", [])
    turn = dict.fromkeys(alone, 0) | {name: place for nodes in clusters.values() for place, name in enumerate(nodes)}
    return {
        "nodes": {host: clusters.get(cluster, [host]) for host, cluster in cluster_of.items()},
        "left_out": _left_out(clusters, set(cluster_of), hostvars, inventory),
        "turn": turn,
        "turns": max(turn.values(), default=0) + 1,
        "presets": [name for name in presets if name],
        "unknown": _unknown(strangers, strange(names, of_role), of_role),
    }


def _unknown(strangers: t.Mapping[str, set[str]], given: set[str], of_role: t.Collection[str]) -> dict[str, str]:
    """``given`` are those of the host that asks for all: what is not its own there, all have from the play."""
    shared = given.difference(*strangers.values())
    found = {host: names | shared for host, names in strangers.items()}
    return {host: explain(names, of_role) for host, names in found.items() if names}


def _left_out(
    clusters: t.Mapping[str, t.Sequence[str]], hosts: t.Collection[str], hostvars: HostVars, inventory: t.Sequence[str]
) -> dict[str, list[str]]:
    left_out: dict[str, list[str]] = {cluster: [] for cluster in clusters}
    for name in map(str, inventory if clusters else ()):
        if name not in hosts:
            left_out.get(_cluster(hostvars[name]), []).append(name)
    return left_out


def _cluster(variables: t.Mapping[str, t.Any]) -> str:
    return str(value_of(variables, "stash_mail_cluster", "") or "")


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"fleet": fleet}
