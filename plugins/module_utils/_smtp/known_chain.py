# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verdict that this run already has: the certificates that the JVM accepted when the plan was made.

A JVM's start costs more than all the rest of a message. Where the server presents the very same certificates again, in
the same order, nothing is left to ask: whoever presents them has proved in the handshake that the key is his. Anything
else is judged as if nothing were known.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._verdict.judge import Judge, Judgement, Server, Verdict
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import sha256

REASON = "the JVM accepted these very certificates when this run asked it"


class KnownChain(Judge):
    """Knows one chain, by the SHA-256 of its certificates, and leaves every other to ``judge``.

    ``hello`` is what JavaMail would call itself, empty where that is not known.
    """

    def __init__(self, judge: Judge, chain: t.Sequence[str], hello: str) -> None:
        self._judge_others = judge
        self._chain = list(chain)
        self._hello_known = hello

    def close(self) -> None:
        """End the JVM, where one was needed after all."""
        self._judge_others.close()

    @property
    def anchors(self) -> t.Any:
        """What the JVM trusts."""
        return self._judge_others.anchors

    def prepare(self, for_verdict: bool) -> None:
        """Do nothing yet: most likely there is nothing to ask."""

    def hello(self, local_address: str, deadline: Deadline) -> str:
        """Return the name that is known, or else what the JVM says."""
        if self._hello_known:
            return self._hello_known
        self._judge_others.prepare(for_verdict=False)
        return self._judge_others.hello(local_address, deadline)

    def judge(self, server: Server, deadline: Deadline) -> Judgement:
        """Return that the chain is trusted where it is the known one, and what the JVM makes of it otherwise."""
        if [sha256(der) for der in server.chain] != self._chain:
            self._judge_others.prepare(for_verdict=True)
            return self._judge_others.judge(server, deadline)
        facts = {"trusted": True, "reason": REASON, "method": "known"}
        return Judgement(Verdict(True, REASON, "", True, [], []), facts)
