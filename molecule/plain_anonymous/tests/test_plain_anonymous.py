# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""No TLS and no account: the JVM keeps its own truststore."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.lab.provisioned import Provisioned


class TestPlainAnonymous(Provisioned):
    settings: ClassVar[dict[str, Any]] = {
        "port": 25,
        "protocol": "SMTP",
        "useStartTls": False,
        "requireStartTls": False,
    }
    received = "with ESMTP id"
