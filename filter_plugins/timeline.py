# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of a report on one time axis."""

from __future__ import annotations

import datetime
import typing as t

DOCUMENTATION = r"""
name: timeline
short_description: Certificates of a report on one time axis
version_added: 0.1.0
author: The stash_mail developers (@stashops)
description:
  - Takes the document of the filter P(stashops.mail.report#filter), and returns each certificate once, the one that
    ends first at the top, with its place on an axis in percent.
  - The axis starts a month ago and goes as far as the last end, though not further than thirteen months.
options:
  _input:
    description: The document.
    type: dict
    required: true
"""

EXAMPLES = r"""
timeline: "{{ report | stashops.mail.timeline }}"
"""

RETURN = r"""
_value:
  description:
    - C(rows), the certificates, each with C(x) and C(width) in percent, and C(open_start) and C(open_end) where it goes
      on beyond the axis.
    - C(months), the first days of months, each with C(x) and C(label), empty where there is no room for it.
    - C(now) and C(warn), places of now and of the end of the days of warning.
  type: dict
"""

_BEFORE = datetime.timedelta(days=30)
_LEAST = datetime.timedelta(days=100)
_MOST = datetime.timedelta(days=395)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Axis(t.NamedTuple):
    """A span of time; places on it are percent, limited to 0 to 100."""

    start: datetime.datetime
    end: datetime.datetime

    def place(self, when: datetime.datetime) -> float:
        """Where ``when`` is."""
        share = (when - self.start) / (self.end - self.start)
        return round(100 * min(max(share, 0.0), 1.0), 2)


def timeline(document: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the rows, months and marks of the document's certificates."""
    now = _time(document["generated"])
    warn = now + datetime.timedelta(days=document["warn_days"])
    rows = _rows(document["instances"])
    last = max((_time(row["not_after"]) for row in rows), default=now)
    axis = Axis(now - _BEFORE, min(max(last, warn, now + _LEAST), now + _MOST))
    return {
        "rows": [{**row, **_bar(row, axis)} for row in rows],
        "months": _months(axis, axis.place(now)),
        "now": axis.place(now),
        "warn": axis.place(warn),
    }


def _rows(instances: t.Sequence[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    rows: dict[str, dict[str, t.Any]] = {}
    for instance in instances:
        for item in instance["certificates"]:
            if not item["not_after"]:
                continue
            row = rows.setdefault(item["sha256"], {**item, "where": [], "instances": []})
            row["not_before"] = row["not_before"] or item["not_before"]
            for key, value in (("where", item["where"]), ("instances", instance["name"])):
                if value not in row[key]:
                    row[key].append(value)
    return sorted(rows.values(), key=lambda row: (row["not_after"], row["name"]))


def _bar(row: t.Mapping[str, t.Any], axis: Axis) -> dict[str, t.Any]:
    start = _time(row["not_before"]) if row["not_before"] else axis.start
    end = _time(row["not_after"])
    x = axis.place(start)
    return {
        "x": x,
        "width": round(axis.place(end) - x, 2),
        "open_start": start < axis.start or not row["not_before"],
        "open_end": end > axis.end,
    }


def _months(axis: Axis, now: float) -> list[dict[str, t.Any]]:
    """The first days of the months on the axis, their labels left empty where there is no room for them."""
    firsts = []
    year, month = axis.start.year, axis.start.month
    while True:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        first = datetime.datetime(year, month, 1, tzinfo=datetime.UTC)
        if first >= axis.end:
            break
        firsts.append(first)
    months: list[dict[str, t.Any]] = []
    every = 1 if len(firsts) < 8 else 2
    for first in firsts[::every]:
        name = _MONTHS[first.month - 1]
        is_new_year = not any(item["label"].endswith(str(first.year)) for item in months)
        x = axis.place(first)
        has_room = x < 93 and not now - 8 < x < now + 5
        months.append({"x": x, "label": (f"{name} {first.year}" if is_new_year else name) if has_room else ""})
    return months


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"timeline": timeline}
