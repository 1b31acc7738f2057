# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""IMAP servers as scripts: implicit TLS, and servers that misbehave."""

from __future__ import annotations

import base64
import mailbox as maildir
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.base import Account
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.imap import ImapMailbox as Mailbox
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline

from tests.imap_server import ImapServer
from tests.integration.smtp import bad_servers as bad
from tests.integration.smtp.bad_servers import BadServer, Peer
from tests.mail_server import Certificate, self_signed

PASSWORD = "correct horse battery"
MESSAGE_ID = "<1.stash_mail@example.com>"
HEADER = b"Received: from b\r\n by c\r\nReceived: from a by b\r\nMessage-ID: <1.stash_mail@example.com>\r\n\r\n"


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return self_signed("127.0.0.1")


def account(server: BadServer, security: str, certificate: Certificate) -> Account:
    return Account("127.0.0.1", server.port, security, "ops", PASSWORD, trusted=[certificate.der])


def imap(*steps: tuple[bytes, bytes], begin: Callable[[Peer], None] | None = None) -> bad.Script:
    """An IMAP server: for each step a command that is waited for and what comes before its tagged OK."""

    def script(peer: Peer) -> None:
        if begin is not None:
            begin(peer)
        peer.say(b"* OK ready\r\n")
        for verb, untagged in [(b"CAPABILITY", b"* CAPABILITY IMAP4rev1\r\n"), *steps]:
            tag, command = peer.line().split(b" ", 2)[:2]
            assert command == verb
            peer.say(untagged + tag + b" OK done\r\n")
        peer.hang()

    return script


LOGGED_IN = [(b"LOGIN", b""), (b"EXAMINE", b"* 2 EXISTS\r\n")]
FETCHED = b"* 2 FETCH (BODY[HEADER] {%d}\r\n%s)\r\n" % (len(HEADER), HEADER)


@pytest.mark.parametrize("security", ["plain", "imaps"])
def test_arrival(security: str, certificate: Certificate) -> None:
    steps = [*LOGGED_IN, (b"SEARCH", b"* SEARCH\r\n"), (b"EXAMINE", b"* 2 EXISTS\r\n"), (b"SEARCH", b"* SEARCH 2\r\n")]
    script = imap(*steps, (b"FETCH", FETCHED), begin=Peer.start_tls if security == "imaps" else None)
    with BadServer(script, certificate) as server:
        with Mailbox(account(server, security, certificate), Deadline(5)) as mailbox:
            arrival = mailbox.wait_for(MESSAGE_ID)
        assert arrival is not None
        assert arrival.received == ["from b by c", "from a by b"]
        assert b'SEARCH HEADER Message-ID "<1.stash_mail@example.com>"' in server.received


def test_the_server_must_be_trusted(certificate: Certificate) -> None:
    with BadServer(imap(begin=Peer.start_tls), certificate) as server:
        with pytest.raises(StashMailError, match="certificate verify failed"):
            Mailbox(account(server, "imaps", self_signed("127.0.0.1")), Deadline(5))
        assert server.received == b""


def test_the_name_must_be_right() -> None:
    other = self_signed("other.example.com")
    with BadServer(imap(begin=Peer.start_tls), other) as server:
        with pytest.raises(StashMailError, match="certificate verify failed"):
            Mailbox(account(server, "imaps", other), Deadline(5))
        assert server.received == b""


def injecting(peer: Peer) -> None:
    peer.say(b"* OK ready\r\n")
    peer.answer(b"* CAPABILITY IMAP4rev1 STARTTLS\r\nAAAA0 OK done\r\n")
    tag = peer.line().split()[0]
    peer.say(tag + b" OK go\r\n* PREAUTH no need for TLS\r\n")
    peer.hang()


def echoing(peer: Peer) -> None:
    peer.say(b"* OK ready\r\n")
    tag = peer.line().split()[0]
    peer.say(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")
    line = peer.line()
    peer.say(line.split()[0] + b" NO you said " + line + b"\r\n")
    peer.hang()


def tagged(reply: bytes) -> bad.Script:
    def script(peer: Peer) -> None:
        peer.say(b"* OK ready\r\n")
        peer.say(reply.replace(b"TAG", peer.line().split()[0]))
        peer.hang()

    return script


@pytest.mark.parametrize(
    ("script", "security"),
    [
        (bad.silent, "plain"),
        (bad.closing, "plain"),
        (bad.says(b"220 this is SMTP\r\n"), "plain"),
        (bad.says(b"* BYE too busy\r\n"), "plain"),
        (bad.says(b"* OK " + b"x" * 3_000_000), "plain"),
        (bad.silent, "imaps"),
        (tagged(b"* CAPABILITY IMAP4rev1\r\nTAG NO\r\n"), "plain"),
        (tagged(b"* 1 FETCH (X {999999999}\r\n"), "plain"),
        (lambda peer: peer.drip(b"* OK drip\r\n", 0.05), "plain"),
        (injecting, "starttls"),
        (echoing, "plain"),
    ],
)
def test_misbehaviour_ends_in_time(script: bad.Script, security: str, certificate: Certificate) -> None:
    started = time.monotonic()
    with BadServer(script, certificate) as server:
        with pytest.raises(StashMailError) as caught:
            Mailbox(account(server, security, certificate), Deadline(1))
        assert time.monotonic() - started < 1.5
        if script is not echoing:
            assert PASSWORD.encode() not in server.received
    assert PASSWORD not in str(caught.value)


def test_a_server_that_falls_silent_is_no_arrival(certificate: Certificate) -> None:
    def script(peer: Peer) -> None:
        imap(*LOGGED_IN, (b"SEARCH", b"* SEARCH\r\n"))(peer)

    with BadServer(script, certificate) as server, Mailbox(account(server, "plain", certificate), Deadline(1)) as box:
        assert box.wait_for(MESSAGE_ID) is None


def after_login(*said: bytes) -> bad.Script:
    """Says these in answer to what comes after the login; the last one over and over, without waiting, if it can."""

    def script(peer: Peer) -> None:
        peer.say(b"* OK ready\r\n")
        for verb, untagged in [(b"CAPABILITY", b"* CAPABILITY IMAP4rev1\r\n"), *LOGGED_IN]:
            tag, command = peer.line().split(b" ", 2)[:2]
            assert command == verb
            peer.say(untagged + tag + b" OK done\r\n")
        for answer in said:
            tag = peer.line().split(b" ", 1)[0]
            peer.say(answer.replace(b"TAG", tag))

    return script


BROKEN = [
    (b"* SEARCH 2\r\nTAG NO not today, " + PASSWORD.encode() + b"\r\n",),
    (b"* BYE going down\r\n",),
    (b"",),
    (b"* SEARCH {99999999999}\r\n",),
    (b"* SEARCH {" + b"9" * 5000 + b"}\r\n",),
    (b"* SEARCH {3}\r\nabc\r\nTAG OK done\r\n" * 3,),
    (b"* CAPABILITY \xff\xfe\r\n* \xff\xff\r\nTAG OK done\r\n",),
    (b"* SEARCH 2\r\nTAG OK done\r\n", b"* 2 FETCH (BODY[HEADER] {5}\r\nab"),
    (b"* SEARCH 2\r\nTAG OK done\r\n", b"TAG BAD " + PASSWORD.encode() + b"\r\n"),
    (b"other OK done\r\n",),
    (b"\0\0\0\0\r\n" * 1000,),
]


@pytest.mark.parametrize("said", BROKEN, ids=range(len(BROKEN)))
def test_what_breaks_off_is_neither_a_traceback_nor_an_empty_mailbox(
    said: tuple[bytes, ...], certificate: Certificate
) -> None:
    with (
        BadServer(after_login(*said)) as server,
        Mailbox(account(server, "plain", certificate), Deadline(5)) as mailbox,
        pytest.raises(StashMailError, match=r"^IMAP: ") as caught,
    ):
        mailbox.wait_for(MESSAGE_ID)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    "piece", [b"* 1 FETCH (BODY[] {1000}\r\n" + b"x" * 1000 + b")\r\n", b"* LIST () x\r\n"], ids=["literals", "lines"]
)
def test_untagged_floods_are_not_kept(piece: bytes, certificate: Certificate) -> None:
    def script(peer: Peer) -> None:
        after_login()(peer)
        peer.line()
        while True:
            peer.say(piece * 100)

    with BadServer(script) as server, Mailbox(account(server, "plain", certificate), Deadline(20)) as mailbox:
        tracemalloc.start()
        with pytest.raises(StashMailError, match="in answer to one command"):
            mailbox.wait_for(MESSAGE_ID)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 40_000_000


def test_a_message_that_cannot_be_read_does_not_end_the_search(certificate: Certificate) -> None:
    """Anybody may send one to the mailbox."""
    nested = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n" * 1200
    fetched = b"* 2 FETCH (BODY[] {%d}\r\n%s)\r\nTAG OK done\r\n" % (len(nested), nested)
    steps = (b"* SEARCH 2\r\nTAG OK done\r\n", fetched)
    with (
        BadServer(after_login(*steps)) as server,
        Mailbox(account(server, "plain", certificate), Deadline(5)) as mailbox,
    ):
        (message,) = mailbox.new()
    assert not message.is_multipart()


def test_a_password_that_is_not_ascii_on_a_real_server(tmp_path: Path, certificate: Certificate) -> None:
    secret = "p\u00e4ssw\u00f6rd \u20ac"
    maildir.Maildir(tmp_path / "Maildir")
    with ImapServer(tmp_path / "Maildir", "ops", secret, *certificate.write(tmp_path)) as server:
        one = Account("127.0.0.1", server.port, "starttls", "ops", secret, trusted=[certificate.der])
        with Mailbox(one, Deadline(30)) as opened:
            opened.mark()


@pytest.mark.parametrize("before", [b"LOGINDISABLED", b"AUTH=PLAIN"])
def test_what_is_offered_counts_once_it_is_encrypted(before: bytes, certificate: Certificate) -> None:
    """Most servers offer no login before, and what is offered then may be somebody else's word."""
    after = b"AUTH=PLAIN" if before == b"LOGINDISABLED" else b"AUTH=SCRAM-SHA-1"

    def capability(peer: Peer, said: bytes) -> None:
        tag, command = peer.line().split()[:2]
        assert command == b"CAPABILITY"
        peer.say(b"* CAPABILITY IMAP4rev1 STARTTLS " + said + b"\r\n" + tag + b" OK done\r\n")

    def script(peer: Peer) -> None:
        peer.say(b"* OK ready\r\n")
        capability(peer, before)
        peer.say(peer.line().split(b" ")[0] + b" OK begin\r\n")
        peer.start_tls()
        capability(peer, after)
        tag = peer.line().split(b" ")[0]
        peer.say(b"+ \r\n")
        peer.line()
        peer.say(tag + b" OK in\r\n")
        peer.say(b"* 0 EXISTS\r\n" + peer.line().split(b" ")[0] + b" OK done\r\n")
        peer.hang()

    with BadServer(script, certificate) as server:
        one = account(server, "starttls", certificate)._replace(password="p\u00e4ss")
        if after == b"AUTH=PLAIN":
            Mailbox(one, Deadline(5)).close()
        else:
            with pytest.raises(StashMailError, match="does not offer the mechanism PLAIN"):
                Mailbox(one, Deadline(5))
        assert (b"AUTHENTICATE PLAIN" in server.received) == (after == b"AUTH=PLAIN")


@pytest.mark.parametrize("offers", [True, False])
def test_a_password_that_is_not_ascii(offers: bool, certificate: Certificate) -> None:
    secret = "p\u00e4ssw\u00f6rd \u20ac"

    def script(peer: Peer) -> None:
        peer.say(b"* OK ready\r\n")
        tag = peer.line().split(b" ")[0]
        peer.say(b"* CAPABILITY IMAP4rev1" + (b" AUTH=PLAIN" if offers else b"") + b"\r\n" + tag + b" OK done\r\n")
        tag = peer.line().split(b" ")[0]
        peer.say(b"+ \r\n")
        peer.line()
        peer.say(tag + b" OK in\r\n")
        tag = peer.line().split(b" ")[0]
        peer.say(b"* 0 EXISTS\r\n" + tag + b" OK done\r\n")
        peer.hang()

    with BadServer(script) as server:
        one = account(server, "plain", certificate)._replace(password=secret)
        if offers:
            Mailbox(one, Deadline(5)).close()
            assert base64.b64encode(f"\0ops\0{secret}".encode()) in server.received
        else:
            with pytest.raises(StashMailError, match="does not offer the mechanism PLAIN"):
                Mailbox(one, Deadline(5))
