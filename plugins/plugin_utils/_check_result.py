# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""One verdict of a check, and what several of them say alike."""

from __future__ import annotations

import typing as t

Result = t.Mapping[str, t.Any]
Check = dict[str, t.Any]

PROVISION = "Run provision.yml, with --check --diff first to see what it would change."
QUESTIONS = ("reachable", "settings", "truststore", "jvm", "delivery", "message")
# The statuses for which somebody has to do something, the worse first.
ATTENTION = ("failed", "warning")


def verdict(check: str, status: str, summary: str, reason: str = "", remedy: str = "", **details: t.Any) -> Check:
    """One verdict: ``status`` is ok, warning, failed or skipped."""
    return {
        "check": check,
        "status": status,
        "summary": summary,
        # Ansible's own and a mail server's words need not end as sentences do, and others follow.
        "reason": reason if reason[-1:] in ("", ".", "!", "?") else f"{reason}.",
        "remedy": remedy,
        "details": details,
    }


def skipped(check: str, summary: str, reason: str = "", remedy: str = "") -> Check:
    """The verdict on a question that was not asked."""
    return verdict(check, "skipped", summary, reason, remedy)


def unanswered(check: str, result: Result, summary: str, remedy: str = "") -> Check:
    """The verdict where the module failed, or the host was lost on the way."""
    if result.get("unreachable"):
        summary, remedy = "The host was lost while it was asked.", "Check again once the host can be reached."
    reason = str(result.get("msg") or "No answer came back.")
    return verdict(
        check, "failed", summary, reason, remedy or "Correct what the reason names.", **only(result, "code", "log")
    )


def only(result: Result, *names: str) -> dict[str, t.Any]:
    """What ``result`` says under ``names``, empty values left out."""
    return {name: result[name] for name in names if result.get(name)}


def due_sentence(certificates: t.Sequence[Result], where: str) -> str:
    """One sentence for each certificate that has ended or is about to."""
    said = []
    for item in certificates:
        days = item.get("days_left")
        if item["where"] == where and item.get("is_due") and days is not None:
            end = str(item["not_after"])[:10]
            ends = f"has expired on {end}" if days < 0 else f"expires on {end}, in {days} days"
            said.append(f"{item['name']} {ends}.")
    return " ".join(said)
