# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""STARTTLS optional, and stripped by somebody in between: delivered in plaintext and warned about, no password sent."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from tests.lab import leaks
from tests.lab.lab import Lab
from tests.lab.provisioned import Provisioned
from tests.lab.runs import Runs

# Behind the server's name and its port.
PLAINTEXT = "does not offer STARTTLS, or someone on the way strips it: Bitbucket would send its mail in plaintext"
UNAUTHENTICATED = "does not offer AUTH: Bitbucket would send without its user name and password, and say nothing"
UNENCRYPTED = "Bitbucket's password would travel unencrypted. It was not sent here"


class TestStarttlsStripped(Provisioned):
    """What Bitbucket is left with: without TLS the mail server does not offer AUTH on this port."""

    settings: ClassVar[dict[str, Any]] = {
        "port": 2525,
        "protocol": "SMTP",
        "useStartTls": True,
        "requireStartTls": False,
        "username": "bitbucket@stashops.test",
    }
    anchors = ("ca",)
    received = "with ESMTP id"
    messages = 1


def test_a_run_warns(runs: Runs) -> None:
    run = runs("--tags", "stash_mail_probe")
    assert run.code == 0, run.evidence
    assert run.changed == 0
    assert "[WARNING]" in run.output
    for warning in (PLAINTEXT, UNAUTHENTICATED):
        assert warning in run.shown


def test_results_warn(lab: Lab, runs: Runs) -> None:
    """2525 offers no AUTH without TLS, 2526 does: what is said of each, and that the password is not sent."""
    request = {"security": "starttls_optional", "account": True}
    send = {"mailbox": "recipient", "protocol": "pop3"}
    run, (probe, exposed, sent, refused) = runs.ask(
        {**request, "port": 2525}, {**request, "port": 2526}, {**request, **send, "port": 2525},
        {**request, **send, "port": 2526},
    )  # fmt: skip
    assert probe["outcome"] == "deliver_unauthenticated"
    assert exposed["outcome"] == "deliver_plaintext"
    assert sent["outcome"] == "delivered"
    assert sent["tls"] is None
    for port, warning in ((2525, PLAINTEXT), (2525, UNAUTHENTICATED), (2526, PLAINTEXT)):
        assert f"{lab.mail_host}:{port} {warning}" in run.shown
    assert UNENCRYPTED in run.shown
    assert (probe["modes"]["starttls_required"]["code"], probe["modes"]["plain"]["would"]) == (
        "starttls_missing",
        "deliver_unauthenticated",
    )
    assert (refused["failed"], refused["changed"], refused["code"]) == (True, False, "starttls_missing")
    assert "the password would travel unencrypted" in refused["msg"]


def test_no_password_was_said_in_clear(lab: Lab) -> None:
    record = lab.record()
    said = [line for line in record if line["speaker"] == "client"]
    assert {2525, 2526} <= {line["port"] for line in said}
    assert any(line["line"].startswith("MAIL FROM") for line in said), "the messages were"
    assert not any(line["line"].upper().startswith("AUTH") for line in said)
    assert leaks.in_text(json.dumps(record), lab.passwords()) == []


def test_what_was_warned_about(lab: Lab) -> None:
    """The product itself, told to use a port that offers AUTH unencrypted, does give its password away."""
    lab.write_mail_server(account=True, port=2526, protocol="SMTP", useStartTls=True, requireStartTls=False)
    lab.create_user("overheard")
    try:
        assert len(lab.find("BODY", "An account named overheard was created")) == 1
    finally:
        lab.delete_user("overheard")
    assert leaks.in_text(json.dumps(lab.record()), [lab.password("sender")]) == [0]
