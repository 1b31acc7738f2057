# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run asks before it changes anything, by its tags."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._scope import selects

DOCUMENTATION = r"""
name: questions
short_description: Questions that a run of the role stash_mail asks before it changes anything
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the tags of the run. Where a phase runs alone, only what it needs is asked.
options:
  _input:
    description: The tags of the run, C(ansible_run_tags).
    type: list
    elements: str
    required: true
  state:
    description: The variable C(stash_mail_state).
    type: str
    required: true
  has_properties:
    description: Whether there are properties to be set.
    type: bool
    required: true
  is_cluster:
    description: Whether the host is a node of a cluster.
    type: bool
    required: true
  sends:
    description:
      - Whether a message is to be sent even if nothing differs. The plan then sends it where all phases are asked for,
        unless the host is a node of a cluster, whose other nodes come first.
    type: bool
    default: false
  has_own_url:
    description: Whether the host is asked at an address of its own.
    type: bool
    default: false
  proofs:
    description:
      - Which messages are to prove it in the end, C(send) and C(notification), where it has to be asked whether they
        would be seen to arrive.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
questions: "{{ ['all'] | stashops.mail.questions('present', true, false) }}"
"""

RETURN = r"""
_value:
  description: Names of questions of M(stashops.mail.stash_mail_plan).
  type: list
  elements: str
"""

# Question: the phases that need its answer, besides the preflight.
_PHASES = {
    "status": ("server",),
    "server": ("server",),
    "jvm": ("jvm",),
    "properties": ("properties",),
    "truststore": ("truststore",),
    "probe": ("probe",),
    "send": ("verify",),
    "notification": ("verify",),
}


def questions(
    tags: t.Collection[str],
    state: str,
    has_properties: bool,
    is_cluster: bool,
    sends: bool = False,
    has_own_url: bool = False,
    proofs: t.Sequence[str] = (),
) -> list[str]:
    """Return the names of the questions, in the order of the plan, and ``message`` where the plan is to send it."""
    is_present = state == "present"
    possible = {
        "status": is_cluster or has_own_url,
        "properties": has_properties,
        "probe": is_present,
        "send": is_present and "send" in proofs,
        "notification": is_present and "notification" in proofs,
    }
    asked = [
        name
        for name, phases in _PHASES.items()
        if possible.get(name, True) and any(selects(tags, phase) for phase in ("prereqs", *phases))
    ]
    is_whole = all(selects(tags, phase) for phase in ("server", "jvm", "properties", "truststore", "probe", "verify"))
    return [*asked, "message"] if sends and is_whole and is_present and not is_cluster else asked


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"questions": questions}
