# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a run on which something is to be done."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._fleet import PLAN, HostVars, value_of
from ansible_collections.stashops.mail.plugins.plugin_utils._plan import differs_on_node

DOCUMENTATION = r"""
name: differing_nodes
short_description: Nodes that are not as wanted
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the names of a run's hosts that have been asked, and returns those whose truststore, properties or JVM
    arguments differ from what is wanted, or whose process has not read them.
options:
  _input:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: Their variables, C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
differing: "{{ ansible_play_hosts_all | stashops.mail.differing_nodes(hostvars) }}"
"""

RETURN = r"""
_value:
  description: Those of the hosts on which something is to be done.
  type: list
  elements: str
"""


def differing_nodes(hosts: t.Iterable[str], hostvars: HostVars) -> list[str]:
    """Return those of ``hosts`` on which something is to be done."""
    return [host for host in map(str, hosts) if differs_on_node(value_of(hostvars[host], PLAN, {}))]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"differing_nodes": differing_nodes}
