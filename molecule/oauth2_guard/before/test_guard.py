# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OAUTH2 configuration is not replaced by a user name and a password unless that is asked for."""

from __future__ import annotations

from tests.lab.lab import MAIL_SERVER, SUBJECT, Lab
from tests.lab.runs import Runs


def test_guard(lab: Lab, runs: Runs) -> None:
    settings = {"hostname": "smtp.elsewhere.test", "port": 587, "protocol": "SMTP", "senderAddress": lab.sender}
    settings |= {"useStartTls": True, "requireStartTls": True, "username": lab.sender}
    settings |= {"authType": "OAUTH2", "oauth2ProviderId": "provider-1", "tokenId": "token-1"}
    status, answer = lab.rest("PUT", MAIL_SERVER, settings)
    assert (status, answer) == (200, settings)
    before = lab.state()
    for options in (["--diff"], ["--check", "--diff"]):
        run = runs(*options, overwrite_oauth2=False)
        assert run.code == 2, run.evidence
        assert "Set overwrite_oauth2 to true" in run.shown, run.evidence
        assert run.in_preflight
        assert (run.changed, lab.state()) == (0, before)
    assert lab.find("SUBJECT", SUBJECT, seconds=0) == []
