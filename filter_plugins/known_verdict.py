# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan has found out about the mail server and the send need not find out again."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._plan import known
from ansible_collections.stashops.mail.plugins.plugin_utils._plan import Answers

DOCUMENTATION = r"""
name: known_verdict
short_description: What stash_mail_send need not ask the JVM again after a plan
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes a node's plan. What the JVM has accepted there, it need not be started for again, as long as the truststore
    that the plan judged by is the one that is in place by now.
options:
  _input:
    description: What M(stashops.mail.stash_mail_plan) returned.
    type: dict
    required: true
  phases:
    description: Phases of the run that have something to do, as P(stashops.mail.phases#filter) tells.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
options: "{{ options | combine(plan | stashops.mail.known_verdict(['truststore', 'jvm', 'verify'])) }}"
"""

RETURN = r"""
_value:
  description:
    - Options of M(stashops.mail.stash_mail_send), C(trusted_chain) and C(hello), as far as they are known.
  type: dict
"""


def known_verdict(answers: Answers, phases: t.Collection[str]) -> dict[str, t.Any]:
    """Return options of stash_mail_send, as far as the plan knows them."""
    # A plan with trials is one of a rotation, and may have been made for another truststore.
    if answers.get("trials") or ("truststore" in answers.get("planned", ()) and "truststore" not in phases):
        return {}
    return known.of_probe(answers.get("probe") or {})


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"known_verdict": known_verdict}
