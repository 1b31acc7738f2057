# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Without patience the preflight ends the run, says that the refusal may pass, and nothing has changed."""

from __future__ import annotations

from tests.lab.lab import Lab
from tests.lab.runs import Runs


def test_refused_for_now(lab: Lab, runs: Runs) -> None:
    before = lab.state()
    # Of the envelope that converge will have the mail server must not know yet.
    run = runs("--diff", greylist_wait=0, recipient="other@stashops.test", imap={})
    assert run.code == 2, run.evidence
    assert run.in_preflight
    assert "450" in run.error
    assert "Greylisted" in run.error
    assert "Greylisting passes by itself" in " ".join(run.error.split())
    assert (run.changed, lab.state()) == (0, before)
