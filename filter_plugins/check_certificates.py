# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates that a check has seen, with their dates."""

from __future__ import annotations

import datetime
import typing as t

DOCUMENTATION = r"""
name: check_certificates
short_description: Certificates that a check has seen, with their dates
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the registered results of the role's entry point C(check), and returns the managed certificates of the
    truststore, and those that the mail server presented.
options:
  _input:
    description: Registered results by question, as for the filter P(stashops.mail.checks#filter).
    type: dict
    required: true
  now:
    description: The time now, such as V(2030-01-31T09:30:00Z).
    type: str
    required: true
  warn_days:
    description: An end within so many days is due.
    type: int
    required: true
"""

EXAMPLES = r"""
certificates: "{{ results | stashops.mail.check_certificates('2030-01-31T09:30:00Z', 30) }}"
"""

RETURN = r"""
_value:
  description:
    - Each has C(name), C(subject), C(sha256), C(not_before), C(not_after), C(where) (V(truststore) or V(mail server)),
      C(days_left) (whole days, negative after the end) and C(is_due).
    - What is not known is V(none).
  type: list
  elements: dict
"""

Result = t.Mapping[str, t.Any]
_DAY = datetime.timedelta(days=1)


def check_certificates(results: t.Mapping[str, Result], now: str, warn_days: int) -> list[dict[str, t.Any]]:
    """Our anchors and what the mail server presented, in that order, each certificate once in each place."""
    truststore, delivery = results.get("truststore") or {}, results.get("delivery") or {}
    # A truststore that cannot be built, since a mail server presents something new, says what that is.
    presented = delivery.get("chain") or truststore.get("presented") or []
    starts = {item["sha256"]: item.get("not_before") for item in presented}
    anchors = [
        {**item, "not_before": item.get("not_before") or starts.get(item["sha256"])}
        for item in truststore.get("anchors") or []
    ]
    found = {(where, item["sha256"]): (where, item) for where, item in _pairs(anchors, presented)}
    return [_described(where, item, _time(now), warn_days) for where, item in found.values()]


def _pairs(anchors: t.Sequence[Result], presented: t.Sequence[Result]) -> list[tuple[str, Result]]:
    return [("truststore", item) for item in anchors] + [("mail server", item) for item in presented]


def _described(where: str, item: Result, now: datetime.datetime, warn_days: int) -> dict[str, t.Any]:
    end = item.get("not_after")
    days_left = (_time(str(end)) - now) // _DAY if end else None
    return {
        "name": item.get("alias") or item.get("common_name") or item.get("subject") or item["sha256"][:16],
        "subject": item.get("subject"),
        "sha256": item["sha256"],
        "not_before": item.get("not_before"),
        "not_after": end,
        "where": where,
        "days_left": days_left,
        "is_due": days_left is not None and days_left < warn_days,
    }


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"check_certificates": check_certificates}
