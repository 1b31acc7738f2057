# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exim as the mail server: STARTTLS required by the role, and all four modes by the modules and by the product."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import pytest

from tests.lab.lab import MAIL_LOG, Lab
from tests.lab.provisioned import Provisioned
from tests.lab.runs import Runs


class TestExim(Provisioned):
    settings: ClassVar[dict[str, Any]] = {
        "port": 587,
        "protocol": "SMTP",
        "useStartTls": True,
        "requireStartTls": True,
        "username": "bitbucket@stashops.test",
    }
    anchors = ("ca", "mail/self_signed")
    received = "with esmtpsa  (TLS1.3)"
    messages = 1

    def test_the_role_had_bitbucket_send(self, lab: Lab) -> None:
        """stash_mail_verify_notification: a message of a user that is gone."""
        messages = lab.find("BODY", "An account named stash-mail-verify-")
        assert len(messages) == 1
        assert self.received in messages[0]
        status, users = lab.rest("GET", "admin/users", filter="stash-mail-verify-")
        assert (status, users["values"]) == (200, [])


class Mode(NamedTuple):
    port: int
    protocol: str
    start_tls: tuple[bool, bool]
    account: bool
    outcome: str
    received: str
    mailbox: str


MODES = {
    "plain": Mode(25, "SMTP", (False, False), False, "deliver_plaintext", "with esmtp (", "imap"),
    "starttls_optional": Mode(2525, "SMTP", (True, False), True, "deliver", "with esmtpsa  (TLS1.3)", "pop3"),
    "starttls_required": Mode(587, "SMTP", (True, True), True, "deliver", "with esmtpsa  (TLS1.3)", "imap"),
    "smtps": Mode(465, "SMTPS", (False, False), True, "deliver", "with esmtpsa  (TLS1.3)", "pop3"),
}


@pytest.fixture(scope="module")
def answers(runs: Runs) -> dict[str, list[dict[str, Any]]]:
    """For each mode what the probe says, and what the send says."""
    probes = [{"port": mode.port, "security": name, "account": mode.account} for name, mode in MODES.items()]
    sends = [
        {**probe, "mailbox": "recipient", "protocol": mode.mailbox, "dsn": ["success"] if name == "smtps" else []}
        for (name, mode), probe in zip(MODES.items(), probes, strict=True)
    ]
    _run, found = runs.ask(*probes, *sends)
    return {name: [found[number], found[number + len(MODES)]] for number, name in enumerate(MODES)}


@pytest.mark.parametrize("name", MODES)
def test_modules(lab: Lab, answers: dict[str, list[dict[str, Any]]], name: str) -> None:
    """Probed, sent, and seen to arrive over IMAP or POP3."""
    mode, (probe, sent) = MODES[name], answers[name]
    assert "Exim" in probe["banner"]
    assert probe["outcome"] == mode.outcome, probe
    assert probe["modes"][name]["would"] == mode.outcome
    assert (probe["tls"] is not None, sent["tls"] is not None) == (name != "plain", name != "plain")
    if name != "plain":
        # The JVM's own word, and the model agrees.
        assert [probe["jvm"][key] for key in ("method", "trusted")] == ["jvm", True]
    assert sent["outcome"] == "delivered", sent
    assert sent["changed"]
    messages = lab.find("HEADER Message-ID", sent["message_id"])
    assert len(messages) == 1
    assert mode.received in messages[0]
    # The module has unfolded the header.
    assert " ".join(mode.received.split()) in sent["received"][0]


def test_delivery_status_notification(lab: Lab, answers: dict[str, list[dict[str, Any]]]) -> None:
    assert answers["smtps"][1]["dsn_requested"] is True
    message_id = answers["smtps"][1]["message_id"].strip("<>")
    notifications = lab.find("BODY", message_id, username=lab.sender, password=lab.password("sender"))
    assert len(notifications) == 1
    assert "Action: delivered" in notifications[0]


@pytest.mark.parametrize("name", MODES)
def test_bitbucket(lab: Lab, name: str) -> None:
    """Real JavaMail in the running product, in each mode."""
    mode = MODES[name]
    use, require = mode.start_tls
    lab.write_mail_server(
        account=mode.account, port=mode.port, protocol=mode.protocol, useStartTls=use, requireStartTls=require
    )
    user = f"in-{name.replace('_', '-')}"
    lab.create_user(user)
    try:
        messages = lab.find("BODY", f"An account named {user} was created")
    finally:
        lab.delete_user(user)
    assert len(messages) == 1, lab.host("bitbucket").file(MAIL_LOG).content_string
    assert mode.received in messages[0]
