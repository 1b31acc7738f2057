# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a rotation stands, how it has ended, and what keeps it from beginning."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.filter.rotation_problems import (
    certificate_problems,
    credentials_problems,
    presented_problems,
)
from ansible_collections.stashops.mail.plugins.filter.rotation_state import (
    rotation_answers,
    rotation_end,
    rotation_state,
)

TAKEN = {"accepted": True, "outcome": "deliver", "msg": "n: It was taken."}
REFUSED = {"accepted": False, "outcome": "auth_failed", "msg": "n: It was refused."}
DOWN = {"accepted": False, "outcome": "unreachable", "msg": "n: It is down."}


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([{"old": TAKEN, "new": TAKEN}], {"takes_old", "takes_new", "awaits_switch", "can_go_back"}),
        ([{"old": TAKEN, "new": REFUSED}], {"takes_old", "awaits_switch", "can_go_back"}),
        ([{"old": TAKEN, "new": DOWN}], {"takes_old", "can_go_back"}),
        ([{"old": TAKEN, "new": TAKEN}, {"old": REFUSED, "new": TAKEN}], {"takes_new", "awaits_switch"}),
        ([{"old": TAKEN, "new": TAKEN}, {}], set()),
        ([{"old": TAKEN, "new": TAKEN, "back": REFUSED}],
         {"takes_old", "takes_new", "awaits_switch", "can_go_back", "refuses_old_now"}),
        ([{"old": TAKEN, "new": TAKEN, "back": DOWN}], {"takes_old", "takes_new", "awaits_switch", "can_go_back"}),
    ],
)  # fmt: skip
def test_the_worst_answer_counts(nodes: list[dict[str, Any]], expected: set[str]) -> None:
    found = rotation_state(nodes, is_same=False, switches=True)
    assert {name for name, value in found.items() if value is True} == expected


def test_without_tasks_nothing_is_waited_for_and_without_others_there_is_no_way_back() -> None:
    found = rotation_state([{"old": TAKEN, "new": REFUSED}], is_same=True, switches=False)
    assert (found["awaits_switch"], found["can_go_back"]) == (False, False)
    assert found["new_refusals"] == ["n: It was refused."]


def test_a_host_that_could_not_be_asked_has_an_answer_too() -> None:
    logins = [{"name": "old", "username": "u"}, {"name": "new", "username": ""}]
    said = {"accepted": False, "outcome": "deliver", "msg": "Without an account."}
    plan = {"logins": {"old": said, "new": said}}
    answers = rotation_answers(plan, logins, "n1")
    assert answers["old"] == {**said, "host": "n1", "msg": "n1: Without an account."}
    assert answers["new"]["accepted"], "there is no account that could be refused"
    lost = rotation_answers({"unreachable": True, "msg": "No route."}, logins, "n1")["old"]
    assert lost == {"host": "n1", "accepted": False, "outcome": "unreachable", "msg": "n1: No route."}
    assert rotation_answers({"failed": True, "code": "tls"}, logins, "n1")["old"]["outcome"] == "tls"


NODE: dict[str, Any] = {"attempted": True, "in_place": False, "back": {}, "unwritten": "", "unverified": ""}


@pytest.mark.parametrize(
    ("answers", "is_same", "node", "said"),
    [
        ({"old": TAKEN}, False, {}, "written back, and a message was sent with them"),
        ({"old": TAKEN}, False, {"unverified": "No answer."}, "could not be verified. No answer."),
        ({"old": TAKEN}, False, {"unwritten": "No admin.", "unverified": "x"}, "could not be written back. No admin."),
        ({"old": TAKEN, "back": REFUSED}, False, {}, "no longer takes the old ones"),
        ({"old": REFUSED}, False, {}, "refused the old ones from the start"),
        ({"old": TAKEN}, True, {}, "the run was given no others"),
        (
            {"old": TAKEN},
            False,
            {"attempted": False, "back": TAKEN},
            "holds the old credentials as before. The mail server",
        ),
        ({"old": TAKEN}, False, {"attempted": False, "back": DOWN}, "what Bitbucket sends is lost: n: It is down."),
        ({"old": TAKEN}, False, {"attempted": False, "in_place": True}, "holds the new credentials as before."),
    ],
)
def test_the_end(answers: dict[str, Any], is_same: bool, node: dict[str, Any], said: str) -> None:
    assert said in rotation_end(rotation_state([answers], is_same, False), {**NODE, **node})


VALUES: dict[str, Any] = {
    "auth_type": "basic",
    "certificates_next": [{"pem": "..."}],
    "fetch": [],
    "has_password": True,
    "host": "mail.example.com",
    "rotate_certificate_switch_back_tasks": "",
    "rotate_certificate_switch_tasks": "",
    "rotate_switch_back_tasks": "",
    "rotate_switch_tasks": "",
    "rotate_username": "bitbucket",
    "security": "smtps",
    "state": "present",
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"has_password": False}, "stash_mail_rotate_password is empty"),
        ({"rotate_username": ""}, "stash_mail_rotate_username is empty"),
        ({"auth_type": "oauth2"}, "with a token of its own"),
        ({"state": "absent"}, "stash_mail_state is absent. There is no password to rotate"),
        ({"rotate_switch_tasks": "switch.yml"}, "switch.yml is no file on the controller"),
    ],
)
def test_nothing_to_rotate_in_the_credentials(change: dict[str, Any], said: str) -> None:
    assert credentials_problems(VALUES) == []
    (text,) = credentials_problems({**VALUES, **change})
    assert said in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"certificates_next": []}, "stash_mail_certificates_next is empty"),
        ({"security": "plain"}, "security is plain, so that the mail server's certificate does not matter"),
        ({"state": "absent"}, "state is absent, so that"),
        ({"fetch": [{"host": "mail.example.com"}]}, "stash_mail_fetch gets what mail.example.com presents"),
        ({"rotate_certificate_switch_back_tasks": "/nowhere/x.yml"}, "/nowhere/x.yml is no file"),
    ],
)
def test_nothing_to_rotate_in_the_certificate(change: dict[str, Any], said: str) -> None:
    assert certificate_problems(VALUES) == []
    (text,) = certificate_problems({**VALUES, **change})
    assert said in text


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"unreachable": True, "msg": "No route."}, "n1 cannot be reached: No route."),
        ({"truststore": {"failed": True, "msg": "No PEM."}, "trials": {"next": {"trusted": True}}}, "No PEM."),
        ({"trials": {"next": {"failed": True, "msg": "No file."}}}, "No file."),
        ({"probe": {"msg": "It is down."}}, "presents no certificate to n1. It is down."),
    ],
)
def test_what_is_presented_is_not_known(plan: dict[str, Any], said: str) -> None:
    (text,) = presented_problems(plan, "n1")
    assert said in text
    assert presented_problems({"trials": {"next": {"trusted": False}}}, "n1") == []
