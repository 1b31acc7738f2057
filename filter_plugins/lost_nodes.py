# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of an instance that a run has lost."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._fleet import lost_nodes

DOCUMENTATION = r"""
name: lost_nodes
short_description: Nodes that have failed in this run, or dropped out of it
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the nodes of an instance. While one of them is lost, nothing more is changed on the others.
options:
  _input:
    description: Names of the nodes.
    type: list
    elements: str
    required: true
  hostvars:
    description: Their variables, C(hostvars). C(stash_mail_failure) says why a host has failed.
    type: dict
    required: true
  alive:
    description: The hosts that are still in the run, C(ansible_play_hosts).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
lost: "{{ ['node1', 'node2'] | stashops.mail.lost_nodes(hostvars, ansible_play_hosts) }}"
"""

RETURN = r"""
_value:
  description: Those of the nodes that are lost.
  type: list
  elements: str
"""


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"lost_nodes": lost_nodes}
