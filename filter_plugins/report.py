# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdicts on all instances as one document, which every report is written from."""

from __future__ import annotations

import datetime
import json
import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._check_result import QUESTIONS, Check, skipped, verdict
from ansible_collections.stashops.mail.plugins.plugin_utils._text import presentable

DOCUMENTATION = r"""
name: report
short_description: One document of the verdicts on all instances
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the names of hosts, and gathers what the role's entry point C(check) has left as facts of each.
  - A host without these facts is in the document too, as one that could not be asked.
  - Characters that a report cannot hold, and those that would turn text around, are replaced.
options:
  _input:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: Their variables, C(hostvars).
    type: dict
    required: true
  generated:
    description: The time now, such as V(2030-01-31T09:30:00Z).
    type: str
    required: true
  warn_days:
    description: The days within which what comes due is a warning.
    type: int
    required: true
  previous:
    description:
      - The JSON report that stands there, to keep the time of the last delivery from.
      - Anything else is passed over.
    type: str
    default: ""
"""

EXAMPLES = r"""
report: "{{ ansible_play_hosts_all | stashops.mail.report(hostvars, '2030-01-31T09:30:00Z', 30) }}"
"""

RETURN = r"""
_value:
  description: The document, as C(docs/report.schema.json) describes it. The instances with the worst status come first.
  type: dict
"""

STATUSES = ("failed", "warning", "ok", "skipped")
_LOST = "The check of this host did not come to its end."


def report(
    hosts: t.Sequence[str],
    hostvars: t.Mapping[str, t.Mapping[str, t.Any]],
    generated: str,
    warn_days: int,
    previous: str = "",
) -> dict[str, t.Any]:
    """Return the document of ``hosts``, fit to be shown."""
    deliveries = _last_deliveries(previous)
    instances = [presentable(_instance(str(name), hostvars[name], deliveries)) for name in hosts]
    instances.sort(key=lambda item: (STATUSES.index(item["status"]), item["name"]))
    counts = {status: sum(item["status"] == status for item in instances) for status in STATUSES}
    return {
        "version": 1,
        "generated": generated,
        "warn_days": warn_days,
        "status": worst(item["status"] for item in instances),
        "counts": counts,
        "instances": instances,
    }


def worst(statuses: t.Iterable[str]) -> str:
    """The worst of ``statuses``; ``skipped`` where there is none."""
    return min(statuses, key=STATUSES.index, default="skipped")


def _instance(name: str, variables: t.Mapping[str, t.Any], deliveries: t.Mapping[str, str]) -> dict[str, t.Any]:
    found: list[Check] = list(_get(variables, "stash_mail_checks", [])) or _not_asked(variables)
    facts = _get(variables, "stash_mail_check_instance", {})
    details: t.Mapping[str, t.Any] = next((item["details"] for item in found if item["check"] == "reachable"), {})
    arrived = any(item["check"] == "message" and item["status"] in ("ok", "warning") for item in found)
    return {
        "name": name,
        "cluster": facts.get("cluster") or "",
        "product": details.get("product"),
        "product_version": details.get("version"),
        "java_version": (details.get("java") or {}).get("version"),
        "mail_server": facts.get("mail_server") or "",
        "checked": facts.get("checked"),
        "last_delivery": facts.get("checked") if arrived else deliveries.get(name),
        "status": worst(item["status"] for item in found),
        "checks": found,
        "certificates": list(_get(variables, "stash_mail_check_certificates", [])),
    }


def _not_asked(variables: t.Mapping[str, t.Any]) -> list[Check]:
    reason = str(_get(variables, "stash_mail_check_error", "") or _LOST)
    remedy = "Correct what the reason names, or see the output of the run."
    first = verdict("reachable", "failed", "The host could not be asked.", reason, remedy)
    return [first, *(skipped(name, "Not asked.", "The host could not be asked.") for name in QUESTIONS[1:])]


def _get(variables: t.Mapping[str, t.Any], name: str, default: t.Any) -> t.Any:
    # Asked for by name only: to look at all variables of a host is to template all of them.
    try:
        return variables[name]
    except KeyError:
        return default


def _last_deliveries(previous: str) -> dict[str, str]:
    try:
        instances = json.loads(previous)["instances"]
        return {item["name"]: _checked_time(item["last_delivery"]) for item in instances if item["last_delivery"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _checked_time(text: str) -> str:
    """``text``, which must be a time as our reports have it; raises ValueError or TypeError."""
    form = "%Y-%m-%dT%H:%M:%SZ"
    return datetime.datetime.strptime(text, form).strftime(form)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"report": report}
