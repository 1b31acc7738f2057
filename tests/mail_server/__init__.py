# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail server for tests and the demo: SMTP by aiosmtpd into a Maildir, on loopback only."""

from __future__ import annotations

from tests.mail_server.certificates import Certificate, authority, leaf, make, self_signed
from tests.mail_server.smtp import MODES, MailServer

__all__ = ["MODES", "Certificate", "MailServer", "authority", "leaf", "make", "self_signed"]
