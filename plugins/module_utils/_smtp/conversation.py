# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversation that Bitbucket would have with its mail server, up to where a message would be handed over.

The JVM's verdict comes between the TLS handshake and everything that follows it, so that nothing is said, and no
password sent, to a server that Bitbucket itself would not talk to.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.connection import Connection
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import MailFailure
from ansible_collections.stashops.mail.plugins.module_utils._smtp import tls
from ansible_collections.stashops.mail.plugins.module_utils._smtp.session import TRIED_HERE, Reply, Session
from ansible_collections.stashops.mail.plugins.module_utils._verdict.anchors import Anchors, load_anchors
from ansible_collections.stashops.mail.plugins.module_utils._verdict.judge import Judge, Server, Verdict
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import Setup, SharedJvm, Truststore
from ansible_collections.stashops.mail.plugins.module_utils._x509.certificate import try_describe
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import require_x509


class Settings(t.NamedTuple):
    """The mail settings of Bitbucket, and the JVM they are for. Empty strings and None stand for what is not set.

    ``planned`` is what the JVM will trust where that is not on disk yet; ``truststore`` does not count then.
    ``account`` and ``behind`` say how the JVM is run, as ``_verdict.jvm.Setup`` has them.
    """

    host: str
    port: int
    security: str
    username: str = ""
    password: str = ""
    auth_type: str = "basic"
    sender: str = ""
    recipient: str = ""
    truststore: str | None = None
    truststore_password: str | None = None
    java_home: str | None = None
    extra_anchors: t.Sequence[bytes] = ()
    check_identity: bool = True
    method: str = "auto"
    jvm_arguments: t.Sequence[str] = ()
    send_password: bool = True
    planned: Anchors | None = None
    account: str | None = None
    behind: t.Sequence[str] = ()

    @property
    def encrypted(self) -> bool:
        """TLS may come into it."""
        return self.security != "plain"

    def anchors(self) -> Anchors:
        """Return what the JVM trusts; raise ``StashMailError`` where its own bundle is needed and not found."""
        found = self.planned or load_anchors(self.truststore, self.truststore_password, self.java_home, self.behind)
        return found.extended(self.extra_anchors)

    def judge(self, java: SharedJvm | None = None) -> Judge:
        """Return who says what the JVM makes of a certificate; ``java`` is one that others ask, too."""
        setup = Setup(self.java_home, self.jvm_arguments, self.account, self.behind)
        return Judge(setup, self._given_truststore(), self.anchors, self.method, java)

    def _given_truststore(self) -> Truststore | None:
        """What the JVM gets; None: no more than a list of certificates."""
        planned, password = self.planned, self.truststore_password or None
        if self.extra_anchors or (planned is not None and planned.data is None):
            return None
        if planned is None:
            return Truststore(self.truststore, password)
        return Truststore(password=password, kind=planned.kind, data=planned.data)

    def server(self, handshake: tls.Handshake, deadline: Deadline) -> Server:
        """Return the mail server as ``handshake`` showed it, to be judged before ``deadline``."""
        host, port, security = self.host, self.port, self.security
        return Server(
            host,
            port,
            security,
            handshake.chain.certificates,
            handshake.cipher,
            tls.jvm_context,
            lambda context: tls.try_context(host, port, security, context, deadline),
        )


class Conversation:
    """One conversation. ``facts`` holds what has been learnt so far, at a failure too; ``outcome`` how it would end."""

    def __init__(self, settings: Settings, deadline: Deadline, judge: Judge | None = None) -> None:
        self.settings = settings
        self.deadline = deadline
        # Before anything is sent: a missing Java or library has nothing to do with the server.
        if settings.encrypted:
            require_x509()
        self.judge = judge or settings.judge()
        self._owns_judge = judge is None
        self.judge.prepare(settings.encrypted)
        self._session: Session | None = None
        self.handshake: tls.Handshake | None = None
        self.warnings: list[str] = []
        self.outcome = "deliver"
        self.in_clear = True
        self.untested = ""
        self._steps: list[dict[str, t.Any]] = []
        self._facts: dict[str, t.Any] = {
            "banner": "",
            "hello": "",
            "capabilities": [],
            "tls": None,
            "chain": [],
            "chain_complete": None,
            "jvm": None,
            "authenticated": None,
        }

    @property
    def session(self) -> Session:
        """The open session."""
        if self._session is None:
            raise RuntimeError("the conversation has not been opened")
        return self._session

    @property
    def facts(self) -> dict[str, t.Any]:
        """Return everything learnt so far, JSON-serialisable and without secrets."""
        transcript = self._session.transcript.lines if self._session else []
        return {**self._facts, "steps": self._steps, "transcript": transcript}

    @property
    def last_step(self) -> str:
        """Return the name of the part that came last, empty before the first."""
        return str(self._steps[-1]["step"]) if self._steps else ""

    def attempt(self) -> StashMailError | None:
        """All of it without a message, from connecting to the goodbye; return what ended it early."""
        try:
            self.open()
            self.envelope()
            self.end()
        except StashMailError as error:
            return error
        finally:
            self.close()
        return None

    def open(self) -> None:
        """Connect, greet, encrypt, authenticate: all that JavaMail does before MAIL FROM. Raises ``MailFailure``."""
        settings = self.settings
        connection = self._step("connect", lambda: Connection(settings.host, settings.port, self.deadline))
        self._session = session = Session(connection)
        if settings.security == "smtps":
            self._encrypt()
        self._facts["banner"] = self._step("greeting", session.read_banner)
        self._hello()
        if settings.security in ("starttls_optional", "starttls_required"):
            self._starttls()
        self.in_clear = connection.tls is None
        if self.in_clear:
            self.outcome = "deliver_plaintext"
        self._authenticate()

    def envelope(self) -> None:
        """MAIL FROM and RCPT TO, as far as sender and recipient are set. Raises ``MailFailure``.

        Not where Bitbucket would authenticate and the password was not sent here: the answers would mislead.
        """
        if self.settings.sender and not self.untested:
            self._step("sender", lambda: self.session.mail_from(self.settings.sender))
            if self.settings.recipient:
                self._step("recipient", lambda: self.session.rcpt_to(self.settings.recipient))

    def data(self, message: bytes) -> Reply:
        """Hand ``message`` over, once; return the server's answer. Raises ``MailFailure``, ``unknown`` among them."""
        return t.cast(Reply, self._step("message", lambda: self.session.data(message)))

    def end(self) -> None:
        """Take back a begun envelope and say goodbye; how the server takes that no longer matters."""
        self.session.quit_quietly(reset=True)

    def close(self) -> None:
        """Close the connection; never raises."""
        if self._session is not None:
            self._session.close()
        if self._owns_judge:
            self.judge.close()

    def _step(self, name: str, action: t.Callable[[], t.Any]) -> t.Any:
        started = self.deadline.elapsed()
        step: dict[str, t.Any] = {"step": name, "ok": False}
        self._steps.append(step)
        try:
            result = action()
        except MailFailure as failure:
            step["code"] = failure.code
            raise
        finally:
            step["seconds"] = round(self.deadline.elapsed() - started, 3)
        step["ok"] = True
        return result

    def _hello(self) -> None:
        session = self.session
        name = self.judge.hello(session.connection.local_address, self.deadline)
        extensions = self._step("hello", lambda: session.hello(name))
        self._facts["hello"] = session.name
        self._facts["capabilities"] = [f"{name} {value}".strip() for name, value in extensions.items()]

    def _starttls(self) -> None:
        settings, session = self.settings, self.session
        if settings.security == "starttls_optional" and "STARTTLS" not in session.extensions:
            self.warnings.append(
                f"{settings.host}:{settings.port} does not offer STARTTLS, or someone on the way strips it: "
                "Bitbucket would send its mail in plaintext."
            )
            return
        self._step("starttls", session.starttls)
        self._encrypt()
        self._hello()

    def _encrypt(self) -> None:
        self.handshake = handshake = self._step("tls", lambda: tls.start_tls(self.session))
        self._facts["tls"] = {"version": handshake.version, "cipher": handshake.cipher}
        self._facts["chain"] = [try_describe(der) for der in handshake.chain.certificates]
        self._facts["chain_complete"] = handshake.chain.complete
        self._step("trust", lambda: self._judge(handshake))

    def _judge(self, handshake: tls.Handshake) -> None:
        settings, connection = self.settings, self.session.connection
        judgement = self.judge.judge(settings.server(handshake, self.deadline), self.deadline)
        verdict, self._facts["jvm"] = judgement.verdict, judgement.facts
        self.warnings += verdict.warnings
        if not handshake.chain.complete:
            self.warnings.append("This Python shows the server's own certificate only, not those it sends with it.")
        if verdict.trusted is None:
            raise StashMailError(
                f"Whether the JVM trusts {settings.host} cannot be known here. {verdict.reason}. Have the JVM itself "
                "asked: give the java_home of the product's Java, on the host where that runs."
            )
        if not verdict.trusted:
            raise connection.failure(verdict.code, self._untrusted_text(verdict), log=self._log(verdict.log))
        if verdict.names_match:
            return
        if verdict.names_match is None:
            self.warnings.append(f"Whether the certificate was issued for {settings.host} is not known.")
            return
        text = f"the certificate is issued for {', '.join(verdict.names) or 'no name'}, not for {settings.host}"
        if settings.check_identity:
            raise connection.failure("tls_identity", text)
        self.warnings.append(
            f"{text[0].upper()}{text[1:]}: JavaMail does not check that, Angus Mail (in newer products) does."
        )

    def _untrusted_text(self, verdict: Verdict) -> str:
        if verdict.code != "tls_untrusted":
            return verdict.reason
        source = self.judge.anchors.source
        return f"the JVM does not trust {self.settings.host}: {verdict.reason} (truststore {source})"

    def _log(self, cause: str) -> str:
        if self.settings.security == "smtps":
            first = f"Could not connect to SMTP host: {self.settings.host}, port: {self.settings.port}"
        else:
            first = "Could not convert socket to TLS"
        return f"javax.mail.MessagingException: {first} <- {cause}" if cause else first

    def _authenticate(self) -> None:
        settings, session = self.settings, self.session
        by_token = settings.auth_type == "oauth2"
        if not settings.username and not by_token:
            return
        self._facts["authenticated"] = False
        unread = session.unread_mechanisms()
        if not session.offers_auth:
            self.outcome = "deliver_unauthenticated"
            credentials = "token" if by_token else "user name and password"
            but = f", but {', '.join(unread)} in an old form, which JavaMail does not read" if unread else ""
            self.warnings.append(
                f"{settings.host}:{settings.port} does not offer AUTH{but}: Bitbucket would send without its "
                f"{credentials}, and say nothing about it."
            )
            return
        offered = ", ".join([*session.mechanisms(), *unread]) or "AUTH without a mechanism"
        if by_token:
            self._stop_before_token(offered)
            return
        mechanism = session.javamail_mechanism()
        if mechanism is None:
            raise session.connection.failure("auth_unsupported", f"the server offers {offered} only")
        if mechanism not in TRIED_HERE:
            self.outcome, self.untested = "auth_untested", f"JavaMail would use {mechanism}, which is not tried here"
            self.warnings.append(f"{self.untested}: whether the password is right stays unknown.")
            return
        if not settings.send_password:
            self.untested = "the password is sent in the mode that was asked for only"
            return
        if self.in_clear and settings.security != "plain":
            self.untested = "the password would travel unencrypted, so it was not sent"
            self.warnings.append("Bitbucket's password would travel unencrypted. It was not sent here.")
            return
        if self.in_clear:
            self.warnings.append("The password travels unencrypted, as security=plain asks for.")
        self._step("auth", lambda: session.authenticate(settings.username, settings.password, mechanism))
        self._facts["authenticated"] = True

    def _stop_before_token(self, offered: str) -> None:
        """Nobody but Bitbucket has the token, and what the server says without it would mislead."""
        settings = self.settings
        self.outcome, self.untested = "token_untested", "Bitbucket would authenticate by a token, which only it has"
        self.warnings.append(
            "AUTH by token (OAuth 2.0) cannot be tried from here, since only Bitbucket has the token: whether "
            f"{settings.host} takes it, the sender and the recipient stays unknown."
        )
        if "XOAUTH2" not in self.session.mechanisms():
            self.warnings.append(
                f"{settings.host}:{settings.port} offers {offered} and not XOAUTH2, by which JavaMail "
                "sends a token: Bitbucket could hardly authenticate."
            )
        if self.in_clear:
            self.warnings.append("Bitbucket's token would travel unencrypted.")
