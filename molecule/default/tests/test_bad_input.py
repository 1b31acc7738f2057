# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wrong password, as Postfix and Dovecot answer it. Other bad input: tests/integration/role/test_bad_input.py."""

from __future__ import annotations

from tests.lab.lab import Lab
from tests.lab.runs import Runs

WRONG = "Wrong#Password%of+nobody"


def test_wrong_mail_password(lab: Lab, runs: Runs) -> None:
    """A clear error in the preflight after one login, and nothing has changed."""
    before, logins = lab.state(), lab.refused_logins()
    run = runs("--diff", password=WRONG, secrets=(WRONG,))
    assert run.code == 2, run.evidence
    assert run.in_preflight, run.evidence
    assert "535" in run.error, run.evidence
    assert run.changed == 0
    assert lab.state() == before
    assert lab.refused_logins() - logins == 1
