# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of the truststore's tests: CAs that are valid for a year, unless asked for otherwise."""

from __future__ import annotations

import datetime
import typing as t

from tests.mail_server import certificates

Made = certificates.Certificate
NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)


def make(
    common_name: str | None = "Test Root CA",
    *,
    ca: bool | None = True,
    issuer: Made | None = None,
    organisation: str | None = None,
    not_before: datetime.datetime = NOW - DAY,
    not_after: datetime.datetime = NOW + 365 * DAY,
    names: t.Sequence[str] = (),
    key: certificates.PrivateKey | None = None,
) -> Made:
    """A certificate, self-signed unless ``issuer`` is given; ``ca=None`` leaves BasicConstraints out."""
    return certificates.make(
        common_name,
        organisation=organisation,
        issuer=issuer,
        sans=names,
        ca=ca,
        key=key,
        days=((not_before - NOW) / DAY, (not_after - NOW) / DAY),
        now=NOW,
        key_identifiers=False,
    )
