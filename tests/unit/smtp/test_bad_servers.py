# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that misbehave: each conversation ends in time, with one outcome, and tells no secret."""

from __future__ import annotations

import socket
import time
import tracemalloc
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._conversation import Conversation, Settings
from ansible_collections.stashops.mail.plugins.module_utils._deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._outcome import OUTCOMES, MailFailure
from ansible_collections.stashops.mail.plugins.module_utils._send import Sending
from ansible_collections.stashops.mail.plugins.module_utils._truststore import Entry, write_store

from tests.mail_server import Certificate, self_signed
from tests.unit.smtp import bad_servers as bad
from tests.unit.smtp.bad_servers import BadServer, Peer, Script

PASSWORD = "correct horse battery"
ENCODED = ("Y29ycmVjdCBob3JzZSBiYXR0ZXJ5", "AHVzZXIAY29ycmVjdCBob3JzZSBiYXR0ZXJ5")
LIMIT = 1.0


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return self_signed()


@pytest.fixture(scope="module")
def truststore(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> str:
    path: Path = tmp_path_factory.mktemp("store") / "cacerts"
    path.write_bytes(write_store([Entry("server", certificate.der)], "jks"))
    return str(path)


def settings(port: int, security: str, truststore: str | None = None, username: str = "") -> Settings:
    return Settings(
        host="127.0.0.1",
        port=port,
        security=security,
        username=username,
        password=PASSWORD if username else "",
        sender="bitbucket@example.com",
        recipient="ops@example.com",
        truststore=truststore,
    )


def probe(wanted: Settings, limit: float = LIMIT) -> tuple[str, Conversation, str]:
    """Return the outcome, the conversation and the message of the failure."""
    conversation = Conversation(wanted, Deadline(limit))
    try:
        conversation.open()
        conversation.envelope()
        conversation.end()
    except MailFailure as failure:
        return failure.code, conversation, str(failure)
    finally:
        conversation.close()
    return conversation.outcome, conversation, ""


def send(wanted: Settings, limit: float = LIMIT) -> tuple[str, str, Sending]:
    """Return the outcome, the code (empty at success) and the sending."""
    sending = Sending(wanted, None, Deadline(limit))
    try:
        sending.run()
    except MailFailure as failure:
        return sending.outcome, failure.code, sending
    finally:
        sending.close()
    return sending.outcome, "", sending


def no_secret_in(text: str) -> None:
    assert PASSWORD not in text
    assert not any(form in text for form in ENCODED)


PLAINTEXT: list[tuple[str, Script, str]] = [
    ("silent", bad.silent, "timeout"),
    ("closes at once", bad.closing, "dropped"),
    ("resets at once", Peer.reset, "dropped"),
    ("421 banner", bad.says(b"421 4.3.2 too busy\r\n"), "deferred"),
    ("554 banner", bad.says(b"554 5.7.1 your address is blocked\r\n"), "rejected"),
    ("SSH banner", bad.says(b"SSH-2.0-OpenSSH_9.2\r\n"), "not_smtp"),
    ("HTTP banner", bad.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not_smtp"),
    ("IMAP banner", bad.says(b"* OK ready\r\n"), "not_smtp"),
    ("half a banner", bad.says(b"220 I never finish"), "timeout"),
    ("3 MB banner line", bad.says(b"220 " + b"x" * 3_000_000), "not_smtp"),
    ("200k banner lines", bad.endless_banner, "not_smtp"),
    ("reply code 999", bad.says(b"999 what\r\n"), "not_smtp"),
    ("bare LF", bad.bare_line_feeds, "deliver_plaintext"),
    ("0xFF and NUL bytes", bad.odd_bytes, "deliver_plaintext"),
    ("EHLO 502", bad.old_server, "deliver_plaintext"),
    ("endless EHLO", bad.endless_ehlo, "not_smtp"),
    ("dripping EHLO", bad.dripping_ehlo, "timeout"),
    ("early reply", bad.early_reply, "not_smtp"),
    ("MAIL 550", bad.after_ehlo(b"550 5.7.1 not you\r\n"), "sender_refused"),
    ("MAIL 451", bad.after_ehlo(b"451 later\r\n"), "deferred"),
    ("RCPT 450", bad.after_ehlo(b"250 ok\r\n", b"450 greylisted\r\n"), "deferred"),
    ("RCPT 554", bad.after_ehlo(b"250 ok\r\n", b"554 relay access denied\r\n"), "recipient_refused"),
    ("RCPT 252", bad.after_ehlo(b"250 ok\r\n", b"252 perhaps\r\n"), "recipient_refused"),
    ("421 at MAIL", bad.after_ehlo(b"421 shutting down\r\n"), "deferred"),
    ("drops at RCPT", bad.after_ehlo(b"250 ok\r\n", end=bad.closing), "dropped"),
    ("resets at MAIL", bad.after_ehlo(end=Peer.reset), "dropped"),
]


@pytest.mark.parametrize(("script", "outcome"), [p[1:] for p in PLAINTEXT], ids=[p[0] for p in PLAINTEXT])
def test_plaintext(script: Script, outcome: str) -> None:
    tracemalloc.start()
    started = time.monotonic()
    with BadServer(script) as server:
        found, conversation, message = probe(settings(server.port, "plain"))
        took = time.monotonic() - started
        _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == outcome, (message, conversation.facts["transcript"])
    assert found in OUTCOMES
    assert took < LIMIT + 0.5
    assert peak < 8_000_000, "a server filled the memory"
    assert len(server.peers) == 1, "one attempt"


REFUSING = [case for case in PLAINTEXT if not case[2].startswith("deliver")]


@pytest.mark.parametrize(("script", "outcome"), [p[1:] for p in REFUSING], ids=[p[0] for p in REFUSING])
def test_plaintext_send(script: Script, outcome: str) -> None:
    with BadServer(script) as server:
        found, code, _sending = send(settings(server.port, "plain"))
    assert (found, code) == ("refused", outcome)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert probe(settings(port, "plain"))[0] == "refused"


def test_unknown_host() -> None:
    wanted = settings(25, "plain")._replace(host="does-not-exist.invalid")
    assert probe(wanted, limit=5.0)[0] == "dns"


# Outcome in required mode, outcome in optional mode.
STARTTLS: list[tuple[str, Script, str, str]] = [
    ("stripped", bad.stripped, "starttls_missing", "deliver_plaintext"),
    ("454", bad.starttls(bad.then(b"454 TLS not available\r\n")), "starttls_failed", "starttls_failed"),
    ("closes", bad.starttls(bad.closing), "starttls_failed", "starttls_failed"),
    ("resets", bad.starttls(Peer.reset), "starttls_failed", "starttls_failed"),
    ("stalls", bad.starttls(bad.silent), "timeout", "timeout"),
    ("injection", bad.starttls(bad.then(b"220 go\r\n250 AUTH PLAIN\r\n")), "starttls_injection", "starttls_injection"),
    ("no TLS", bad.starttls(Peer.go, Peer.anything, bad.then(b"250 ok\r\n")), "tls_protocol", "tls_protocol"),
    ("closes after 220", bad.starttls(Peer.go, Peer.anything, bad.closing), "dropped", "dropped"),
    ("TLS stalls", bad.starttls(Peer.go, Peer.anything, bad.silent), "timeout", "timeout"),
    ("RST during TLS", bad.starttls(Peer.go, Peer.anything, Peer.reset), "dropped", "dropped"),
    ("closes after TLS", bad.tls_then(bad.closing), "dropped", "dropped"),
    ("silent after TLS", bad.tls_then(bad.silent), "timeout", "timeout"),
    ("535", bad.tls_then(bad.offers_auth, bad.refuses_password), "auth_failed", "auth_failed"),
]


@pytest.mark.parametrize("mode", ["starttls_required", "starttls_optional"])
@pytest.mark.parametrize(("script", "required", "optional"), [p[1:] for p in STARTTLS], ids=[p[0] for p in STARTTLS])
def test_starttls(
    script: Script, required: str, optional: str, mode: str, truststore: str, certificate: Certificate
) -> None:
    with BadServer(script, certificate) as server:
        started = time.monotonic()
        found, conversation, message = probe(settings(server.port, mode, truststore, "user"))
        took = time.monotonic() - started
    assert found == (required if mode == "starttls_required" else optional), message
    assert took < LIMIT + 0.5
    assert len(server.peers) == 1, "no second attempt, least of all in plaintext"
    no_secret_in(repr(conversation.facts) + message)
    if found == "deliver_plaintext":
        assert any("in clear" in warning for warning in conversation.warnings)
    if found != "auth_failed":
        no_secret_in(server.received.decode("latin-1"))
        assert b"AUTH" not in server.received


def test_send_does_not_let_the_password_travel_in_clear(truststore: str) -> None:
    with BadServer(bad.stripped) as server:
        found, code, sending = send(settings(server.port, "starttls_optional", truststore, "user"))
    assert (found, code) == ("refused", "starttls_missing")
    assert b"AUTH" not in server.received
    assert b"MAIL" not in server.received
    assert not sending.handed_over


SMTPS: list[tuple[str, Script, str]] = [
    ("plain SMTP", bad.says(b"220 hello\r\n"), "tls_protocol"),
    ("silent", bad.silent, "timeout"),
    ("closes", bad.closing, "dropped"),
    ("stalls after the hello", bad.steps(Peer.anything, Peer.hang), "timeout"),
    ("resets after the hello", bad.steps(Peer.anything, Peer.reset), "dropped"),
    ("silent in TLS", bad.steps(Peer.start_tls, Peer.hang), "timeout"),
    # The alert protocol_version, as servers send it that speak TLS 1.1 at most.
    ("old TLS only", bad.steps(Peer.anything, bad.then(b"\x15\x03\x01\x00\x02\x02\x46")), "tls_protocol"),
    ("SSH in TLS", bad.steps(Peer.start_tls, bad.then(b"SSH-2.0-x\r\n")), "not_smtp"),
]


@pytest.mark.parametrize(("script", "outcome"), [p[1:] for p in SMTPS], ids=[p[0] for p in SMTPS])
def test_smtps(script: Script, outcome: str, truststore: str, certificate: Certificate) -> None:
    with BadServer(script, certificate) as server:
        found, _conversation, message = probe(settings(server.port, "smtps", truststore, "user"))
    assert found == outcome, message
    assert len(server.peers) == 1
    assert server.received == b""


def test_smtps_server_spoken_to_in_plaintext(truststore: str, certificate: Certificate) -> None:
    """JavaMail hangs there; the failure says which mode to try."""
    with BadServer(bad.steps(Peer.start_tls, Peer.hang), certificate) as server:
        found, _conversation, message = probe(settings(server.port, "plain"))
    assert found == "timeout"
    assert "security=smtps" in message


def test_untrusted_server_is_told_nothing(certificate: Certificate, tmp_path: Path) -> None:
    path = tmp_path / "cacerts"
    path.write_bytes(write_store([Entry("other", self_signed().der)], "jks"))
    with BadServer(bad.tls_then(bad.offers_auth, bad.refuses_password), certificate) as server:
        found, conversation, message = probe(settings(server.port, "starttls_required", str(path), "user"))
        assert found == "tls_untrusted"
        assert send(settings(server.port, "starttls_required", str(path), "user"))[:2] == ("refused", "tls_untrusted")
    assert "Put the certificate" in message
    assert conversation.facts["jvm"]["trusted"] is False
    assert conversation.facts["chain"][0]["subject"] == "CN=127.0.0.1"
    assert server.received.split() == [b"EHLO", *server.received.split()[1:2], b"STARTTLS"] * 2


AUTH: list[tuple[str, Script, str]] = [
    ("535", bad.after_ehlo(b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", b"535 no\r\n"), "auth_failed"),
    ("535 at PLAIN", bad.after_ehlo(b"535 no\r\n", auth=b"AUTH PLAIN"), "auth_failed"),
    ("535 at the user name", bad.after_ehlo(b"334 VXNlcm5hbWU6\r\n", b"535 no\r\n"), "auth_failed"),
    ("454", bad.after_ehlo(b"454 temporary\r\n"), "deferred"),
    ("endless 334", bad.endless_challenges, "auth_failed"),
    ("echoes the password", bad.echoing, "auth_failed"),
    ("echoes the password later", bad.echoing_later, "sender_refused"),
    ("disconnects in AUTH", bad.after_ehlo(b"334 VXNlcm5hbWU6\r\n", end=bad.closing), "dropped"),
    ("no SMTP in AUTH", bad.after_ehlo(b"what\r\n"), "not_smtp"),
    ("CRAM-MD5 only", bad.after_ehlo(auth=b"AUTH CRAM-MD5"), "auth_unsupported"),
    ("XOAUTH2 only", bad.after_ehlo(auth=b"AUTH XOAUTH2"), "auth_unsupported"),
    ("DIGEST-MD5 only", bad.after_ehlo(b"250 ok\r\n", auth=b"AUTH DIGEST-MD5"), "auth_untested"),
    ("no AUTH", bad.after_ehlo(*[b"250 ok\r\n"] * 4, auth=b"8BITMIME"), "deliver_unauthenticated"),
    ("no AUTH, MAIL 530", bad.after_ehlo(b"530 authenticate\r\n", auth=b"8BITMIME"), "sender_refused"),
    ("AUTH=LOGIN", bad.after_ehlo(b"334 x\r\n", b"334 x\r\n", b"535 no\r\n", auth=b"AUTH=LOGIN"), "auth_failed"),
]


@pytest.mark.parametrize(("script", "outcome"), [p[1:] for p in AUTH], ids=[p[0] for p in AUTH])
def test_auth(script: Script, outcome: str) -> None:
    with BadServer(script) as server:
        wanted = settings(server.port, "plain", username="user")
        conversation = Conversation(wanted, Deadline(LIMIT))
        found, text = "", ""
        try:
            conversation.open()
            conversation.envelope()
            found = conversation.outcome
        except MailFailure as failure:
            found, text = failure.code, f"{failure} {failure.details}"
        finally:
            conversation.close()
    assert found == outcome, text
    no_secret_in(text + repr(conversation.facts) + repr(conversation.warnings))
    assert server.received.count(b"AUTH ") <= 1, "one attempt, so that no account gets locked"
    assert len(server.peers) == 1


MESSAGE: list[tuple[str, Script, str, str]] = [
    ("552 after the dot", bad.message(Peer.message, bad.then(b"552 too big\r\n")), "refused", "rejected"),
    ("451 after the dot", bad.message(Peer.message, bad.then(b"451 later\r\n")), "refused", "deferred"),
    ("554 at DATA", bad.after_ehlo(b"250 ok\r\n", b"250 ok\r\n", b"554 no\r\n"), "refused", "rejected"),
    ("250 at DATA", bad.after_ehlo(b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n"), "refused", "rejected"),
    ("drops in DATA", bad.message(Peer.skip, bad.closing), "unknown", "unknown"),
    ("drops after the dot", bad.message(Peer.message, bad.closing), "unknown", "unknown"),
    ("resets after the dot", bad.message(Peer.message, Peer.reset), "unknown", "unknown"),
    ("silent after the dot", bad.message(Peer.message, bad.silent), "unknown", "unknown"),
    ("garbage after the dot", bad.message(Peer.message, bad.then(b"thanks\r\n")), "unknown", "unknown"),
    ("354 after the dot", bad.message(Peer.message, bad.then(b"354 more\r\n")), "unknown", "unknown"),
    ("silent at QUIT", bad.message(Peer.message, bad.then(b"250 ok\r\n"), bad.silent), "accepted", ""),
    ("closes at QUIT", bad.message(Peer.message, bad.then(b"250 ok\r\n"), Peer.skip, bad.closing), "accepted", ""),
    ("resets at QUIT", bad.message(Peer.message, bad.then(b"250 ok\r\n"), Peer.skip, Peer.reset), "accepted", ""),
    ("resets before QUIT", bad.message(Peer.message, bad.then(b"250 ok\r\n"), Peer.reset), "accepted", ""),
    (
        "500 at QUIT",
        bad.message(Peer.message, bad.then(b"250 ok\r\n"), lambda p: p.answer(b"500 no\r\n")),
        "accepted",
        "",
    ),
]


@pytest.mark.parametrize(("script", "outcome", "code"), [p[1:] for p in MESSAGE], ids=[p[0] for p in MESSAGE])
def test_message(script: Script, outcome: str, code: str) -> None:
    with BadServer(script) as server:
        started = time.monotonic()
        found, failed_with, sending = send(settings(server.port, "plain"))
        took = time.monotonic() - started
    assert (found, failed_with) == (outcome, code), sending.result
    assert took < LIMIT + 0.5
    assert len(server.peers) == 1, "a message is never sent again by itself"
    assert server.received.count(b"\nDATA") == 1
    assert sending.handed_over == (outcome != "refused")


def test_every_outcome_says_what_to_do() -> None:
    for code, outcome in OUTCOMES.items():
        assert code == code.lower()
        assert outcome.cause, code
        assert outcome.meaning.endswith("."), code
        assert outcome.remedy.endswith("."), code
