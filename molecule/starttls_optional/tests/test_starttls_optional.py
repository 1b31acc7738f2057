# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""STARTTLS offered, a private CA from a file, an account."""

from __future__ import annotations

from typing import Any, ClassVar

from testinfra.host import Host

from tests.lab.provisioned import Provisioned


class TestStarttlsOptional(Provisioned):
    settings: ClassVar[dict[str, Any]] = {
        "port": 2525,
        "protocol": "SMTP",
        "useStartTls": True,
        "requireStartTls": False,
        "username": "bitbucket@stashops.test",
    }
    anchors = ("ca",)
    received = "with ESMTPSA id"


def test_alias(bitbucket: Host) -> None:
    bitbucket.check_output("keytool -list -keystore /etc/stash_mail/cacerts -storepass changeit -alias lab-ca")
