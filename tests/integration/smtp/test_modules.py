# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two modules as Ansible runs them: options in, JSON out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import OUTCOMES
from ansible_collections.stashops.mail.plugins.module_utils._smtp.argument_specs import CONNECTION, SEND
from ansible_collections.stashops.mail.plugins.module_utils._smtp.recipients import xtext
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store
from ansible_collections.stashops.mail.plugins.modules import stash_mail_probe, stash_mail_send

from tests.ansible_module import patch_module_args
from tests.imap_server import ImapServer
from tests.integration.smtp import bad_servers as bad
from tests.integration.smtp.bad_servers import BadServer
from tests.integration.smtp.pop3_server import Pop3Server
from tests.mail_server import MailServer, authority, leaf

PASSWORD = "correct horse battery"
ROOT = authority()
SERVER = leaf(ROOT, "127.0.0.1", sans=["127.0.0.1"])


@pytest.fixture
def truststore(tmp_path: Path) -> str:
    path = tmp_path / "cacerts"
    path.write_bytes(write_store([Entry("root", ROOT.der)], "jks"))
    return str(path)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run a module with options; return its result. Nothing that it prints holds the password."""

    def runner(module: Any, **options: Any) -> dict[str, Any]:
        with patch_module_args(options), pytest.raises(SystemExit) as ended:
            module.main()
        printed = capfd.readouterr()
        assert PASSWORD not in printed.out + printed.err
        result: dict[str, Any] = json.loads(printed.out)
        assert bool(result.get("failed")) is bool(ended.value.code)
        return result

    return runner


def connection_of(server: MailServer, truststore: str | None = None) -> dict[str, Any]:
    options = {"host": "127.0.0.1", "port": server.port, "security": server.mode, "truststore": truststore}
    if server.username:
        options.update(username=server.username, password=PASSWORD)
    return {**options, "sender": "bitbucket@example.com", "recipient": "ops@example.com", "deadline": 10}


def returned(module: Any) -> dict[str, Any]:
    documented: dict[str, Any] = yaml.safe_load(module.RETURN)
    return documented


def check_documented(module: Any, result: dict[str, Any]) -> None:
    unknown = set(result) - set(returned(module)) - {"changed", "failed", "msg", "invocation", "warnings"}
    assert not unknown, f"returned but not documented: {unknown}"


def test_probe_succeeds(run: Callable[..., dict[str, Any]], truststore: str) -> None:
    with MailServer("starttls_required", username="u", password=PASSWORD, certificate=SERVER) as server:
        result = run(stash_mail_probe, **connection_of(server, truststore))
        assert server.messages == []
    assert result["outcome"] == "deliver"
    assert (result["delivers"], result["authenticated"]) == (True, True)
    assert result["changed"] is False
    assert result["jvm"]["trusted"] is True
    check_documented(stash_mail_probe, result)
    certificates = returned(stash_mail_probe)["chain"]["contains"]
    assert set(result["chain"][0]) == set(certificates) - {"error"}


def test_probe_fails_with_all_that_is_known(run: Callable[..., dict[str, Any]], truststore: str) -> None:
    with MailServer("starttls_required", username="u", password="another", certificate=SERVER) as server:
        result = run(stash_mail_probe, **connection_of(server, truststore))
    assert result["failed"]
    assert result["code"] == result["outcome"] == "auth_failed"
    assert (result["delivers"], result["authenticated"]) == (False, False)
    assert result["chain"][0]["subject"] == "CN=127.0.0.1"
    assert result["log"].startswith("javax.mail.AuthenticationFailedException")
    for key in ("meaning", "remedy"):
        assert result[key] in result["msg"]
    check_documented(stash_mail_probe, result)


@pytest.mark.parametrize("password", ["plain", "deliver", "e", "true", "1", "starttls_required"])
def test_a_password_that_is_a_word_of_ours_changes_nothing(
    password: str, run: Callable[..., dict[str, Any]], truststore: str
) -> None:
    results = []
    for secret in (PASSWORD, password):
        with MailServer("starttls_required", username="u", password=secret, certificate=SERVER) as server:
            result = run(stash_mail_probe, **{**connection_of(server, truststore), "password": secret})
        results.append({name: result[name] for name in ("outcome", "delivers", "authenticated", "changed")})
        results[-1].update({name: row["would"] for name, row in result["modes"].items()})
        results[-1]["steps"] = [step["step"] for step in result["steps"]]
        results[-1]["sha256"] = [one["sha256"] for one in result["chain"]]
        assert result["invocation"]["module_args"]["password"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert results[0] == results[1]


def test_probe_judges_a_truststore_that_is_not_written_yet(
    run: Callable[..., dict[str, Any]], tmp_path: Path, truststore: str
) -> None:
    home = tmp_path / "java" / "lib" / "security"
    home.mkdir(parents=True)
    (home / "cacerts").write_bytes(write_store([Entry("other", authority("Other").der)], "jks"))
    with MailServer("smtps", certificate=SERVER) as server:
        options = connection_of(server, str(tmp_path / "not yet")) | {"java_home": str(tmp_path / "java")}
        assert run(stash_mail_probe, **options)["code"] == "tls_untrusted"
        result = run(stash_mail_probe, **options, extra_anchors=[ROOT.pem], _ansible_check_mode=True)
    assert result["outcome"] == "deliver"


def test_probe_warns(run: Callable[..., dict[str, Any]]) -> None:
    with BadServer(bad.stripped) as server:
        result = run(
            stash_mail_probe,
            **{"host": "127.0.0.1", "port": server.port, "security": "starttls_optional"},
            **{"username": "u", "password": PASSWORD, "sender": "a@example.com", "deadline": 5},
        )
    assert result["outcome"] == "deliver_plaintext"
    assert (result["delivers"], result["authenticated"]) == (True, False)
    assert any("unencrypted" in str(warning) for warning in result["warnings"])
    assert b"AUTH" not in server.received


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"host": ""}, "host is empty"),
        ({"host": "mail\r\nRCPT TO:<x@y>"}, "control character"),
        ({"host": "m\u00e4il.example.com"}, "non-ASCII"),
        ({"port": 0}, "port 0 is out of range"),
        ({"port": 65536}, "out of range"),
        ({"security": "tls"}, "security"),
        ({"username": "u"}, "password is empty"),
        ({"password": PASSWORD}, "username is empty"),
        ({"sender": "a@example.com>\r\nRCPT TO:<x@y"}, "sender holds a control character"),
        ({"sender": "Bitbucket <a@example.com>"}, "not a mail address"),
        ({"recipient": "nobody"}, "not a mail address"),
        ({"deadline": 0}, "deadline"),
        ({"deadline": -1}, "deadline"),
        ({"greylist_wait": -1}, "greylist_wait -1 is out of range"),
        ({"greylist_wait": 86400}, "greylist_wait"),
        ({"extra_anchors": ["garbage"]}, "holds no certificate"),
    ],
)
def test_bad_input_reaches_nobody(options: dict[str, Any], words: str, run: Callable[..., dict[str, Any]]) -> None:
    with BadServer(bad.silent) as server:
        good = {"host": "127.0.0.1", "port": server.port, "security": "plain", "sender": "a@b", "recipient": "c@d"}
        for module in (stash_mail_probe, stash_mail_send):
            result = run(module, **{**good, **options})
            assert result["failed"]
            assert words in result["msg"]
        assert server.peers == []


def test_recipient_needs_a_sender(run: Callable[..., dict[str, Any]]) -> None:
    result = run(stash_mail_probe, host="127.0.0.1", recipient="ops@example.com")
    assert "sender" in result["msg"]


def test_no_java_for_the_own_bundle(run: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    result = run(stash_mail_probe, host="127.0.0.1", java_home=str(tmp_path))
    assert "java_home" in result["msg"]


def test_send_and_see_it_arrive(run: Callable[..., dict[str, Any]], truststore: str, tmp_path: Path) -> None:
    maildir = tmp_path / "Maildir"
    with MailServer("starttls_required", certificate=SERVER, maildir_path=maildir) as server:  # noqa: SIM117
        with ImapServer(maildir, "ops", PASSWORD, *SERVER.write(tmp_path)) as imap:
            account = {"host": "127.0.0.1", "port": imap.port, "username": "ops", "password": PASSWORD}
            result = run(stash_mail_send, **{**connection_of(server, truststore), "imap": account})
            ca = tmp_path / "ca.pem"
            ca.write_text(ROOT.pem)
            again = run(stash_mail_send, **{**connection_of(server, truststore), "imap": {**account, "ca": str(ca)}})
    assert result["outcome"] == again["outcome"] == "delivered"
    assert result["message_id"] != again["message_id"]
    assert result["changed"] is True
    check_documented(stash_mail_send, result)


def test_send_and_see_it_arrive_over_pop3(run: Callable[..., dict[str, Any]], truststore: str, tmp_path: Path) -> None:
    maildir = tmp_path / "Maildir"
    with (
        MailServer("starttls_required", certificate=SERVER, maildir_path=maildir) as server,
        Pop3Server(maildir, "ops", PASSWORD, SERVER) as pop3,
    ):
        account = {"host": "127.0.0.1", "port": pop3.port, "username": "ops", "password": PASSWORD}
        result = run(stash_mail_send, **{**connection_of(server, truststore), "pop3": account})
        both = run(stash_mail_send, **{**connection_of(server, truststore), "pop3": account, "imap": account})
        wrong = {**account, "password": "wrong"}
        refused = run(stash_mail_send, **{**connection_of(server, truststore), "pop3": wrong})
        assert len(server.messages) == 1, "nothing is sent where the mailbox cannot be opened"
    assert result["outcome"] == "delivered"
    assert 0 < result["seconds"] < 8
    assert "mutually exclusive" in both["msg"]
    assert (refused["outcome"], refused["changed"]) == ("refused", False)
    assert "Check the options in pop3" in refused["msg"]
    check_documented(stash_mail_send, result)


def test_several_recipients(run: Callable[..., dict[str, Any]], truststore: str) -> None:
    three = ["ops@example.com", "no@example.com", "later@example.com", "ops@example.com"]
    with MailServer("starttls_required", certificate=SERVER) as server:
        options = connection_of(server, truststore) | {"recipient": three}
        good = run(stash_mail_send, **options)
        server.refused_recipients.add("no@example.com")
        server.deferred_recipients.add("later@example.com")
        partly = run(stash_mail_send, **options)
        warned = run(stash_mail_send, **options, partial_refusal="warn")
        messages = server.messages
        server.refused_recipients.add("ops@example.com")
        none = run(stash_mail_send, **options, partial_refusal="warn")
        assert len(server.messages) == 3
    assert {message["To"] for message in messages} == {"ops@example.com, no@example.com, later@example.com"}
    assert sorted(message["Delivered-To"] for message in messages) == [
        "ops@example.com",
        "ops@example.com",
        "ops@example.com, no@example.com, later@example.com",
    ]
    assert [one["accepted"] for one in good["recipients"]] == [True, True, True]
    assert (partly["failed"], partly["changed"], partly["outcome"]) == (True, True, "accepted")
    assert partly["code"] == "partly_refused"
    assert "took the message for ops@example.com and refused it for no@example.com (554" in partly["msg"]
    assert [(one["address"], one.get("code")) for one in partly["recipients"]] == [
        ("ops@example.com", None),
        ("no@example.com", "recipient_refused"),
        ("later@example.com", "deferred"),
    ]
    assert warned["outcome"] == "accepted"
    assert "refused it for no@example.com" in str(warned["warnings"])
    assert (none["changed"], none["code"], none["outcome"]) == (False, "recipient_refused", "refused")
    for result in (good, partly, warned, none):
        check_documented(stash_mail_send, result)


def test_an_address_that_is_not_ascii(run: Callable[..., dict[str, Any]]) -> None:
    address = "j\u00f6rg@example.com"
    options = {"host": "127.0.0.1", "security": "plain", "sender": "a@example.com", "deadline": 5}
    with MailServer("plain") as server:
        result = run(stash_mail_send, **options, port=server.port, recipient=[address, "b@example.com"])
        (message,) = server.messages
    assert result["outcome"] == "accepted"
    assert "MAIL FROM:<a@example.com> SMTPUTF8" in str(result["transcript"])
    assert "j\u00f6rg@example.com, b@example.com" in bytes(message).decode("utf-8")
    assert "mail.mime.allowutf8" in str(result["warnings"])
    with BadServer(bad.after_ehlo()) as other:
        refused = run(stash_mail_send, **options, port=other.port, recipient=address)
        assert b"MAIL" not in other.received
    assert (refused["code"], refused["outcome"]) == ("recipient_refused", "refused")
    assert "does not offer SMTPUTF8" in refused["msg"]


@pytest.mark.parametrize(
    ("recipient", "words"),
    [
        ([], "recipient is empty"),
        (["a@example.com", "nobody"], "not a mail address"),
        (["a@example.com>\r\nRCPT TO:<x@y"], "control character"),
        (["\u00fc\u2028@example.com"], "cannot be printed"),
        (["\u00fc b@example.com"], "not a mail address"),
        (["\u00fc" * 33 + "@example.com"], "not a mail address"),
    ],
)
def test_bad_recipients(run: Callable[..., dict[str, Any]], recipient: list[str], words: str) -> None:
    with BadServer(bad.silent) as server:
        options = {"host": "127.0.0.1", "port": server.port, "security": "plain", "sender": "a@example.com"}
        result = run(stash_mail_send, **options, recipient=recipient)
        assert words in result["msg"]
        assert server.peers == []


def test_notifications_are_asked_for_where_they_are_offered(run: Callable[..., dict[str, Any]]) -> None:
    options = {"host": "127.0.0.1", "security": "plain", "sender": "a@example.com", "recipient": "b@example.com"}
    replies = [b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"]
    for offered in (True, False):
        begin = bad.after_ehlo(*replies, auth=b"DSN" if offered else b"8BITMIME", end=bad.Peer.message)
        with BadServer(bad.steps(begin, bad.then(b"250 ok\r\n"), bad.Peer.hang)) as server:
            result = run(stash_mail_send, **options, port=server.port, dsn=["success", "failure"], deadline=3)
            commands = server.received.decode().splitlines()[1:3]
        assert result["outcome"] == "accepted"
        assert result["dsn_requested"] is offered
        envelope_id = result["message_id"].strip("<>")
        assert commands == [
            "MAIL FROM:<a@example.com>" + (f" RET=HDRS ENVID={envelope_id}" if offered else ""),
            "RCPT TO:<b@example.com>" + (" NOTIFY=SUCCESS,FAILURE" if offered else ""),
        ]
        assert ("does not offer DSN" in str(result.get("warnings"))) is not offered
        check_documented(stash_mail_send, result)


def test_xtext() -> None:
    assert xtext("a+b=c d.1@x") == "a+2Bb+3Dc+20d.1@x"


def test_send_in_check_mode(run: Callable[..., dict[str, Any]], truststore: str) -> None:
    with MailServer("starttls_required", certificate=SERVER) as server:
        result = run(stash_mail_send, **connection_of(server, truststore), _ansible_check_mode=True)
        assert server.messages == []
    assert result["changed"] is True
    assert "would be sent" in result["msg"]


def test_send_with_an_unknown_outcome_is_a_change(run: Callable[..., dict[str, Any]]) -> None:
    with BadServer(bad.message(bad.Peer.message, bad.closing)) as server:
        options = {"host": "127.0.0.1", "port": server.port, "security": "plain", "deadline": 5}
        result = run(stash_mail_send, **options, sender="a@example.com", recipient="b@example.com")
    assert result["failed"]
    assert (result["outcome"], result["code"], result["changed"]) == ("unknown", "unknown", True)
    assert result["message_id"] in bytes.decode(server.received)
    check_documented(stash_mail_send, result)


def test_every_outcome_is_documented() -> None:
    text = " ".join(returned(stash_mail_probe)["outcome"]["description"])
    of_sending = {"delivered", "accepted", "partly_refused", "unknown"}
    assert {code for code in OUTCOMES if f"V({code})" not in text} <= of_sending


def test_passwords_are_never_logged() -> None:
    specs = [CONNECTION, *(SEND[name]["options"] for name in ("imap", "pop3"))]
    for name, options in [item for spec in specs for item in spec.items()]:
        assert bool(options.get("no_log")) is ("password" in name), name


@pytest.mark.parametrize("end", [b"* BYE going down\r\n", b"", b"* SEARCH {" + b"9" * 5000 + b"}\r\n", b"TAG NO\r\n"])
def test_a_mailbox_that_breaks_off_hides_no_message(end: bytes, run: Callable[..., dict[str, Any]]) -> None:
    """The server has taken it, and that is what a second run has to know."""

    def mailbox(peer: bad.Peer) -> None:
        peer.say(b"* OK ready\r\n")
        for untagged in (b"* CAPABILITY IMAP4rev1\r\n", b"", b"* 2 EXISTS\r\n"):
            peer.say(untagged + peer.line().split(b" ", 1)[0] + b" OK done\r\n")
        peer.say(end.replace(b"TAG", peer.line().split(b" ", 1)[0]))

    with MailServer("plain") as server, BadServer(mailbox) as imap:
        result = run(
            stash_mail_send,
            **{"host": "127.0.0.1", "port": server.port, "security": "plain", "deadline": 5},
            **{"sender": "a@example.com", "recipient": "b@example.com"},
            imap={"host": "127.0.0.1", "port": imap.port, "security": "plain", "username": "b", "password": PASSWORD},
        )
        assert len(server.messages) == 1
    assert result["failed"]
    assert (result["outcome"], result["code"], result["changed"]) == ("accepted", "accepted", True)
    assert "whether it arrived is not known" in result["msg"]
    assert "was not in" not in result["msg"]
