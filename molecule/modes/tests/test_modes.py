# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three instances provisioned at the same time, each in another mode and with another way to trust."""

from __future__ import annotations

import hashlib
import ssl
from typing import Any, ClassVar

from testinfra.host import Host

from tests.lab.lab import Lab
from tests.lab.provisioned import Provisioned
from tests.lab.runs import Runs


class TestPlainAnonymous(Provisioned):
    """No TLS and no account: the JVM keeps its own truststore."""

    settings: ClassVar[dict[str, Any]] = {
        "port": 25,
        "protocol": "SMTP",
        "useStartTls": False,
        "requireStartTls": False,
    }
    received = "with ESMTP id"
    node, nodes = "bitbucket", 3


class TestStarttlsOptional(Provisioned):
    """STARTTLS offered, a private CA from a file, an account."""

    settings: ClassVar[dict[str, Any]] = {
        "port": 2525,
        "protocol": "SMTP",
        "useStartTls": True,
        "requireStartTls": False,
        "username": "bitbucket@stashops.test",
    }
    anchors = ("ca",)
    received = "with ESMTPSA id"
    node, nodes = "bitbucket2", 3

    def test_alias(self, bitbucket: Host) -> None:
        bitbucket.check_output("keytool -list -keystore /etc/stash_mail/cacerts -storepass changeit -alias lab-ca")


class TestSmtpsSelfsigned(Provisioned):
    """SMTPS with a self-signed certificate that is fetched, an account."""

    settings: ClassVar[dict[str, Any]] = {
        "port": 465,
        "protocol": "SMTPS",
        "useStartTls": False,
        "requireStartTls": False,
        "username": "bitbucket@stashops.test",
    }
    anchors = ("mail/self_signed",)
    received = "with ESMTPSA id"
    node, nodes = "bitbucket3", 3

    def test_another_fingerprint(self, lab: Lab, runs: Runs) -> None:
        """As if somebody in between presented a certificate of his own: nothing is trusted, nothing changes."""
        before = lab.state(self.node)
        fetch = [{"host": lab.mail_host, "port": 465, "security": "smtps", "sha256": ["ab" * 32]}]
        run = runs("--diff", "--limit", "node3", fetch=fetch)
        assert run.code == 2, run.evidence
        presented = ssl.PEM_cert_to_DER_cert(lab.certificate("mail/self_signed"))
        assert "presented no certificate with the SHA-256" in run.error, run.evidence
        assert hashlib.sha256(presented).hexdigest() in run.error, run.evidence
        assert (run.changed, lab.state(self.node)) == (0, before)
