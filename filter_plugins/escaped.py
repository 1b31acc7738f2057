# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data of which every text can stand in HTML and XML as it is.

Ansible's templates do not escape by themselves, and one place that is forgotten is enough. So a template escapes all
that it has at once, before it uses any of it.
"""

from __future__ import annotations

import html
import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._text import map_text

DOCUMENTATION = r"""
name: escaped
short_description: Data of which every text is escaped for HTML and XML
version_added: 0.1.0
author: The stash_mail developers (@stashops)
description:
  - Escapes every text in a structure, keys of dictionaries included, for use as text and between quotes.
options:
  _input:
    description: The structure.
    type: raw
    required: true
"""

EXAMPLES = r"""
page: "<p>{{ (report | stashops.mail.escaped).status }}</p>"
"""

RETURN = r"""
_value:
  description: The same structure, escaped.
  type: raw
"""


def escaped(value: t.Any) -> t.Any:
    """Return ``value`` with every text in it escaped."""
    return map_text(lambda text: html.escape(text, quote=True), value)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"escaped": escaped}
