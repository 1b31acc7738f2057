# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Greylisting by postgrey: waited for where that was asked for, reported where not, and no message is sent twice."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from testinfra.host import Host

from tests.lab.lab import SUBJECT, Lab
from tests.lab.provisioned import Provisioned
from tests.lab.runs import Runs


class TestGreylisting(Provisioned):
    settings: ClassVar[dict[str, Any]] = {
        "port": 2527,
        "protocol": "SMTP",
        "useStartTls": True,
        "requireStartTls": True,
    }
    anchors = ("ca",)
    received = "with ESMTPS id"
    messages = 1


def verdicts(mail: Host, sender: str, recipient: str) -> list[str]:
    """What postgrey said each time to an envelope."""
    journal = mail.check_output("journalctl --boot --no-pager --output cat --identifier postgrey")
    lines = [line for line in journal.splitlines() if f"sender={sender}, recipient={recipient}" in line]
    return [match.group(1) for line in lines if (match := re.search(r"action=(\w+)", line))]


def test_converge_waited(lab: Lab, mail: Host) -> None:
    """The preflight was refused and came again; what followed it was known by then."""
    said = verdicts(mail, lab.sender, lab.recipient)
    assert said[0] == "greylist"
    assert set(said[1:]) == {"pass"}
    assert len(said) >= 3, "the two of the question, the message's"


def test_send(lab: Lab, mail: Host, runs: Runs) -> None:
    """Refused for now, and not sent again by itself; with patience sent; and by then a run without it gets through."""
    impatient: dict[str, Any] = {"port": 2527, "security": "starttls_required", "account": False}
    impatient |= {"mailbox": "sender", "protocol": "pop3"}
    # An envelope of its own.
    patient = {**impatient, "sender": lab.recipient, "greylist_wait": 30}
    run, (refused, waited, later) = runs.ask(impatient, patient, impatient)
    assert (refused["failed"], refused["changed"]) == (True, False)
    assert (refused["outcome"], refused["code"]) == ("refused", "deferred")
    assert "Greylisting passes by itself" in refused["remedy"]
    assert refused["recipients"][0]["reply"].startswith("450 4.2.0")
    assert refused["deferrals"] == []

    assert waited["outcome"] == "delivered", waited
    assert len(waited["deferrals"]) == 1
    assert "Greylisted" in waited["deferrals"][0]
    assert "JavaMail does not try again" in run.shown
    assert (later["outcome"], later["deferrals"]) == ("delivered", [])
    for sender in (lab.sender, lab.recipient):
        assert verdicts(mail, sender, lab.sender) == ["greylist", "pass"]

    messages = lab.find("SUBJECT", SUBJECT, wanted=2, username=lab.sender, password=lab.password("sender"))
    assert len(messages) == 2, "the two that were delivered"
    for sent in (waited, later):
        assert sum(sent["message_id"] in message for message in messages) == 1
