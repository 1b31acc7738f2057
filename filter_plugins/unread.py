# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the running product has not read yet."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._plan import unread

DOCUMENTATION = r"""
name: unread
short_description: What the running product has not read as it is to be
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes a node's plan. Told by what the process uses, so that a restart that failed or was left out is made up for.
options:
  _input:
    description: What M(stashops.mail.stash_mail_plan) returned.
    type: dict
    required: true
"""

EXAMPLES = r"""
unread: "{{ plan | stashops.mail.unread }}"
"""

RETURN = r"""
_value:
  description: The words for it, an empty list where there is nothing.
  type: list
  elements: str
"""


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"unread": unread}
