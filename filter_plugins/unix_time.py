# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A time as Prometheus counts it."""

from __future__ import annotations

import datetime
import typing as t

DOCUMENTATION = r"""
name: unix_time
short_description: Seconds since 1970 of a time in ISO 8601
version_added: 0.1.0
author: The stash_mail developers (@stashops)
description:
  - Takes a time with its zone, as the reports of the role have it.
options:
  _input:
    description: The time.
    type: str
    required: true
"""

EXAMPLES = r"""
seconds: "{{ '2030-01-31T09:30:00Z' | stashops.mail.unix_time }}"
"""

RETURN = r"""
_value:
  description: Seconds since the beginning of 1970 in UTC.
  type: int
  sample: 1896082200
"""


def unix_time(text: str) -> int:
    """Return the seconds since 1970 of ``text``."""
    return int(datetime.datetime.fromisoformat(text).timestamp())


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"unix_time": unix_time}
