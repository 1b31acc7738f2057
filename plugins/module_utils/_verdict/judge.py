# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JVM's verdict by one of two ways: the product's own Java is asked, or the model answers for it.

Where Java is asked, its word decides; the model answers, too, and a disagreement of the two is told.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._verdict.algorithms import read_limits
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import Answer, Question, ask
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm_launcher import (
    Launcher,
    find_launcher,
    java_home_of_path,
)
from ansible_collections.stashops.mail.plugins.module_utils._verdict.model import Anchors, Verdict, judge
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import sha256

METHODS = ("auto", "jvm", "model")


class Judgement(t.NamedTuple):
    """The verdict that counts, and all about how it came about as the module returns it."""

    verdict: Verdict
    facts: dict[str, t.Any]


class Judge:
    """One for all connections to a server: the JVM is asked once about one chain.

    ``method`` is one of :data:`METHODS`. Raises ``StashMailError`` for ``jvm`` where this Java cannot be asked, before
    anything has been sent to anybody.
    """

    def __init__(self, question: Question, anchors: Anchors, java_home: str | None, method: str) -> None:
        self.anchors = anchors
        self._question = question
        self._method = method
        self._limits = read_limits(java_home or java_home_of_path(), question.arguments)
        self._launcher: Launcher | None = None
        self._why_model = "the module was told to use the model"
        self._known: dict[tuple[t.Any, ...], Judgement] = {}
        if method == "model":
            return
        try:
            self._launcher = find_launcher(java_home)
        except StashMailError as error:
            self._give_up(error)

    def judge(self, chain: t.Sequence[bytes], cipher: str, security: str, deadline: Deadline) -> Judgement:
        """Return the verdict on ``chain`` as presented after a handshake with ``cipher`` (OpenSSL's name).

        Java gets half of the time that is left, so that the conversation can go on without its word. Raises
        ``StashMailError`` where the method is ``jvm`` and Java came to no verdict.
        """
        key = (security == "smtps", cipher, *chain)
        if key not in self._known:
            self._known[key] = self._judge(chain, cipher, security, deadline)
        return self._known[key]

    def _judge(self, chain: t.Sequence[bytes], cipher: str, security: str, deadline: Deadline) -> Judgement:
        model = judge(chain, self.anchors, self._question.host, cipher, limits=self._limits)
        answer = self._ask(security, deadline)
        if answer is None or self._launcher is None:
            return Judgement(model, self._facts(model, model, None, self._why_model, ""))
        verdict = _verdict_of(answer, model)
        disagreement = _disagreement(answer, verdict, model, chain)
        if disagreement:
            verdict = verdict._replace(warnings=[*verdict.warnings, disagreement])
        return Judgement(verdict, self._facts(verdict, model, answer, self._launcher.how, disagreement))

    def _ask(self, security: str, deadline: Deadline) -> Answer | None:
        if self._launcher is None:
            return None
        half = deadline.at_most((deadline.seconds - deadline.elapsed()) / 2)
        try:
            answer = ask(self._launcher, self._question._replace(security=security), half)
            if not answer.decided:
                raise StashMailError(f"the JVM's own connection ended at {answer.stage}: {answer.error}")
        except StashMailError as error:
            self._give_up(error)
            return None
        return answer

    def _give_up(self, error: StashMailError) -> None:
        if self._method == "jvm":
            raise StashMailError(
                f"method=jvm: {error}. Use method=auto or model to have the verdict modelled, or put that right."
            ) from None
        self._launcher, self._why_model = None, str(error)

    def _facts(
        self, verdict: Verdict, model: Verdict, answer: Answer | None, why: str, disagreement: str
    ) -> dict[str, t.Any]:
        return {
            "trusted": verdict.trusted,
            "reason": verdict.reason,
            "truststore": self.anchors.source,
            "truststore_how": self.anchors.how,
            "identity": {
                "matches": verdict.names_match,
                "javamail": "not checked",
                "angus": "accepted" if verdict.names_match else "refused",
            },
            "method": "jvm" if answer else "model",
            "method_reason": why,
            "disagreement": disagreement or None,
            "model": {"trusted": model.trusted, "reason": model.reason, "limits": self._limits.source},
            "java": {
                "version": answer.version,
                "stage": answer.stage,
                "address": answer.address,
                "protocol": answer.protocol,
                "cipher": answer.cipher,
                "chain": answer.chain,
                "exception": answer.error,
            }
            if answer
            else None,
        }


def _verdict_of(answer: Answer, model: Verdict) -> Verdict:
    names_match = model.names_match if answer.names_match is None else answer.names_match
    warnings = model.warnings
    if answer.stage == "done":
        reason = model.reason if model.trusted else "the JVM accepts it"
        return model._replace(trusted=True, reason=reason, log="", names_match=names_match, warnings=warnings)
    if answer.stage == "context":
        reason = model.reason if not model.trusted else "the JVM cannot set up TLS with its truststore"
        code = "tls_untrusted"
    elif answer.trusted is False:
        reason = model.reason if not model.trusted else f"the JVM says {_innermost(answer.error)}"
        code = "tls_untrusted"
    else:
        reason, code = f"the JVM and the server agree on no TLS connection: {_innermost(answer.error)}", "tls_protocol"
    return Verdict(False, reason, answer.error, names_match, model.names, warnings, code)


def _disagreement(answer: Answer, verdict: Verdict, model: Verdict, chain: t.Sequence[bytes]) -> str:
    if answer.chain and answer.chain[0] != sha256(chain[0]):
        return (
            f"The JVM was shown another certificate (SHA-256 {answer.chain[0]}) than this module: more than one server "
            "seems to answer by this name."
        )
    if verdict.trusted != model.trusted:
        words = ("trusts", "does not trust") if verdict.trusted else ("does not trust", "trusts")
        other = verdict.reason if model.trusted else model.reason
        return (
            f"The JVM {words[0]} the server where our model of it says that it {words[1]} it ({other}). "
            "The JVM's word counts. Please report this."
        )
    if answer.names_match is not None and answer.names_match != model.names_match:
        return (
            f"The JVM finds that the certificate is {'' if answer.names_match else 'not '}made out to this host, our "
            "model of it says the opposite. The JVM's word counts. Please report this."
        )
    return ""


def _innermost(error: str) -> str:
    return error.rpartition(" <- ")[2]
