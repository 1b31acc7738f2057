# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product's own message, from REST through the JVM into the mailbox; and no user is left in any case."""

from __future__ import annotations

import signal
import time

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.users import PREFIX

from tests.integration.notification.conftest import CERTIFICATE, PASSWORD, RECIPIENT, Lab
from tests.integration.smtp.pop3_server import Pop3Server
from tests.mail_server import MailServer, self_signed
from tests.standin.runner import free_port

MAIL = "/rest/api/latest/admin/mail-server"


def test_delivered(lab: Lab) -> None:
    before = len(lab.mail.messages)
    result = lab.run()
    assert result["outcome"] == "delivered", result
    assert result["changed"] is True
    assert result["names_user"] is True
    assert result["user"]["deleted"] is True
    assert result["user"]["name"].startswith(PREFIX)
    assert result["subject"] == "Your Bitbucket account"
    assert 0 < result["seconds"] < 20
    assert result["log_errors"] == []
    assert len(lab.mail.messages) == before + 1
    assert lab.users() == []
    again = lab.run()
    assert again["message_id"] != result["message_id"], "an old message is not taken for the new one"
    assert again["user"]["name"] != result["user"]["name"]


def test_delivered_over_pop3(lab: Lab) -> None:
    with Pop3Server(lab.mail.maildir_path, "ops", PASSWORD, CERTIFICATE) as pop3:
        account = {**lab.mailbox, "port": pop3.port}
        result = lab.run(imap=None, pop3=account)
        assert pop3.logins >= 1
    assert (result["outcome"], result["names_user"]) == ("delivered", True), result
    assert lab.users() == []


def test_the_mail_server_is_down(lab: Lab) -> None:
    lab.configure(port=free_port())
    result = lab.run()
    assert result["failed"]
    assert (result["code"], result["outcome"]) == ("failed", "failed")
    (entry,) = result["log_errors"]
    assert "Couldn't connect to host" in entry
    assert "java.net.ConnectException: Connection refused" in entry
    assert "\tat " not in entry
    assert entry in result["msg"]
    assert result["user"]["deleted"] is True
    assert lab.users() == []


def test_the_jvm_does_not_trust_the_mail_server(lab: Lab) -> None:
    with MailServer("starttls_required", certificate=self_signed("127.0.0.1", common_name="other")) as other:
        lab.configure(port=other.port)
        with_mailbox = lab.run()
        without = lab.run(imap=None, truststore=None)
        assert other.messages == []
    for result in (with_mailbox, without):
        assert result["code"] == "failed"
        assert "unable to find valid certification path" in result["msg"]
        assert result["user"]["deleted"] is True
    assert lab.users() == []


def test_without_a_mailbox(lab: Lab) -> None:
    before = len(lab.mail.messages)
    started = time.monotonic()
    result = lab.run(imap=None, deadline=4)
    assert result["outcome"] == "no_error", result
    assert time.monotonic() - started > 4
    assert len(lab.mail.messages) == before + 1
    assert lab.users() == []


def test_missing(lab: Lab) -> None:
    """The message goes to another server's mailbox."""
    with MailServer("starttls_required", certificate=CERTIFICATE) as other:
        lab.configure(port=other.port)
        result = lab.run(deadline=4, log_path=str(lab.standin.home / "log" / "new.log"))
        assert len(other.messages) == 1
    assert (result["code"], result["outcome"]) == ("missing", "missing")
    assert "was not in INBOX of ops on 127.0.0.1 after 4 s" in result["msg"]
    assert result["user"]["deleted"] is True
    assert lab.users() == []


def test_a_mail_server_that_does_not_answer(lab: Lab) -> None:
    """Bitbucket is still waiting when the deadline is over."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        lab.configure(port=silent.getsockname()[1])
        result = lab.run(deadline=2)
    assert result["code"] == "missing"
    assert result["user"]["deleted"] is True
    assert lab.users() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_ended_by_a_signal(lab: Lab, number: signal.Signals) -> None:
    with MailServer("starttls_required", certificate=CERTIFICATE) as other:
        lab.configure(port=other.port)
        process = lab.start()
        lab.end(process, number)
        result = lab.finish(process)
    assert result["code"] == "interrupted"
    assert number.name in result["msg"]
    assert result["user"]["deleted"] is True
    assert lab.users() == []


def test_what_a_killed_run_left_is_told(lab: Lab) -> None:
    with MailServer("starttls_required", certificate=CERTIFICATE) as other:
        lab.configure(port=other.port)
        process = lab.start()
        lab.end(process, signal.SIGKILL)
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()
    (left,) = lab.users()
    try:
        result = lab.run(check=True)
        assert left in str(result["warnings"])
    finally:
        lab.standin.call("DELETE", "/rest/api/latest/admin/users", lab.standin.admin, query={"name": left})
    assert "warnings" not in lab.run(check=True)


def test_check_mode(lab: Lab) -> None:
    before = len(lab.mail.messages)
    result = lab.run(check=True)
    assert result["changed"] is True
    assert f"send a message to {RECIPIENT}" in result["msg"]
    assert len(lab.mail.messages) == before
    assert lab.users() == []


def test_what_is_wrong_comes_out_before_anything_is_sent(lab: Lab) -> None:
    before = len(lab.mail.messages)
    lab_url = lab.standin.url
    cases: list[tuple[dict[str, object], str, str | None]] = [
        ({"recipient": "nobody"}, "recipient 'nobody' is not a mail address", None),
        ({"imap": {**lab.mailbox, "password": "wrong"}}, "Check the options in imap", None),
        ({"imap": None, "home": None}, "Nothing would tell", "blind"),
        ({"imap": None, "home": "/nowhere"}, "cannot be read", "blind"),
        ({"url_password": "not-the-one"}, "user name or password is wrong", "unauthorised"),
        ({"url": f"http://127.0.0.1:{free_port()}"}, "nothing listens", "connection_refused"),
        ({"url": f"{lab_url}/other"}, "is not its base URL", "not_bitbucket"),
        ({"deadline": 0}, "deadline 0 is out of range", None),
        ({"truststore": "/nowhere"}, "truststore /nowhere is not there", None),
    ]
    for options, words, code in cases:
        for check in (True, False):
            result = lab.run(check=check, **options)
            assert words in result["msg"], (options, result)
            assert result.get("code") == code
            assert not result.get("changed")
    assert len(lab.mail.messages) == before
    assert lab.users() == []


def test_bitbucket_refuses(lab: Lab) -> None:
    user = lab.standin.user
    denied = lab.run(url_username=user.name, url_password=user.password)
    assert denied["code"] == "no_admin"
    assert "global permission Admin" in denied["msg"]
    assert denied["changed"] is False
    assert lab.standin.call("DELETE", MAIL, lab.standin.sysadmin).status == 204
    unconfigured = lab.run()
    assert unconfigured["code"] == "no_mail_server"
    assert (unconfigured["outcome"], unconfigured["changed"]) == ("not_sent", False)
    assert lab.users() == []
