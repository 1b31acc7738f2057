# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report on all instances for a terminal: a table, and what is wrong."""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.stashops.mail.plugins.filter.report_page import problems
from ansible_collections.stashops.mail.plugins.plugin_utils._check_result import ATTENTION, QUESTIONS
from ansible_collections.stashops.mail.plugins.plugin_utils._text import how_many

DOCUMENTATION = r"""
name: report_lines
short_description: The report on all instances for a terminal
version_added: 1.0.0
author: The stash_mail developers (@stashops)
description:
  - Takes the document of the filter P(stashops.mail.report#filter), and returns a table with a line for each instance,
    the worst first, and below it what is wrong, the same answer of several instances once.
  - Where there are many instances, those that are well are only counted.
options:
  _input:
    description: The document.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show how all instances are
  ansible.builtin.debug:
    msg: "{{ report | stashops.mail.report_lines }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

# More that are well than this are only counted.
_FOLD = 20
_NAMES = 3
_WIDTH = 120
_WORDS = {"ok": "OK", "warning": "warning", "failed": "FAILED", "skipped": "-"}


def report_lines(document: t.Mapping[str, t.Any]) -> list[str]:
    """Return the lines on ``document``."""
    instances = document["instances"]
    attention = [item for item in instances if item["status"] in ATTENTION]
    well = len(instances) - len(attention)
    shown = attention if well > _FOLD else instances
    counts = document["counts"]
    return [
        f"{how_many(instances, 'instance')}: {counts['failed']} failed, {counts['warning']} with a warning, {well} OK",
        *_table(shown),
        *([f"and {how_many(instances[:well], 'instance')} OK"] if well > _FOLD else []),
        *_problems(document),
    ]


def _table(instances: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    rows = [["instance", *QUESTIONS]]
    for item in instances:
        answers = {check["check"]: _WORDS[check["status"]] for check in item["checks"]}
        rows.append([item["name"], *(answers.get(name, "") for name in QUESTIONS)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return lines if instances else []


def _problems(document: t.Mapping[str, t.Any]) -> list[str]:
    lines = []
    for item in problems(document):
        names = [document["instances"][row]["name"] for row in item["rows"]]
        more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
        text = f"{_WORDS[item['status']]} {item['check']}: {item['summary']} ({', '.join(names[:_NAMES])}{more})"
        lines += textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return lines


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """The filters by name."""
        return {"report_lines": report_lines}
