# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many there are, in words."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._text import how_many

DOCUMENTATION = r"""
name: how_many
short_description: Number of items with what they are
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes a list, and says how many items it has.
options:
  _input:
    description: The list.
    type: list
    required: true
  word:
    description: What one item is, an English word whose plural takes an s.
    type: str
    required: true
"""

EXAMPLES = r"""
words: "{{ ['a', 'b'] | stashops.mail.how_many('host') }}"
"""

RETURN = r"""
_value:
  description: Such as V(1 host) or V(2 hosts).
  type: str
"""


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"how_many": how_many}
