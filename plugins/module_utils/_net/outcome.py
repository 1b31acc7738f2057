# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The closed set of outcomes: each with its cause, what it means for Bitbucket and what to do next."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError


class Outcome(t.NamedTuple):
    """What a machine-readable code stands for.

    ``log`` is JavaMail's text, where it is known. ``delivers``: with this end of a probe Bitbucket's mail would go
    out as far as can be known, though perhaps not as one would want it.
    """

    cause: str
    meaning: str
    remedy: str
    log: str = ""
    delivers: bool = False


_NO_MAIL = "Bitbucket cannot send any mail with these settings."

OUTCOMES: dict[str, Outcome] = {
    # What a probe ends with where Bitbucket would send.
    "deliver": Outcome("the server took everything", "Bitbucket can send mail, encrypted.", "Nothing.", delivers=True),
    "deliver_plaintext": Outcome(
        "the connection is not encrypted",
        "Bitbucket can send mail, readable by everyone on the way, and so is its password if there is one.",
        "Use security=starttls_required or smtps where the server offers it.",
        delivers=True,
    ),
    "deliver_unauthenticated": Outcome(
        "credentials are set, but the server does not offer AUTH",
        "Bitbucket sends without authenticating and says nothing about it.",
        "Remove the credentials, or use the server's submission port.",
        delivers=True,
    ),
    "auth_untested": Outcome(
        "JavaMail would authenticate by a mechanism that is not tried here",
        "Bitbucket would try it; whether the password is right stays unknown.",
        "Have Bitbucket itself send a message, as the module stash_mail_notification does, or let the server offer "
        "PLAIN or LOGIN over TLS.",
        delivers=True,
    ),
    "token_untested": Outcome(
        "Bitbucket would authenticate by a token (OAuth 2.0), which only it has",
        "Bitbucket gets as far as authentication; whether the server takes its token stays unknown.",
        "Have Bitbucket itself send a message, as the module stash_mail_notification does.",
        delivers=True,
    ),
    # What a test send ends with.
    "delivered": Outcome("the message is in the mailbox", "Mail arrives.", "Nothing."),
    "accepted": Outcome(
        "the server took the message, but its arrival was not seen",
        "Bitbucket can hand its mail over; what happens then is up to the mail server.",
        "Look for the Message-ID in the mail server's log, the spam folder and the bounces of the sender.",
    ),
    "unknown": Outcome(
        "the connection broke or fell silent after the message had been handed over",
        "The message may arrive or not. It is not sent again, since it could then arrive twice.",
        "Look for the Message-ID in the mailbox and in the mail server's log before sending again.",
    ),
    "partly_refused": Outcome(
        "the server took the message for some of the recipients only",
        "Bitbucket's mail would not reach the recipients that were refused.",
        "Read the server's answers to them. Do not send again to all, the others have the message.",
        "javax.mail.SendFailedException: Invalid Addresses",
    ),
    # Failures, in the order of the conversation.
    "dns": Outcome(
        "the host name has no address",
        _NO_MAIL,
        "Check the host's spelling and the DNS of the target.",
        "Couldn't connect to host, port: {host}, {port} <- java.net.UnknownHostException: {host}",
    ),
    "refused": Outcome(
        "no connection could be made",
        _NO_MAIL,
        "Check host and port, that the mail server runs, and the firewalls between.",
        "Couldn't connect to host, port: {host}, {port}",
    ),
    "timeout": Outcome(
        "the server did not answer before the deadline",
        _NO_MAIL,
        "Check host, port and firewalls; a port that speaks TLS from the first byte (often 465) "
        "stays silent unless security=smtps. Raise deadline where the server is only slow.",
        "Exception reading response <- java.net.SocketTimeoutException: Read timed out",
    ),
    "dropped": Outcome(
        "the server closed or reset the connection",
        _NO_MAIL,
        "Look into the mail server's log: it may block this host's address or want another security mode.",
        "[EOF]",
    ),
    "not_smtp": Outcome(
        "what answers does not speak SMTP",
        _NO_MAIL,
        "Check host and port: mail servers listen on 25, 587 (STARTTLS) or 465 (SMTPS).",
        "Could not connect to SMTP host: {host}, port: {port}, response: -1",
    ),
    "deferred": Outcome(
        "the server refused temporarily (4xx)",
        "Bitbucket's mail is refused at the moment.",
        "Greylisting passes by itself: try again in some minutes, or have greylist_wait do that. Otherwise look into "
        "the mail server's log.",
    ),
    "rejected": Outcome(
        "the server refused (5xx)",
        _NO_MAIL,
        "Read the server's answer: it may want another address of this host, another port or authentication.",
    ),
    "starttls_missing": Outcome(
        "STARTTLS is required but the server does not offer it",
        _NO_MAIL,
        "Turn STARTTLS on at the server, use its submission port, or security=smtps where it has that. "
        "If the server should offer it, something on the way strips it.",
        "STARTTLS is required but host does not support STARTTLS",
    ),
    "starttls_failed": Outcome(
        "the server offers STARTTLS but refused it",
        "Bitbucket cannot send any mail: JavaMail never falls back to plaintext, not even in optional mode.",
        "Look into the mail server's log: its certificate or key may be missing.",
    ),
    "starttls_injection": Outcome(
        "the server sent more than its answer to STARTTLS, in plaintext",
        "Someone on the way may be putting words into the conversation: do not trust this connection.",
        "Find out what sits between this host and the mail server; update the mail server.",
    ),
    "tls_protocol": Outcome(
        "the TLS handshake failed",
        _NO_MAIL,
        "Check that port and security mode fit: 465 is usually smtps, 587 and 25 starttls. "
        "The server must speak TLS 1.2 or later.",
        "Could not connect to SMTP host: {host}, port: {port} <- javax.net.ssl.SSLException",
    ),
    "tls_untrusted": Outcome(
        "the product's JVM does not trust the server's certificate",
        _NO_MAIL,
        "Put the certificate (better: its CA's) into the truststore, and the intermediates into the server's chain.",
    ),
    "tls_identity": Outcome(
        "the certificate was issued for another name",
        "A Bitbucket whose mail library checks the name (Angus Mail 1.1 and later) cannot send. Older JavaMail does "
        "not check it and would send.",
        "Use a host name that is in the certificate, or have the certificate renewed with this name as a SAN.",
        "Can't verify identity of server: {host}",
    ),
    "auth_unsupported": Outcome(
        "the server offers no authentication mechanism that JavaMail has",
        _NO_MAIL,
        "Let the server offer LOGIN or PLAIN over TLS.",
        "No authentication mechanisms supported by both server and client",
    ),
    "auth_failed": Outcome(
        "the server refused the user name or password",
        _NO_MAIL,
        "Check both. Only one attempt was made, so that no account gets locked; Gmail and others want an app password.",
        "javax.mail.AuthenticationFailedException",
    ),
    "sender_refused": Outcome(
        "the server refused the sender",
        _NO_MAIL,
        "Use a sender that the server allows for this account or host, or authenticate.",
        "com.sun.mail.smtp.SMTPSendFailedException",
    ),
    "recipient_refused": Outcome(
        "the server refused the recipient",
        "Bitbucket cannot send mail to this recipient.",
        "Check the address; where the server says that relaying is denied, authenticate or let it relay for this host.",
        "javax.mail.SendFailedException: Invalid Addresses",
    ),
}


def describe_outcome(code: str) -> dict[str, str]:
    """Return ``cause``, ``meaning`` and ``remedy`` of ``code``."""
    outcome = OUTCOMES[code]
    return {"cause": outcome.cause, "meaning": outcome.meaning, "remedy": outcome.remedy}


class MailFailure(StashMailError):
    """A conversation that ended with one of the codes of failure.

    ``detail`` is the one sentence about this case, never with an answer of the server that echoes a secret.
    """

    def __init__(self, code: str, detail: str, host: str = "", port: int = 0, log: str | None = None) -> None:
        outcome = OUTCOMES[code]
        self.code = code
        self.detail = detail
        self.log = outcome.log.format(host=host, port=port) if log is None else log
        parts = [_sentence(detail or outcome.cause), outcome.meaning, outcome.remedy]
        super().__init__(" ".join(parts), code=code, log=self.log, **describe_outcome(code))


def _sentence(text: str) -> str:
    text = text.rstrip()
    return text if text.endswith((".", "!", "?")) else text + "."
