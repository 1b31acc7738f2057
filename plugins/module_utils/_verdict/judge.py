# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JVM's verdict on a mail server: from the product's own Java, or from OpenSSL where that cannot be asked."""

from __future__ import annotations

import contextlib
import ssl
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store
from ansible_collections.stashops.mail.plugins.module_utils._verdict import openssl
from ansible_collections.stashops.mail.plugins.module_utils._verdict.anchors import Anchors
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import (
    Jvm,
    JvmReport,
    Question,
    Setup,
    SharedJvm,
    Truststore,
)
from ansible_collections.stashops.mail.plugins.module_utils._verdict.reasons import Look
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import sha256

_GREETING_SECONDS = 10.0
_NO_TLS = (
    "java.security.NoSuchAlgorithmException: Error constructing implementation "
    "(algorithm: Default, provider: SunJSSE, class: sun.security.ssl.SSLContextImpl$DefaultSSLContext)"
)


class Verdict(t.NamedTuple):
    """What the JVM decides; ``trusted`` and ``names_match`` are None where that is not known.

    ``names_match`` is the identity check of Angus Mail; older JavaMail makes none. ``log`` is the JVM's exception,
    empty where it trusts. ``warnings``: what the JVM accepts and should not, or will not for long. ``code``: the
    outcome where it does not trust.
    """

    trusted: bool | None
    reason: str
    log: str
    names_match: bool | None
    names: list[str]
    warnings: list[str]
    code: str = "tls_untrusted"


class Judgement(t.NamedTuple):
    """The verdict that counts, and all about how it came about as the module returns it."""

    verdict: Verdict
    facts: dict[str, t.Any]


class Server(t.NamedTuple):
    """The server as it was just seen: the chain that it presented, the cipher in OpenSSL's name, and two ways back.

    ``context`` makes a TLS context that offers what a JVM offers; ``handshake`` connects by one.
    """

    host: str
    port: int
    security: str
    chain: t.Sequence[bytes]
    cipher: str
    context: t.Callable[[], ssl.SSLContext]
    handshake: openssl.Handshake


class Judge:
    """One for all connections to a server, a context manager: the JVM is asked once about one chain.

    ``method`` is ``auto``, ``jvm`` or ``openssl``. ``load`` returns what the JVM trusts, as far as that can be known
    without it, and ``truststore`` what the JVM gets; None: all that ``load`` returns. ``java`` is the JVM where others
    ask it, too, who end it then.
    """

    def __init__(
        self,
        setup: Setup,
        truststore: Truststore | None,
        load: t.Callable[[], Anchors],
        method: str,
        java: SharedJvm | None = None,
    ) -> None:
        self._java = java or SharedJvm(setup)
        self._owns_java = java is None
        self._truststore = truststore
        self._load = load
        self._method = method
        self._anchors: Anchors | None = None
        self._why_openssl = "the module was told to use OpenSSL" if method == "openssl" else ""
        self._known: dict[tuple[t.Any, ...], Judgement] = {}

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the JVM, where nobody else asks it; :meth:`prepare` starts it again."""
        if self._owns_java:
            self._java.close()

    @property
    def anchors(self) -> Anchors:
        """What the JVM trusts; raises ``StashMailError`` where its own bundle is needed and not found."""
        if self._anchors is None:
            self._anchors = self._load()
        return self._anchors

    def prepare(self, for_verdict: bool) -> None:
        """Start the JVM, so that it is there when it is asked.

        ``for_verdict``: raise ``StashMailError`` where nobody can judge, or with ``jvm`` where this Java cannot.
        Otherwise it is for its name only, without which there is another.
        """
        if for_verdict:
            self.anchors  # noqa: B018 - to be loaded before anything is sent
        # What has been asked already is known.
        if not self._java.knows_itself and not self._why_openssl:
            with contextlib.suppress(StashMailError):
                self._java.begin()
        if for_verdict and self._method == "jvm" and self._why_not_java:
            raise StashMailError(
                f"method=jvm: {self._why_not_java}. Use method=auto or openssl to have OpenSSL answer, or put that "
                "right."
            )

    @property
    def _why_not_java(self) -> str:
        return self._why_openssl or self._java.failure

    def _given(self) -> Truststore:
        if self._truststore is None:
            entries = [Entry(f"anchor-{number}", der) for number, der in enumerate(self.anchors.certificates)]
            self._truststore = Truststore(kind="jks", data=write_store(entries, "jks"))
        return self._truststore

    def hello(self, local_address: str, deadline: Deadline) -> str:
        """Return what JavaMail would call itself in EHLO on a connection from ``local_address``, empty if not known."""
        if self._why_openssl and not self._java.knows_itself:
            return ""
        return self._java.hello(local_address, _half(deadline).at_most(_GREETING_SECONDS))

    def judge(self, server: Server, deadline: Deadline) -> Judgement:
        """Return the verdict on ``server``.

        Java gets half of the time that is left, so that the conversation can go on without its word. Raises
        ``StashMailError`` where the method is ``jvm`` and Java came to no verdict, and ``MailFailure`` as the server's
        ``handshake`` does.
        """
        key = (server.host, server.port, server.security == "smtps", server.cipher, *server.chain)
        if key not in self._known:
            self._known[key] = self._judge(server, deadline)
        return self._known[key]

    def _judge(self, server: Server, deadline: Deadline) -> Judgement:
        look = Look(server.chain, self.anchors.certificates)
        answer = self._ask(server, deadline)
        self.prepare(for_verdict=True)
        if answer is not None:
            java, report = answer
            verdict = _of_report(report, look, server, self.anchors)
            return Judgement(verdict, self._facts(verdict, java.how, report, java.version))
        verdict = self._of_openssl(look, server)
        return Judgement(verdict, self._facts(verdict, self._why_not_java))

    def _ask(self, server: Server, deadline: Deadline) -> tuple[Jvm, JvmReport] | None:
        if self._why_not_java:
            return None
        try:
            hello = self.hello("127.0.0.1", deadline) or "localhost"
            java = self._java.begin()
            question = Question(server.host, server.port, server.security, self._given(), hello)
            report = java.judge(question, _half(deadline))
        except StashMailError as error:
            self._java.give_up(error)
            return None
        if not report.decided:
            self._why_openssl = f"the JVM's own connection ended at {report.stage}: {report.error}"
            return None
        return java, report

    def _of_openssl(self, look: Look, server: Server) -> Verdict:
        names = look.names()
        if self.anchors.failure:
            return Verdict(False, self.anchors.failure, _NO_TLS, None, names, [])
        opinion = openssl.judge(look, server.context, server.handshake)
        if opinion.trusted is None:
            return Verdict(None, opinion.error, "", opinion.names_match, names, [])
        if opinion.trusted:
            return Verdict(True, look.why_trusted(), "", opinion.names_match, names, _warnings(look, server))
        reason = look.why_refused(opinion.error) or f"OpenSSL says {opinion.error}"
        return Verdict(False, reason, "", opinion.names_match, names, [])

    def _facts(
        self, verdict: Verdict, why: str, report: JvmReport | None = None, version: str = ""
    ) -> dict[str, t.Any]:
        angus = {True: "accepted", False: "refused", None: "unknown"}[verdict.names_match]
        return {
            "trusted": verdict.trusted,
            "reason": verdict.reason,
            "truststore": self.anchors.source,
            "truststore_how": self.anchors.how,
            "identity": {"matches": verdict.names_match, "javamail": "not checked", "angus": angus},
            "method": "jvm" if report else "openssl",
            "method_reason": why,
            "java": {
                "version": version,
                "stage": report.stage,
                "address": report.address,
                "protocol": report.protocol,
                "cipher": report.cipher,
                "chain": report.chain,
                "exception": report.error,
            }
            if report
            else None,
        }


def _of_report(report: JvmReport, look: Look, server: Server, anchors: Anchors) -> Verdict:
    names = look.names()
    if report.stage == "done":
        warnings = _warnings(look, server)
        if report.chain and report.chain[0] != sha256(server.chain[0]):
            warnings.append(
                f"The JVM was shown another certificate (SHA-256 {report.chain[0]}) than this module: more than one "
                "server seems to answer by this name."
            )
        return Verdict(True, look.why_trusted(), "", report.names_match, names, warnings)
    code = "tls_untrusted"
    if report.stage == "context":
        reason = anchors.failure or f"the JVM cannot set up TLS with its truststore: {report.innermost}"
    elif report.trusted is False:
        reason = look.why_refused(report.error) or f"the JVM says {report.innermost}"
    else:
        reason, code = f"the JVM and the server agree on no TLS connection: {report.innermost}", "tls_protocol"
    return Verdict(False, reason, report.error, report.names_match, names, [], code)


def _warnings(look: Look, server: Server) -> list[str]:
    found = look.warnings()
    if not server.cipher.startswith(("TLS_", "ECDHE-", "DHE-")):
        found.append(f"The server chose {server.cipher}, an RSA key exchange: newer updates of Java refuse that.")
    return found


def _half(deadline: Deadline) -> Deadline:
    return deadline.at_most((deadline.seconds - deadline.elapsed()) / 2)
