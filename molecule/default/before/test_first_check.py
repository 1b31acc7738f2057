# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first run on a new instance may be a check: it is clean, says what would change, and changes nothing."""

from __future__ import annotations

from tests.lab.lab import SUBJECT, Lab
from tests.lab.runs import Runs


def test_first_check(lab: Lab, runs: Runs) -> None:
    before = lab.state()
    assert before[-1] == "mail server: None"
    run = runs("--check", "--diff")
    assert run.code == 0, run.evidence
    assert run.changed > 0
    for shown in ("/stash_mail.conf", "+-Djavax.net.ssl.trustStore=/etc/stash_mail/cacerts", "587"):
        assert shown in run.output, run.log
    assert lab.state() == before
    assert lab.find("SUBJECT", SUBJECT, seconds=0) == []
