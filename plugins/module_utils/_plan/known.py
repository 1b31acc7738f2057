# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan has found out about the mail server, and a message by the same truststore need not find out again."""

from __future__ import annotations

import typing as t


def of_probe(probe: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """``trusted_chain`` and ``hello`` as options of stash_mail_send, as far as the answer of the probe has them."""
    known = {"hello": probe["hello"]} if probe.get("hello") else {}
    if (probe.get("jvm") or {}).get("trusted") and probe.get("chain"):
        # The JVM has just accepted them.
        known["trusted_chain"] = [certificate["sha256"] for certificate in probe["chain"]]
    return known
