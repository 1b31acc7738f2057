# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mailbox over POP3: logins that see new mail, optional parts of the protocol, servers that misbehave."""

from __future__ import annotations

import base64
import mailbox
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.base import Account
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.pop3 import Pop3Mailbox
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline

from tests.integration.smtp import bad_servers as bad
from tests.integration.smtp.bad_servers import BadServer
from tests.integration.smtp.pop3_server import Pop3Server
from tests.mail_server import Certificate, self_signed

PASSWORD = "correct horse battery"
MESSAGE_ID = "<1.stash_mail@example.com>"


def message(message_id: str) -> bytes:
    return (
        f"Received: from b\n by c\nReceived: from a by b\nMessage-ID: {message_id}\nSubject: s\n\nbody\n.dot\n".encode()
    )


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return self_signed("127.0.0.1")


def account(server: BadServer, security: str, certificate: Certificate) -> Account:
    trusted = [certificate.der]
    return Account("127.0.0.1", server.port, security, "ops", PASSWORD, trusted=trusted, protocol="pop3")


def later(seconds: float, action: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(seconds, action)
    timer.start()
    return timer


@pytest.mark.parametrize("uidl", [True, False])
@pytest.mark.parametrize("security", ["starttls", "pop3s"])
def test_arrival(tmp_path: Path, certificate: Certificate, security: str, uidl: bool) -> None:
    box = mailbox.Maildir(tmp_path / "Maildir")
    for number in range(60):
        box.add(message(f"<old{number}@example.com>"))
    with Pop3Server(
        tmp_path / "Maildir", "ops", PASSWORD, certificate, implicit_tls=security == "pop3s", uidl=uidl
    ) as server:
        server.busy = {2}
        with Pop3Mailbox(account(server, security, certificate), Deadline(15)) as opened:
            timer = later(0.3, lambda: box.add(message(MESSAGE_ID)))
            arrival = opened.wait_for(MESSAGE_ID)
            timer.join()
    assert arrival is not None
    assert arrival.received == ["from b by c", "from a by b"]
    assert len(server.peers) == 3, "a look at a mailbox in use is no failure, the next one finds the message"
    assert server.received.count(b"TOP 60 ") + server.received.count(b"TOP 61 ") >= 1
    assert b"TOP 5 " not in server.received, "only the newest are looked at"
    assert b"RETR" not in server.received
    assert b"DELE" not in server.received


def test_login_delay(tmp_path: Path, certificate: Certificate) -> None:
    with Pop3Server(tmp_path / "Maildir", "ops", PASSWORD, certificate, login_delay=30) as server:
        with Pop3Mailbox(account(server, "starttls", certificate), Deadline(1.5)) as opened:
            assert opened.wait_for(MESSAGE_ID) is None
        assert server.logins == 1


def test_the_server_must_be_trusted(tmp_path: Path, certificate: Certificate) -> None:
    for security in ("starttls", "pop3s"):
        with Pop3Server(tmp_path / "Maildir", "ops", PASSWORD, certificate, implicit_tls=security == "pop3s") as server:
            with pytest.raises(StashMailError, match="certificate verify failed"):
                Pop3Mailbox(account(server, security, self_signed("127.0.0.1")), Deadline(5))
            assert b"USER" not in server.received


def greeting(*actions: Callable[[bad.Peer], None]) -> bad.Script:
    return bad.steps(bad.then(b"+OK\r\n"), *actions, bad.Peer.hang)


def flood(peer: bad.Peer) -> None:
    peer.say(b"+OK\r\n")
    peer.answer(b"+OK\r\n", b"+OK\r\n", b"+OK\r\n.\r\n", b"+OK 1 100\r\n", b"-ERR no UIDL\r\n", b"+OK\r\n")
    while True:
        peer.say(b"x" * 1000 + b"\r\n")


def echoing(peer: bad.Peer) -> None:
    peer.say(b"+OK\r\n")
    peer.answer(b"+OK\r\n")
    peer.say(b"-ERR you said " + peer.line() + b"\r\n")
    peer.hang()


@pytest.mark.parametrize(
    ("script", "security", "words"),
    [
        (bad.silent, "plain", "was silent"),
        (bad.closing, "plain", "closed the connection"),
        (bad.says(b"-ERR too busy\r\n"), "plain", "too busy"),
        (bad.says(b"* OK this is IMAP\r\n"), "plain", "IMAP"),
        (bad.says(b"+OK " + b"x" * 3_000_000), "plain", "a line of more than"),
        (lambda peer: peer.drip(b"+OK drip", 0.05), "plain", "was silent"),
        (bad.silent, "pop3s", "was silent"),
        (greeting(lambda p: p.answer(b"-ERR no TLS\r\n")), "starttls", "refused STLS"),
        (greeting(lambda p: p.answer(b"+OK\r\n+OK injected\r\n")), "starttls", "in plaintext"),
        (flood, "plain", "more than 1000000 bytes"),
        (echoing, "plain", "words are not shown"),
    ],
)
def test_misbehaviour_ends_in_time(script: bad.Script, security: str, words: str, certificate: Certificate) -> None:
    started = time.monotonic()
    with BadServer(script, certificate) as server:
        with pytest.raises(StashMailError) as caught:
            Pop3Mailbox(account(server, security, certificate), Deadline(1))
        assert time.monotonic() - started < 1.7
    assert words in str(caught.value)
    assert PASSWORD not in str(caught.value)
    if security == "starttls":
        assert PASSWORD.encode() not in server.received
    assert server.received.count(b"PASS ") <= 1


def after_login(*said: bytes) -> bad.Script:
    def script(peer: bad.Peer) -> None:
        peer.say(b"+OK ready\r\n")
        peer.answer(b"+OK\r\n", b"+OK in\r\n", *said)

    return script


CAPA = b"+OK\r\nUIDL\r\n.\r\n"
BROKEN = [
    (b"+OK\r\n\xff\xfe\r\n.\r\n",),
    (CAPA, b"+OK " + PASSWORD.encode() + b"\r\n"),
    (CAPA, b"+OK\r\n"),
    (CAPA, b"+OK " + b"9" * 5000 + b" 1\r\n"),
    (CAPA, b"+OK -1 x\r\n"),
    (CAPA, b"-ERR " + PASSWORD.encode() + b"\r\n"),
    (CAPA, b"+OK 1 10\r\n", b""),
    (CAPA, b"\xff\xff\r\n"),
]


@pytest.mark.parametrize("said", BROKEN, ids=range(len(BROKEN)))
def test_broken_answers_are_no_traceback_and_show_no_password(
    said: tuple[bytes, ...], certificate: Certificate
) -> None:
    with BadServer(after_login(*said)) as server, pytest.raises(StashMailError, match=r"^POP3: ") as caught:
        Pop3Mailbox(account(server, "plain", certificate), Deadline(5))
    assert PASSWORD not in str(caught.value)
    assert "horse" not in str(caught.value)


def test_a_stranger_s_long_lines_do_not_end_the_search(tmp_path: Path, certificate: Certificate) -> None:
    box = mailbox.Maildir(tmp_path / "Maildir")
    with (
        Pop3Server(tmp_path / "Maildir", "ops", PASSWORD, certificate) as server,
        Pop3Mailbox(account(server, "starttls", certificate), Deadline(15)) as opened,
    ):
        box.add(b"X-Long: " + b"a" * 50_000 + b"\n\n" + b"b" * 60_000 + b"\n")
        box.add(message(MESSAGE_ID))
        arrival = opened.wait_for(MESSAGE_ID)
    assert arrival is not None


def test_a_server_that_does_not_know_capa(certificate: Certificate) -> None:
    """It is optional, and so is what it tells of."""

    def script(peer: bad.Peer) -> None:
        peer.say(b"+OK ready\r\n")
        peer.answer(b"+OK\r\n", b"+OK in\r\n", b"-ERR unknown command\r\n", b"+OK 0 0\r\n")
        peer.hang()

    with BadServer(script) as server, Pop3Mailbox(account(server, "plain", certificate), Deadline(5)) as opened:
        assert opened.pause == 1.0
        assert b"CAPA" in server.received


@pytest.mark.parametrize("offers", [True, False])
def test_a_password_that_is_not_ascii(offers: bool, certificate: Certificate) -> None:
    secret = "p\u00e4ssw\u00f6rd \u20ac"
    capa = b"+OK\r\nSASL PLAIN LOGIN\r\nUIDL\r\n.\r\n" if offers else CAPA

    def script(peer: bad.Peer) -> None:
        peer.say(b"+OK ready\r\n")
        peer.answer(capa, b"+ \r\n", b"+OK in\r\n", capa, b"+OK 0 0\r\n")
        peer.hang()

    with BadServer(script) as server:
        one = account(server, "plain", certificate)._replace(password=secret)
        if offers:
            Pop3Mailbox(one, Deadline(5)).close()
            assert base64.b64encode(f"\0ops\0{secret}".encode()) in server.received
        else:
            with pytest.raises(StashMailError, match="does not offer the mechanism PLAIN"):
                Pop3Mailbox(one, Deadline(5))
