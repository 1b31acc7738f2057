# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of servers that misbehave, and what probe and send are to make of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from tests.integration.smtp import bad_servers as bad
from tests.integration.smtp.bad_servers import Peer, Script

OK = b"250 ok\r\n"


@dataclass(frozen=True)
class Case:
    """One server. ``send`` is outcome and code (empty at success) of the test send, ``probe`` the probe's outcome.

    ``certificate`` is one of ``good``, ``unknown``, ``other_name`` and ``expired``.
    """

    name: str
    script: Script
    security: str
    probe: str
    send: tuple[str, str]
    username: str = ""
    certificate: str = "good"
    recipients: tuple[str, ...] = ("ops@example.com",)

    @property
    def deadline(self) -> float:
        """Seconds: short where the run is to use them up, otherwise long enough for a busy machine."""
        return 2.0 if "timeout" in (self.probe, self.send[1]) or self.name == "silent after the dot" else 10.0

    @property
    def identifier(self) -> str:
        return f"{self.name}, {self.security}"


def refused(code: str) -> tuple[str, str]:
    return "refused", code


ACCEPTED = ("accepted", "")
UNKNOWN = ("unknown", "unknown")

# What a server does from its first byte on, or with it; the same inside of TLS.
FROM_THE_START: list[tuple[str, Script, str]] = [
    ("connection accepted and silent", bad.silent, "timeout"),
    ("closes at once", bad.closing, "dropped"),
    ("resets at once", Peer.reset, "dropped"),
    ("421 banner", bad.says(b"421 4.3.2 too busy\r\n"), "deferred"),
    ("554 banner", bad.says(b"554 5.7.1 your address is blocked\r\n"), "rejected"),
    ("SSH banner", bad.says(b"SSH-2.0-OpenSSH_9.2\r\n"), "not_smtp"),
    ("HTTP banner", bad.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not_smtp"),
    ("IMAP banner", bad.says(b"* OK ready\r\n"), "not_smtp"),
    ("half a banner", bad.says(b"220 I never finish"), "timeout"),
    ("3 MB banner line", bad.says(b"220 " + b"x" * 3_000_000 + b"\r\n"), "not_smtp"),
    ("banner line without end", bad.endless_line, "not_smtp"),
    ("200k banner lines", partial(bad.many_lines, 200_000), "not_smtp"),
    ("banner dripping", lambda peer: peer.drip(b"220-drip\r\n", 0.1), "timeout"),
    ("reply code 999", bad.says(b"999 what\r\n"), "not_smtp"),
    ("endless EHLO", bad.endless_ehlo, "not_smtp"),
    ("EHLO dripping", bad.dripping_ehlo, "timeout"),
    ("an early reply that shifts the later ones", bad.early_reply, "not_smtp"),
    ("MAIL 550", bad.after_ehlo(b"550 5.7.1 not you\r\n"), "sender_refused"),
    ("MAIL 451", bad.after_ehlo(b"451 later\r\n"), "deferred"),
    ("421 at MAIL", bad.after_ehlo(b"421 shutting down\r\n"), "deferred"),
    ("resets at MAIL", bad.after_ehlo(end=Peer.reset), "dropped"),
    ("RCPT 450 (greylisting)", bad.after_ehlo(OK, b"450 greylisted\r\n"), "deferred"),
    ("RCPT 554", bad.after_ehlo(OK, b"554 relay access denied\r\n"), "recipient_refused"),
    ("RCPT 252", bad.after_ehlo(OK, b"252 perhaps\r\n"), "recipient_refused"),
    ("421 at RCPT", bad.after_ehlo(OK, b"421 shutting down\r\n"), "deferred"),
    ("drops at RCPT", bad.after_ehlo(OK, end=bad.closing), "dropped"),
]
# What is odd only.
ODD: list[tuple[str, Script]] = [
    ("bare LF", bad.bare_line_feeds),
    ("0xFF and NUL bytes", bad.odd_bytes),
    ("EHLO 502", bad.old_server),
]
LOGIN = (b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n")
# JavaMail reads the old form only beside the new one.
OLD_FORM = b"AUTH CRAM-MD5\r\n250-AUTH=LOGIN"
AUTH: list[tuple[str, Script, str, str]] = [
    ("535", bad.after_ehlo(*LOGIN, b"535 no\r\n"), "auth_failed", "auth_failed"),
    ("535 at PLAIN", bad.after_ehlo(b"535 no\r\n", auth=b"AUTH PLAIN"), "auth_failed", "auth_failed"),
    ("535 at the user name", bad.after_ehlo(LOGIN[0], b"535 no\r\n"), "auth_failed", "auth_failed"),
    ("454 at AUTH", bad.after_ehlo(b"454 temporary\r\n"), "deferred", "deferred"),
    ("AUTH with endless 334", bad.endless_challenges, "auth_failed", "auth_failed"),
    ("535 that echoes the password", bad.echoing, "auth_failed", "auth_failed"),
    ("MAIL 550 that echoes the password", bad.echoing_later, "sender_refused", "sender_refused"),
    ("disconnects in AUTH", bad.after_ehlo(LOGIN[0], end=bad.closing), "dropped", "dropped"),
    ("silent in AUTH", bad.after_ehlo(LOGIN[0]), "timeout", "timeout"),
    ("no SMTP in AUTH", bad.after_ehlo(b"what\r\n"), "not_smtp", "not_smtp"),
    ("CRAM-MD5 only", bad.after_ehlo(auth=b"AUTH CRAM-MD5"), "auth_unsupported", "auth_unsupported"),
    ("XOAUTH2 only", bad.after_ehlo(auth=b"AUTH XOAUTH2"), "auth_unsupported", "auth_unsupported"),
    ("DIGEST-MD5 only", bad.after_ehlo(OK, auth=b"AUTH DIGEST-MD5"), "auth_untested", "auth_untested"),
    ("no AUTH, MAIL 530", bad.after_ehlo(b"530 log in\r\n", auth=b"8BITMIME"), "sender_refused", "sender_refused"),
    ("AUTH=LOGIN, 535", bad.after_ehlo(*LOGIN, b"535 no\r\n", auth=OLD_FORM), "auth_failed", "auth_failed"),
]
# From DATA on: only a send gets there.
DELIVERED = (Peer.message, bad.then(OK))
MESSAGE: list[tuple[str, Script, tuple[str, str]]] = [
    ("554 at DATA", bad.after_ehlo(OK, OK, b"554 no\r\n"), refused("rejected")),
    ("250 at DATA", bad.after_ehlo(OK, OK, OK), refused("rejected")),
    ("552 after the dot", bad.message(Peer.message, bad.then(b"552 too big\r\n")), refused("rejected")),
    ("451 after the dot", bad.message(Peer.message, bad.then(b"451 later\r\n")), refused("deferred")),
    ("drops in DATA", bad.message(Peer.skip, bad.closing), UNKNOWN),
    ("drops after the dot", bad.message(Peer.message, bad.closing), UNKNOWN),
    ("resets after the dot", bad.message(Peer.message, Peer.reset), UNKNOWN),
    ("silent after the dot", bad.message(Peer.message, bad.silent), UNKNOWN),
    ("garbage after the dot", bad.message(Peer.message, bad.then(b"thanks\r\n")), UNKNOWN),
    ("354 after the dot", bad.message(Peer.message, bad.then(b"354 more\r\n")), UNKNOWN),
    ("silent at QUIT", bad.message(*DELIVERED, bad.silent), ACCEPTED),
    ("closes at QUIT", bad.message(*DELIVERED, Peer.skip, bad.closing), ACCEPTED),
    ("resets at QUIT", bad.message(*DELIVERED, Peer.skip, Peer.reset), ACCEPTED),
    ("resets before QUIT", bad.message(*DELIVERED, Peer.reset), ACCEPTED),
    ("500 at QUIT", bad.message(*DELIVERED, lambda peer: peer.answer(b"500 no\r\n")), ACCEPTED),
    ("flood at QUIT", bad.message(*DELIVERED, bad.endless_banner), ACCEPTED),
]
# At STARTTLS: what required mode, and what optional mode makes of it. Bitbucket would send in plaintext where the
# server offers no STARTTLS; here its password is not sent then.
STARTTLS: list[tuple[str, Script, str]] = [
    ("454 at STARTTLS", bad.starttls(bad.then(b"454 TLS not available\r\n")), "starttls_failed"),
    ("closes at STARTTLS", bad.starttls(bad.closing), "starttls_failed"),
    ("resets at STARTTLS", bad.starttls(Peer.reset), "starttls_failed"),
    ("stalls at STARTTLS", bad.starttls(bad.silent), "timeout"),
    ("plaintext after 220 (injection)", bad.starttls(bad.then(b"220 go\r\n250 AUTH PLAIN\r\n")), "starttls_injection"),
    ("no TLS after 220", bad.starttls(Peer.go, Peer.anything, bad.then(OK)), "tls_protocol"),
    ("closes after 220", bad.starttls(Peer.go, Peer.anything, bad.closing), "dropped"),
    ("TLS stalls after the hello", bad.starttls(Peer.go, Peer.anything, bad.silent), "timeout"),
    ("RST during TLS", bad.starttls(Peer.go, Peer.anything, Peer.reset), "dropped"),
    ("closes after TLS", bad.tls_then(bad.closing), "dropped"),
    ("silent after TLS", bad.tls_then(bad.silent), "timeout"),
    ("535", bad.tls_then(bad.offers_auth, bad.refuses_password), "auth_failed"),
]
SMTPS: list[tuple[str, Script, str]] = [
    ("plain SMTP", bad.says(b"220 hello\r\n"), "tls_protocol"),
    ("silent", bad.silent, "timeout"),
    ("closes", bad.closing, "dropped"),
    ("TLS stalls after the hello", bad.steps(Peer.anything, Peer.hang), "timeout"),
    ("RST during TLS", bad.steps(Peer.anything, Peer.reset), "dropped"),
    # The alert protocol_version, as servers send it that speak TLS 1.1 at most.
    ("TLS 1.1 at most", bad.steps(Peer.anything, bad.then(b"\x15\x03\x01\x00\x02\x02\x46")), "tls_protocol"),
]
CERTIFICATES = [("unknown", "tls_untrusted"), ("expired", "tls_untrusted"), ("other_name", "tls_identity")]


def in_tls(script: Script) -> Script:
    """The same, in TLS from the first byte."""
    return bad.steps(Peer.start_tls, script)


def both(name: str, script: Script, probe: str, send: tuple[str, str], username: str = "") -> list[Case]:
    """Without TLS, and inside of it."""
    case = Case(name, script, "plain", "deliver_plaintext" if probe == "deliver" else probe, send, username)
    return [case, replace(case, script=in_tls(script), security="smtps", probe=probe)]


def catalogue() -> list[Case]:
    """All of them."""
    cases: list[Case] = []
    for name, script, outcome in FROM_THE_START:
        cases += both(name, script, outcome, refused(outcome))
    for name, script in ODD:
        cases += both(name, script, "deliver", ACCEPTED)
    for name, script, probe, send in AUTH:
        cases += both(name, script, probe, refused(send), "user")
    no_auth = bad.steps(*_deliver(b"8BITMIME"))
    unauthenticated = Case("no AUTH", no_auth, "plain", "deliver_unauthenticated", ACCEPTED, "user")
    cases += [unauthenticated, replace(unauthenticated, script=in_tls(no_auth), security="smtps")]
    for name, script, result in MESSAGE:
        cases += both(name, script, "deliver", result)
    for case in both("partial recipient refusal", _partial, "deliver", ("accepted", "partly_refused")):
        cases.append(replace(case, recipients=("ops@example.com", "no@example.com")))
    for mode in ("starttls_required", "starttls_optional"):
        cases += [Case(name, script, mode, code, refused(code), "user") for name, script, code in STARTTLS]
        for certificate, code in CERTIFICATES:
            script = bad.tls_then(bad.offers_auth, bad.refuses_password)
            cases.append(Case(f"{certificate} certificate", script, mode, code, refused(code), "user", certificate))
        probe = "starttls_missing" if mode == "starttls_required" else "deliver_plaintext"
        cases.append(Case("STARTTLS stripped", bad.stripped, mode, probe, refused("starttls_missing"), "user"))
    cases += [Case(name, script, "smtps", code, refused(code), "user") for name, script, code in SMTPS]
    for certificate, code in CERTIFICATES:
        script = in_tls(bad.after_ehlo(*LOGIN, b"535 no\r\n"))
        cases.append(Case(f"{certificate} certificate", script, "smtps", code, refused(code), "user", certificate))
    other_way_round = bad.steps(Peer.start_tls, Peer.hang)
    return [*cases, Case("TLS from the first byte", other_way_round, "plain", "timeout", refused("timeout"))]


def _deliver(*extensions: bytes) -> list[Callable[[Peer], None]]:
    replies = [OK, OK, b"354 go\r\n"]
    return [lambda peer: peer.greet(*extensions), lambda peer: peer.answer(*replies), *DELIVERED, Peer.hang]


def _partial(peer: Peer) -> None:
    peer.greet()
    peer.answer(OK)
    while True:
        line = peer.line()
        if line.startswith(b"RCPT"):
            peer.say(b"554 unknown\r\n" if b"<no@" in line else OK)
        elif line == b"DATA":
            peer.say(b"354 go\r\n")
            peer.message()
            peer.say(OK)
        else:
            peer.say(b"221 bye\r\n" if line == b"QUIT" else OK)
