# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""STARTTLS required, a private CA, an account."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.lab.provisioned import Provisioned


class TestDefault(Provisioned):
    settings: ClassVar[dict[str, Any]] = {
        "port": 587,
        "protocol": "SMTP",
        "useStartTls": True,
        "requireStartTls": True,
        "username": "bitbucket@stashops.test",
    }
    anchors = ("ca",)
    received = "with ESMTPSA id"
