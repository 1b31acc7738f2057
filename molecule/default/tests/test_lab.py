# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab is what the scenarios take it for: each port of the mail server does what its mode promises."""

from __future__ import annotations

import re
from typing import Any

import pytest
from testinfra.host import Host

from tests.lab.lab import Lab

PORTS = {25: "plain", 2525: "starttls", 2526: "plain", 587: "starttls", 465: "smtps"}
WITH_ACCOUNT = (2525, 2526, 587, 465)


def send(lab: Lab, port: int, *, account: bool, **changes: Any) -> dict[str, Any]:
    certificate = lab.certificate("mail/self_signed" if port == 465 else "ca")
    request = {"action": "send", "port": port, "security": PORTS[port], "ca": certificate}
    request |= {"sender": lab.sender, "recipient": lab.recipient}
    if account:
        request |= {"username": lab.sender, "password": lab.password("sender")}
    return lab.mail(**request | changes)


@pytest.mark.parametrize("name", ["bitbucket", "mail"])
def test_systemd_has_started_everything(lab: Lab, name: str) -> None:
    host = lab.host(name)
    failed = host.run("systemctl list-units --failed --plain --no-legend")
    assert host.run("systemctl is-system-running").stdout.strip() == "running", failed.stdout


def test_nothing_leaves_the_network(bitbucket: Host) -> None:
    assert bitbucket.run("ip route show default").stdout.strip() == ""


@pytest.mark.parametrize(("port", "account"), [(25, False), (2525, False), *((port, True) for port in WITH_ACCOUNT)])
def test_message_arrives(lab: Lab, port: int, account: bool) -> None:
    sent = send(lab, port, account=account)
    assert (sent["step"], sent["code"]) == ("data", 250), sent
    found = lab.find("HEADER Message-ID", sent["message_id"])
    assert len(found) == 1
    # Postfix and Exim spell it differently.
    assert re.search(r"\(.*TLSv?1\.3", found[0]) or PORTS[port] == "plain"


@pytest.mark.parametrize(
    ("port", "before_tls", "in_tls"),
    [(25, set(), None), (2526, {"auth"}, None), (2525, {"starttls"}, {"auth"}), (587, {"starttls"}, {"auth"})],
)
def test_offers(lab: Lab, port: int, before_tls: set[str], in_tls: set[str] | None) -> None:
    sent = send(lab, port, account=False)
    assert set(sent["capabilities"]) & {"auth", "starttls"} == before_tls
    if in_tls is not None:
        assert set(sent["capabilities_in_tls"]) & {"auth", "starttls"} == in_tls


@pytest.mark.parametrize(
    ("port", "changes", "step", "code"),
    [
        (587, {"security": "plain"}, "mail", 530),
        (587, {}, "rcpt", 554),
        (465, {}, "rcpt", 554),
        (2526, {}, "rcpt", 554),
        (25, {"recipient": "nobody@stashops.test"}, "rcpt", 550),
        (25, {"recipient": "someone@elsewhere.test"}, "rcpt", 554),
        (25, {"sender": "nobody@stashops.test"}, "rcpt", 550),
    ],
)
def test_refuses_without_an_account(lab: Lab, port: int, changes: dict[str, str], step: str, code: int) -> None:
    refused = send(lab, port, account=False, **changes)
    assert (refused["step"], refused["code"]) == (step, code), refused


@pytest.mark.parametrize(
    ("port", "changes", "step", "code"),
    [
        *((port, {"password": "wrong"}, "auth", 535) for port in WITH_ACCOUNT),
        (587, {"sender": "inbox@stashops.test"}, "mail", 553),
        (465, {"sender": "inbox@stashops.test"}, "rcpt", 553),
        (587, {"recipient": "nobody@stashops.test"}, "rcpt", 550),
        (587, {"recipient": "someone@elsewhere.test"}, "rcpt", 554),
    ],
)
def test_refuses_an_account(lab: Lab, port: int, changes: dict[str, str], step: str, code: int) -> None:
    refused = send(lab, port, account=True, **changes)
    assert (refused["step"], refused["code"]) == (step, code), refused


@pytest.mark.parametrize(
    ("port", "trusted", "reason"),
    [(587, "mail/self_signed", "unable to get local issuer certificate"), (465, "ca", "self-signed certificate")],
)
def test_the_other_certificate_is_not_trusted(lab: Lab, port: int, trusted: str, reason: str) -> None:
    refused = send(lab, port, account=False, ca=lab.certificate(trusted))
    assert (refused["step"], refused["reply"]) == ("tls", reason)


@pytest.mark.parametrize(("port", "security"), [(143, "starttls"), (993, "imaps")])
def test_imap_knows_no_message_that_was_not_sent(lab: Lab, port: int, security: str) -> None:
    request = {"action": "find", "port": port, "security": security, "ca": lab.certificate("ca")}
    request |= {"username": lab.recipient, "password": lab.password("recipient")}
    request |= {"where": "HEADER Message-ID", "text": "<never@stashops.test>", "wanted": 1, "seconds": 0}
    assert lab.mail(**request) == {"arrived": 0, "messages": []}


def test_bitbucket_runs_on_java_17(bitbucket: Host) -> None:
    service = bitbucket.service("atlbitbucket")
    assert service.is_enabled
    assert service.is_running, bitbucket.run("journalctl --unit atlbitbucket --no-pager").stdout
    assert 'version "17.' in bitbucket.run("/opt/atlassian/bitbucket/9.4.2/jre/bin/java -version").stderr
    assert bitbucket.run("test -f /opt/atlassian/bitbucket/9.4.2/lib/standin/Launcher.class").succeeded
