# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run on many hosts has ended: one line for each of them, and why some have failed."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.plugin_utils._fleet import FAILURE, PLAN, HostVars, value_of
from ansible_collections.stashops.mail.plugins.plugin_utils._summary import summary
from ansible_collections.stashops.mail.plugins.plugin_utils._text import how_many

DOCUMENTATION = r"""
name: fleet_outcome
short_description: How a run of the role stash_mail on many hosts has ended
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the names of a run's hosts, and says of each whether it was changed, whether a message has proven it, and why
    it has failed where it has.
  - A host that is well itself fails with a node of the same instance that has failed, since its mail was not seen to
    the end.
options:
  _input:
    description: Names of the hosts of the run.
    type: list
    elements: str
    required: true
  hostvars:
    description:
      - Their variables, C(hostvars). The facts C(stash_mail_result), C(stash_mail_is_changed) and
        C(stash_mail_failure) count.
    type: dict
    required: true
  alive:
    description: The hosts that are still in the run, C(ansible_play_hosts).
    type: list
    elements: str
    required: true
  nodes:
    description: For each host the nodes of its instance, as the filter P(stashops.mail.fleet#filter) has them.
    type: dict
    required: true
"""

EXAMPLES = r"""
outcome: "{{ ansible_play_hosts_all | stashops.mail.fleet_outcome(hostvars, ansible_play_hosts, fleet.nodes) }}"
"""

RETURN = r"""
_value:
  description:
    - C(failures), by host why it has failed.
    - C(lines), a table over all hosts, those that have failed first, with the first words of the reason; and for a few
      hosts what was found on each.
  type: dict
"""

# Up to so many hosts what was found on each is told in sentences too.
_DETAILED = 5
# As many characters of a reason as leave the table readable.
_REASON = 100
_PROVEN = {"delivered": "delivered", "accepted": "accepted"}
_NOTIFIED = {"delivered": "delivered", "no_error": "sent"}


class Row(t.NamedTuple):
    """A line of the table."""

    host: str
    changed: str
    verified: str
    result: str


def fleet_outcome(
    hosts: t.Sequence[str], hostvars: HostVars, alive: t.Collection[str], nodes: t.Mapping[str, t.Sequence[str]]
) -> dict[str, t.Any]:
    """Return the failures by host and the lines of the table."""
    names = [str(host) for host in hosts]
    own = {name: reason for name in names if (reason := _own_failure(name, hostvars, alive))}
    failures: dict[str, str] = {}
    rows = []
    for name in names:
        lost = [node for node in nodes.get(name, [name]) if node in own]
        if name in own:
            failures[name] = own[name]
        elif lost:
            failures[name] = (
                f"{', '.join(lost)} of the same cluster failed, and the run went no further on {name} by then."
            )
        rows.append(_row(name, hostvars[name], failures.get(name, "")))
    said = _details(names, hostvars) if len(names) <= _DETAILED else []
    return {"failures": failures, "lines": [*_table(rows, failures), *said]}


def _own_failure(name: str, hostvars: HostVars, alive: t.Collection[str]) -> str:
    kept = value_of(hostvars[name], FAILURE, "")
    if kept:
        return str(kept)
    if name not in alive:
        return "It was lost on the way, see above."
    # A run that begins later does less than it seems to, and what it does goes by nothing.
    return "" if PLAN in hostvars[name] else "It was asked nothing. Run from the beginning, without --start-at-task."


def _row(name: str, variables: t.Mapping[str, t.Any], failure: str) -> Row:
    result: t.Mapping[str, t.Any] = value_of(variables, "stash_mail_result", {})
    changed = value_of(variables, "stash_mail_is_changed", None)
    proofs = [
        _PROVEN.get((result.get("verify") or {}).get("outcome", "")),
        _NOTIFIED.get((result.get("notification") or {}).get("outcome", "")),
    ]
    verified = " and ".join(dict.fromkeys(filter(None, proofs)))
    reason = " ".join(failure.split())
    if len(reason) > _REASON:
        reason = reason[: _REASON - 3].rstrip() + "..."
    return Row(
        name,
        "?" if changed is None else ("yes" if changed else "no"),
        verified or "no",
        f"FAILED: {reason}" if failure else "ok",
    )


def _details(names: t.Sequence[str], hostvars: HostVars) -> list[str]:
    said = []
    for name in names:
        result = value_of(hostvars[name], "stash_mail_result", {})
        check = bool((result.get("prereqs") or {}).get("check_mode"))
        is_changed = bool(value_of(hostvars[name], "stash_mail_is_changed", True))
        said += [f"{name}: {sentence}" for sentence in summary(result, check, is_changed)]
    return said


def _table(rows: t.Sequence[Row], failures: t.Mapping[str, str]) -> list[str]:
    changed = sum(row.changed == "yes" for row in rows)
    verified = sum(row.verified != "no" and row.host not in failures for row in rows)
    head = Row("host", "changed", "verified", "result")
    ordered = [head, *sorted(rows, key=lambda row: row.host not in failures)]
    widths = [max(len(row[column]) for row in ordered) for column in range(3)]
    return [
        f"{how_many(rows, 'host')}: {changed} changed, {verified} verified, {len(failures)} failed",
        *(
            "  ".join([*(text.ljust(width) for text, width in zip(row[:3], widths, strict=True)), row.result])
            for row in ordered
        ),
    ]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"fleet_outcome": fleet_outcome}
