# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page on troubleshooting has every outcome, in the modules' own words."""

from __future__ import annotations

import re

from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import OUTCOMES, Outcome

from tests import doc_table

PAGE = "troubleshooting.md"


def section(code: str, outcome: Outcome) -> str:
    cause = outcome.cause[0].upper() + outcome.cause[1:]
    lines = [f"## `{code}`", "", f"{cause}. {outcome.meaning}"]
    if outcome.remedy != "Nothing.":
        lines += ["", f"**What to do:** {outcome.remedy}"]
    if outcome.log:
        lines += ["", "In Bitbucket's mail log:", "", "```", outcome.log, "```"]
    return "\n".join(lines)


def test_the_page_has_every_outcome() -> None:
    wanted = "\n\n".join(section(code, outcome) for code, outcome in OUTCOMES.items())
    if doc_table.wanted():
        doc_table.write(PAGE, "outcomes", wanted)
    assert doc_table.read(PAGE, "outcomes") == wanted
    assert re.findall(r"^## `(\w+)`$", wanted, re.MULTILINE) == list(OUTCOMES)
