# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the templates of the check's reports need: a time axis, what is wrong, escaped text, hashes, seconds.

Each filter is documented in the YAML file of its name.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import html
import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._check_result import ATTENTION
from ansible_collections.stashops.mail.plugins.plugin_utils._text import map_text

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


def problems(document: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the answers that failed or warn, the same one of several instances once, what concerns most first."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for row, instance in enumerate(document["instances"]):
        for item in instance["checks"]:
            if item["status"] in ATTENTION:
                found.setdefault((item["status"], item["check"], item["summary"]), []).append(row)
    groups = [dict(zip(("status", "check", "summary"), key, strict=True), rows=rows) for key, rows in found.items()]
    return sorted(groups, key=lambda item: (ATTENTION.index(item["status"]), -len(item["rows"])))


def escaped(value: t.Any) -> t.Any:
    """Return ``value`` with every text in it escaped, keys of dictionaries included.

    Ansible's templates do not escape by themselves, and one place that is forgotten is enough. So a template escapes
    all that it has at once, before it uses any of it.
    """
    return map_text(lambda text: html.escape(text, quote=True), value)


def csp_hash(text: str) -> str:
    """Return ``text``'s hash as a source expression, its quotes included."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(str(text).encode()).digest()).decode()}'"


def unix_time(text: str) -> int:
    """Return the seconds since 1970 of ``text``."""
    return int(datetime.datetime.fromisoformat(text).timestamp())


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {
            "timeline": timeline,
            "problems": problems,
            "escaped": escaped,
            "csp_hash": csp_hash,
            "unix_time": unix_time,
        }
