# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run of the role went, in a few sentences at its end."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._summary import summary

DOCUMENTATION = r"""
name: summary
short_description: How a run of the role stash_mail went, in words
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the fact C(stash_mail_result). Phases that did not run are not mentioned.
options:
  _input:
    description: The fact C(stash_mail_result).
    type: dict
    required: true
  check:
    description: Whether the run was in check mode, and what it says to be different is not so yet.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Say how it went
  ansible.builtin.debug:
    msg: "{{ stash_mail_result | stashops.mail.summary(check=ansible_check_mode) }}"
"""

RETURN = r"""
_value:
  description: One sentence for what each phase has found or done.
  type: list
  elements: str
"""


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"summary": summary}
