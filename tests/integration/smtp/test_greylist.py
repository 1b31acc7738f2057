# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Greylisting: what is tried again, how often, and what is not."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import MailFailure
from ansible_collections.stashops.mail.plugins.module_utils._smtp import greylist
from ansible_collections.stashops.mail.plugins.module_utils._smtp.greylist import GreylistRetry
from ansible_collections.stashops.mail.plugins.modules import stash_mail_probe, stash_mail_send

from tests.ansible_module import patch_module_args
from tests.integration.smtp import bad_servers as bad
from tests.integration.smtp.bad_servers import BadServer
from tests.mail_server import MailServer

RECIPIENT = "ops@example.com"
OK = b"250 ok\r\n"


class Run:
    """Runs a module with a server's port; ``result`` is what it printed."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, module: Any, port: int, wait: float, **options: Any) -> dict[str, Any]:
        connection = {"host": "127.0.0.1", "port": port, "security": "plain", "deadline": 5, "greylist_wait": wait}
        # The start of a JVM would take of the time that is measured here.
        connection["java_home"] = "/nonexistent"
        addresses = {"sender": "bitbucket@example.com", "recipient": RECIPIENT}
        with patch_module_args({**connection, **addresses, **options}), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(self._capfd.readouterr().out)
        return result


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(greylist, "FIRST_PAUSE", 0.1)
    return Run(capfd)


@pytest.mark.parametrize("module", [stash_mail_probe, stash_mail_send])
def test_waits_until_it_is_taken(run: Run, module: Any) -> None:
    with MailServer("plain") as server:
        server.deferred_recipients.add(RECIPIENT)
        timer = threading.Timer(0.5, server.deferred_recipients.clear)
        timer.start()
        result = run(module, server.port, 20)
        timer.join()
        messages = server.messages
    assert not result.get("failed"), result
    # After 0.1, 0.3 and 0.7 seconds.
    assert 1 <= len(result["deferrals"]) <= 3
    assert set(result["deferrals"]) == {"450 4.2.0 Greylisted, try again later"}
    assert "Have the mail server except this host from greylisting" in str(result["warnings"])
    if module is stash_mail_send:
        assert result["outcome"] == "accepted"
        assert [message["Message-ID"] for message in messages] == [result["message_id"]]
    else:
        assert result["outcome"] == "deliver_plaintext"
        assert messages == []


@pytest.mark.parametrize("module", [stash_mail_probe, stash_mail_send])
def test_patience_ends(run: Run, module: Any) -> None:
    with MailServer("plain") as server:
        server.deferred_recipients.add(RECIPIENT)
        result = run(module, server.port, 0.6)
        assert server.messages == []
    assert (result["failed"], result.get("changed", False), result["code"]) == (True, False, "deferred")
    # At 0.1, 0.3 and, since 0.7 is too late, 0.6 seconds; a machine that is busy makes fewer.
    assert 1 <= len(result["deferrals"]) <= 3
    assert "greylist_wait" in result["remedy"]


def test_the_sender_too(run: Run) -> None:
    with BadServer(bad.after_ehlo(b"451 4.7.1 Greylisted\r\n")) as server:
        assert len(run(stash_mail_probe, server.port, 0.2)["deferrals"]) >= 1
        assert len(server.peers) >= 2


@pytest.mark.parametrize(
    ("script", "options", "code"),
    [
        pytest.param(bad.after_ehlo(OK, b"450 4.2.0 later\r\n"), {"greylist_wait": 0}, "deferred", id="not asked for"),
        pytest.param(bad.after_ehlo(OK, b"550 no\r\n"), {}, "recipient_refused", id="for good"),
        pytest.param(bad.says(b"421 too busy\r\n"), {}, "deferred", id="banner"),
        pytest.param(
            bad.after_ehlo(b"454 later\r\n", auth=b"AUTH PLAIN"),
            {"username": "u", "password": "Correct horse"},
            "deferred",
            id="password",
        ),
        pytest.param(bad.message(bad.Peer.message, bad.then(b"451 later\r\n")), {}, "deferred", id="message"),
        pytest.param(bad.message(bad.Peer.message, bad.closing), {}, "unknown", id="fate of the message unknown"),
    ],
)
def test_nothing_else_is_tried_again(run: Run, script: bad.Script, options: dict[str, Any], code: str) -> None:
    with BadServer(script) as server:
        result = run(stash_mail_send, server.port, 3, **options)
        assert len(server.peers) == 1
    assert (result["code"], result["deferrals"]) == (code, [])


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(greylist, "time", clock)
    retry = GreylistRetry(300)
    clock.now += 200  # what comes before the first refusal, such as a JVM's start, is no time of the server's
    deferred = MailFailure("deferred", "later", log="450 later")
    while retry.again(deferred, "recipient"):
        pass
    assert clock.slept == [5, 10, 20, 40, 60, 60, 60, 45]
    assert len(retry.deferrals) == 8
    assert list(retry.warnings(deferred)) == []
    assert "300 s later" in next(retry.warnings(None))


def test_no_patience() -> None:
    deferred = MailFailure("deferred", "later", log="450 later")
    assert not GreylistRetry(0).again(deferred, "recipient")
    retry = GreylistRetry(60)
    assert not retry.again(None, "recipient")
    assert not retry.again(StashMailError("other"), "recipient")
    assert not retry.again(deferred, "auth")
    assert retry.deferrals == []
    assert list(retry.warnings(None)) == []
