# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check of one instance has found, in words."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._check_result import ATTENTION

DOCUMENTATION = r"""
name: findings
short_description: What a check of the role stash_mail has found, in words
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the fact C(stash_mail_checks) that the role's entry point C(check) has left.
options:
  _input:
    description: The fact C(stash_mail_checks), an empty list where the check did not get so far.
    type: list
    elements: dict
    required: true
  error:
    description: Why the check did not get so far.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Fail where anything is wrong
  ansible.builtin.assert:
    that: (stash_mail_checks | stashops.mail.findings).failed | length == 0
"""

RETURN = r"""
_value:
  description: The keys C(failed) and C(warning), each a list of sentences, empty if there is nothing to say.
  type: dict
"""


def findings(checks: t.Sequence[t.Mapping[str, t.Any]], error: str = "") -> dict[str, list[str]]:
    """The sentences on what failed, and on what is a warning."""
    if not checks:
        return {"failed": [f"The host could not be asked. {error}".rstrip()], "warning": []}
    return {
        status: [
            " ".join(filter(None, [f"{item['check']}:", item["summary"], item["reason"], item["remedy"]]))
            for item in checks
            if item["status"] == status
        ]
        for status in ATTENTION
    }


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"findings": findings}
