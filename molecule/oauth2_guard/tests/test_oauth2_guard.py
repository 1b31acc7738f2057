# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bitbucket 10 with Java 21: overwritten as asked for, then back to OAuth 2.0 by the role."""

from __future__ import annotations

from typing import Any, ClassVar

from testinfra.host import Host

from tests.lab.lab import Lab
from tests.lab.provisioned import Provisioned
from tests.lab.runs import Runs

INSTALL = "/opt/atlassian/bitbucket/10.0.2"


class TestOverwritten(Provisioned):
    settings: ClassVar[dict[str, Any]] = {
        "port": 587,
        "protocol": "SMTP",
        "useStartTls": True,
        "requireStartTls": True,
        "username": "bitbucket@stashops.test",
        "authType": "BASIC",
    }
    anchors = ("ca",)
    received = "with ESMTPSA id"
    messages = 1
    install = INSTALL

    def test_java_21(self, bitbucket: Host) -> None:
        assert 'version "21.' in bitbucket.run(f"{INSTALL}/jre/bin/java -version").stderr


def test_oauth2_is_written(lab: Lab, runs: Runs) -> None:
    """With the ids of what Bitbucket has; then it is as wanted, and a second run changes nothing."""
    oauth2: dict[str, Any] = {
        "auth_type": "oauth2",
        "oauth2_provider_id": "provider-2",
        "oauth2_token_id": "token-2",
        "password": "",
    }
    run = runs("--diff", **oauth2)
    assert run.code == 0, run.evidence
    assert run.changed == 1, run.log
    common = {"hostname": lab.mail_host, "senderAddress": lab.sender} | TestOverwritten.settings
    written = {"authType": "OAUTH2", "oauth2ProviderId": "provider-2", "tokenId": "token-2"}
    assert lab.mail_server() == common | written
    assert "cannot be tried from here" in run.shown
    again = runs("--check", **oauth2)
    assert (again.code, again.changed) == (0, 0), again.evidence
