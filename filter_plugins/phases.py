# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run does, by what its plan says and by its tags."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._plan import (
    Answers,
    holds_certificates,
    is_check,
    is_not_installed,
    is_unread,
    would_change,
)
from ansible_collections.stashops.mail.plugins.plugin_utils._scope import selects

DOCUMENTATION = r"""
name: phases
short_description: Phases of the role stash_mail that have something to do
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes a node's plan. A phase has something to do where the plan says that something differs, and V(verify) where
    the plan has not sent the message itself. A check sends none, and has nothing to do on a machine that the product
    is still to be installed on.
options:
  _input:
    description: What M(stashops.mail.stash_mail_plan) returned.
    type: dict
    required: true
  tags:
    description: The tags of the run, C(ansible_run_tags).
    type: list
    elements: str
    required: true
  wanted:
    description:
      - What else counts, C(state), C(auth_type), C(verify) and C(notification) as the role's variables have them, and
        C(is_writer), whether the node writes the settings.
    type: dict
    required: true
"""

EXAMPLES = r"""
phases: "{{ plan | stashops.mail.phases(['all'], wanted) }}"
"""

RETURN = r"""
_value:
  description:
    - Of V(truststore), V(properties), V(jvm), V(restart), V(truststore_absent), V(server), V(verify) and
      V(notification) those that have something to do, in this order.
  type: list
  elements: str
"""


_QUESTIONS = ("truststore", "properties", "jvm", "server")


def phases(answers: Answers, tags: t.Collection[str], wanted: t.Mapping[str, t.Any]) -> list[str]:
    """Return the names of the phases that have something to do, in their order."""
    if is_not_installed(answers):
        return []
    differing = [name for name in _QUESTIONS if would_change(answers, name) and selects(tags, name)]
    keeps_truststore = holds_certificates(answers)
    restarts = is_unread(answers) and (selects(tags, "jvm") or selects(tags, "properties"))
    found = [
        *(["truststore"] if "truststore" in differing and keeps_truststore else []),
        *(name for name in ("properties", "jvm") if name in differing),
        *(["restart"] if restarts else []),
        *(["truststore_absent"] if "truststore" in differing and not keeps_truststore else []),
        *(["server"] if "server" in differing and wanted["is_writer"] else []),
    ]
    if wanted["state"] == "present" and selects(tags, "verify"):
        sent = {"verify"} if "message" in answers else set()
        found += [name for name in _proofs(answers, wanted, has_changes=bool(found)) if name not in sent]
    return found


def _proofs(answers: Answers, wanted: t.Mapping[str, t.Any], *, has_changes: bool) -> list[str]:
    # A message proves what was done, and a check has done nothing.
    if wanted["verify"] == "never" or is_check(answers) or (wanted["verify"] == "on_change" and not has_changes):
        return []
    # Only the product has the token of OAuth 2.0, or a mechanism such as NTLM. What that leaves unproven is said.
    if wanted["auth_type"] == "oauth2" or (answers.get("probe") or {}).get("outcome") == "auth_untested":
        return ["notification"]
    return ["verify", "notification"] if wanted["notification"] else ["verify"]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"phases": phases}
