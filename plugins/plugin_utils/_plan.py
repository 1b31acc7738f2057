# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's plan says."""

from __future__ import annotations

import re
import typing as t

# What the module stash_mail_plan returned; empty where the host could not be asked.
Answers = t.Mapping[str, t.Any]

# What Python says to code that is newer than it, ours or Ansible's.
_TOO_NEW = re.compile(r"^(SyntaxError: |AttributeError: module 'typing' )", re.MULTILINE)


def crash(answers: Answers) -> str:
    """Why the module did not even start; empty where it did."""
    if "failures" in answers or "module_stderr" not in answers:
        return ""
    # Through a terminal, both are one.
    said = f"{answers['module_stderr']}\n{answers.get('module_stdout') or ''}"
    if _TOO_NEW.search(said):
        return (
            "The Python that Ansible has found there is older than 3.8, which is the oldest that the modules run on. "
            "Nothing has been changed. Set ansible_python_interpreter to a newer one on that host."
        )
    return f"The module could not be started there: {answers.get('msg') or 'no reason given'}"


def is_check(answers: Answers) -> bool:
    """Whether the modules change nothing."""
    return bool((answers.get("product") or {}).get("check_mode"))


def is_not_installed(answers: Answers) -> bool:
    """Whether this is a check of a machine that the product is still to be installed on."""
    return is_check(answers) and (answers.get("product") or {}).get("found") is False


def would_change(answers: Answers, question: str) -> bool:
    """Whether what ``question`` is about is not as wanted."""
    return bool((answers.get(question) or {}).get("changed"))


def holds_certificates(answers: Answers) -> bool:
    """Whether there is to be a truststore; where it is to be removed, there is nothing in it."""
    return bool((answers.get("truststore") or {}).get("entries"))


def differs_on_node(answers: Answers) -> bool:
    """Whether something is to be done on the node itself, whatever its instance's settings are."""
    return any(would_change(answers, name) for name in ("truststore", "properties", "jvm")) or is_unread(answers)


def unread(answers: Answers) -> list[str]:
    """What the running product has not read as it is to be, in words; what would be written first is counted."""
    found = []
    if (would_change(answers, "truststore") and holds_certificates(answers)) or _needs_restart(answers, "jvm"):
        found.append("its truststore")
    if _needs_restart(answers, "properties"):
        found.append("its properties")
    return found


def is_unread(answers: Answers) -> bool:
    """Whether the product has to be restarted."""
    return bool(unread(answers))


def _needs_restart(answers: Answers, question: str) -> bool:
    return bool((answers.get(question) or {}).get("restart_needed"))
