# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probe and send against well-behaved servers, in all four modes, and the message followed into the mailbox."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.base import Account
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import MailFailure
from ansible_collections.stashops.mail.plugins.module_utils._smtp import message as messages
from ansible_collections.stashops.mail.plugins.module_utils._smtp.conversation import Conversation, Settings
from ansible_collections.stashops.mail.plugins.module_utils._smtp.send import Sending
from ansible_collections.stashops.mail.plugins.module_utils._smtp.tls import fetch_chain
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store

from tests.imap_server import ImapServer
from tests.mail_server import MODES, Certificate, MailServer, authority, leaf, self_signed

USER, PASSWORD = "bitbucket", "correct horse battery"
ROOT = authority()
SERVER = leaf(authority("Intermediate", issuer=ROOT), "127.0.0.1", sans=["127.0.0.1", "localhost"])


@pytest.fixture(scope="module")
def truststore(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("store") / "cacerts"
    path.write_bytes(write_store([Entry("root", ROOT.der)], "jks"))
    return str(path)


def settings(server: MailServer, truststore: str | None, **others: object) -> Settings:
    found = Settings(
        host="127.0.0.1",
        port=server.port,
        security=server.mode,
        username=server.username,
        password=PASSWORD if server.username else "",
        sender="bitbucket@example.com",
        recipient="ops@example.com",
        truststore=truststore,
        method="openssl",
    )
    return found._replace(**others)  # type: ignore[arg-type]


def probe(wanted: Settings) -> Conversation:
    conversation = Conversation(wanted, Deadline(10))
    try:
        conversation.open()
        conversation.envelope()
        conversation.end()
    finally:
        conversation.close()
    return conversation


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("username", ["", USER])
def test_probe(mode: str, username: str, truststore: str) -> None:
    with MailServer(mode, username=username, password=PASSWORD, certificate=SERVER) as server:
        found = probe(settings(server, truststore))
        assert server.messages == []
        assert server.auth_attempts == ([True] if username else [])
    facts = found.facts
    assert found.outcome == ("deliver_plaintext" if mode == "plain" else "deliver")
    assert facts["banner"].startswith("mail.example.com")
    assert any(line.startswith("SIZE") for line in facts["capabilities"])
    assert all(step["ok"] for step in facts["steps"])
    assert facts["transcript"][-2:] == ["C: QUIT", "S: 221 Bye"]
    assert PASSWORD not in repr(facts)
    if mode == "plain":
        assert facts["jvm"] is None
        assert bool(found.warnings) is bool(username)
        return
    assert facts["tls"]["version"] == "TLSv1.3"
    assert facts["jvm"]["trusted"] is True
    assert facts["jvm"]["identity"] == {"matches": True, "javamail": "not checked", "angus": "accepted"}
    assert [c["subject"] for c in facts["chain"]] == ["CN=127.0.0.1", "CN=Intermediate"]


def test_another_name(truststore: str) -> None:
    certificate = leaf(ROOT, "other.example.com")
    with MailServer("starttls_required", username=USER, password=PASSWORD, certificate=certificate) as server:
        with pytest.raises(MailFailure) as caught:
            probe(settings(server, truststore))
        assert caught.value.code == "tls_identity"
        assert "other.example.com" in str(caught.value)
        assert server.auth_attempts == []
        tolerant = probe(settings(server, truststore, check_identity=False))
    assert tolerant.outcome == "deliver"
    assert tolerant.facts["jvm"]["identity"]["angus"] == "refused"
    assert any("other.example.com" in warning for warning in tolerant.warnings)


def test_anchors_that_are_not_written_yet(truststore: str) -> None:
    own = self_signed()
    with MailServer("smtps", certificate=own) as server:
        with pytest.raises(MailFailure, match="does not trust"):
            probe(settings(server, truststore))
        assert probe(settings(server, truststore, extra_anchors=[own.der])).outcome == "deliver"


def test_one_attempt_with_a_wrong_password(mode: str, truststore: str) -> None:
    with MailServer(mode, username=USER, password="another", certificate=SERVER) as server:
        with pytest.raises(MailFailure) as caught:
            probe(settings(server, truststore))
        assert server.auth_attempts == [False]
    assert caught.value.code == "auth_failed"
    assert PASSWORD not in f"{caught.value} {caught.value.details}"


def test_refused_sender_and_recipient(truststore: str) -> None:
    with MailServer("starttls_required", certificate=SERVER) as server:
        server.refused_senders.add("bitbucket@example.com")
        with pytest.raises(MailFailure) as caught:
            probe(settings(server, truststore))
        assert caught.value.code == "sender_refused"
        server.refused_senders.clear()
        server.refused_recipients.add("ops@example.com")
        with pytest.raises(MailFailure) as caught:
            probe(settings(server, truststore))
        assert caught.value.code == "recipient_refused"
        assert "Relay access denied" in str(caught.value)
        server.refused_recipients.clear()
        server.deferred_recipients.add("ops@example.com")
        with pytest.raises(MailFailure) as caught:
            probe(settings(server, truststore))
        assert caught.value.code == "deferred"


def test_send(mode: str, truststore: str) -> None:
    with MailServer(mode, username=USER, password=PASSWORD, certificate=SERVER) as server:
        sending = Sending(settings(server, truststore), None, Deadline(10))
        sending.run()
        sending.close()
        (message,) = server.messages
    assert sending.outcome == "accepted"
    assert message["Message-ID"] == sending.result["message_id"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Subject"].startswith("[stash_mail] Test")
    assert message["From"] == "bitbucket@example.com"
    assert message["Delivered-To"] == "ops@example.com"


def test_nothing_is_sent_to_an_untrusted_server(tmp_path: Path) -> None:
    path = tmp_path / "cacerts"
    path.write_bytes(write_store([Entry("other", authority("Other").der)], "jks"))
    with MailServer("smtps", certificate=SERVER) as server:
        sending = Sending(settings(server, str(path)), None, Deadline(10))
        with pytest.raises(MailFailure, match="does not trust"):
            sending.run()
        sending.close()
        assert server.messages == []
    assert sending.outcome == "refused"
    assert not sending.handed_over


def test_dots_survive() -> None:
    with MailServer("plain") as server:
        conversation = Conversation(settings(server, None), Deadline(10))
        conversation.open()
        conversation.envelope()
        conversation.data(b"Subject: dots\r\n\r\n.\r\n..\r\n.a\r\nno line end")
        conversation.close()
        (message,) = server.messages
    assert message.get_payload() == ".\n..\n.a\nno line end\n"


def test_the_message_is_plain_and_short_lined() -> None:
    built = messages.build(
        "a@example.com", ["b@" + "x" * 60 + ".example.com"], "mail." + "y" * 60 + ".com", 25, "plain"
    )
    parsed = email.message_from_bytes(built.content, policy=email.policy.SMTP)
    assert built.content.isascii()
    assert parsed["Content-Transfer-Encoding"] == "7bit"
    assert parsed["Message-ID"] == built.message_id
    assert built.message_id.endswith("@example.com>")
    assert all(len(line) < 200 for line in built.content.splitlines())
    assert b"\n" not in built.content.replace(b"\r\n", b"")
    assert messages.build("a@[192.0.2.1]", ["b@c"], "h", 25, "plain").message_id.endswith("@localhost>")


@pytest.mark.parametrize("mode", ["starttls_required", "starttls_optional", "smtps"])
def test_fetch_chain(mode: str) -> None:
    with MailServer(mode, certificate=SERVER) as server:
        chain = fetch_chain("127.0.0.1", server.port, mode, 10.0)
    assert chain.certificates == SERVER.chain_der
    assert chain.complete


def test_fetch_chain_of_nothing() -> None:
    with pytest.raises(StashMailError, match="no certificate to fetch"):
        fetch_chain("127.0.0.1", 25, "plain", 1.0)
    with MailServer("plain") as server, pytest.raises(MailFailure) as caught:
        fetch_chain("127.0.0.1", server.port, "starttls_required", 5.0)
    assert caught.value.code == "starttls_missing"


# Into the mailbox

IMAP_PASSWORD = "another secret phrase"


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ImapServer, Certificate]]:
    folder = tmp_path_factory.mktemp("imap")
    certificate = self_signed("localhost", "127.0.0.1")
    with MailServer("plain", maildir_path=folder / "Maildir"):
        pass  # makes the Maildir
    with ImapServer(folder / "Maildir", "ops", IMAP_PASSWORD, *certificate.write(folder)) as server:
        yield folder / "Maildir", server, certificate


def account(server: ImapServer, certificate: Certificate, **others: object) -> Account:
    found = Account("127.0.0.1", server.port, "starttls", "ops", IMAP_PASSWORD, trusted=[certificate.der])
    return found._replace(**others)  # type: ignore[arg-type]


def test_delivered(mailbox: tuple[Path, ImapServer, Certificate], truststore: str) -> None:
    maildir, imap, certificate = mailbox
    with MailServer("starttls_required", certificate=SERVER, maildir_path=maildir) as server:
        sending = Sending(settings(server, truststore), account(imap, certificate), Deadline(20))
        sending.run()
        sending.close()
    assert sending.outcome == "delivered"
    assert 0 <= sending.result["seconds"] < 20
    assert IMAP_PASSWORD not in repr(sending.result)


def test_accepted_but_not_arrived(mailbox: tuple[Path, ImapServer, Certificate], truststore: str) -> None:
    _maildir, imap, certificate = mailbox
    with MailServer("starttls_required", certificate=SERVER) as elsewhere:
        sending = Sending(settings(elsewhere, truststore), account(imap, certificate), Deadline(3))
        with pytest.raises(MailFailure, match="not in INBOX of ops") as caught:
            sending.run()
        sending.close()
    assert caught.value.code == "accepted"
    assert sending.outcome == "accepted"
    assert sending.handed_over


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"password": "wrong"}, "IMAP"),
        ({"mailbox": "Elsewhere"}, "mailbox Elsewhere"),
        ({"trusted": [authority("Other").der]}, "certificate verify failed"),
        ({"host": "127.0.0.2"}, "IMAP"),
        ({"security": "imaps"}, "does not answer in TLS"),
    ],
)
def test_a_mailbox_that_cannot_be_opened_stops_before_sending(
    others: dict[str, object], words: str, mailbox: tuple[Path, ImapServer, Certificate], truststore: str
) -> None:
    _maildir, imap, certificate = mailbox
    with MailServer("starttls_required", certificate=SERVER) as server:
        sending = Sending(settings(server, truststore), account(imap, certificate, **others), Deadline(10))
        with pytest.raises(StashMailError, match=words) as caught:
            sending.run()
        sending.close()
        assert server.messages == []
    assert IMAP_PASSWORD not in str(caught.value)
    assert not sending.handed_over
