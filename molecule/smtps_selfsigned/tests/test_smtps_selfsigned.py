# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""SMTPS with a self-signed certificate that is fetched, an account."""

from __future__ import annotations

import hashlib
import ssl
from typing import Any, ClassVar

from tests.lab.lab import Lab
from tests.lab.provisioned import Provisioned
from tests.lab.runs import Runs


class TestSmtpsSelfsigned(Provisioned):
    settings: ClassVar[dict[str, Any]] = {
        "port": 465,
        "protocol": "SMTPS",
        "useStartTls": False,
        "requireStartTls": False,
        "username": "bitbucket@stashops.test",
    }
    anchors = ("mail/self_signed",)
    received = "with ESMTPSA id"


def test_another_fingerprint(lab: Lab, runs: Runs) -> None:
    """As if somebody in between presented a certificate of his own: nothing is trusted, nothing changes."""
    before = lab.state()
    fetch = [{"host": lab.mail_host, "port": 465, "security": "smtps", "sha256": ["ab" * 32]}]
    run = runs("--diff", fetch=fetch)
    assert run.code == 2, run.evidence
    presented = ssl.PEM_cert_to_DER_cert(lab.certificate("mail/self_signed"))
    assert "presented no certificate with the SHA-256" in run.error, run.evidence
    assert hashlib.sha256(presented).hexdigest() in run.error, run.evidence
    assert (run.changed, lab.state()) == (0, before)
