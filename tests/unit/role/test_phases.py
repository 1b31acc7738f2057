# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked and what is done, by the plan and by the tags."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stashops.mail.plugins.filter.known_verdict import known_verdict
from ansible_collections.stashops.mail.plugins.filter.phases import phases
from ansible_collections.stashops.mail.plugins.filter.questions import _PHASES, questions
from ansible_collections.stashops.mail.plugins.plugin_utils._plan import unread

ROOT = Path(__file__).resolve().parents[3]
ALL = ["all"]
WANTED = {"state": "present", "auth_type": "basic", "verify": "always", "notification": False, "is_writer": True}
SAME: dict[str, Any] = {"changed": False, "restart_needed": False}
NOTHING: dict[str, Any] = {
    "server": {"changed": False},
    "jvm": SAME,
    "properties": SAME,
    "truststore": {"changed": False, "entries": 140},
}


@pytest.mark.parametrize(
    ("tags", "asked"),
    [
        (ALL, ["server", "jvm", "properties", "truststore", "probe"]),
        (["stash_mail"], ["server", "jvm", "properties", "truststore", "probe"]),
        (["stash_mail_prereqs"], ["server", "jvm", "properties", "truststore", "probe"]),
        (["trust"], ["server", "jvm", "properties", "truststore", "probe"]),
        (["stash_mail_truststore", "stash_mail_jvm"], ["jvm", "truststore"]),
        (["stash_mail_probe"], ["probe"]),
        (["stash_mail_verify"], []),
    ],
)
def test_a_phase_alone_asks_for_what_it_needs(tags: list[str], asked: list[str]) -> None:
    assert questions(tags, "present", True, False) == asked


def test_whatever_asks_has_the_tags_of_all_phases() -> None:
    """So that a run which skips one of them neither asks nor does anything, and what is skipped need not be known."""
    (block,) = yaml.safe_load((ROOT / "roles/stash_mail/tasks/prepare.yml").read_text("utf-8"))
    phases_asked = {f"stash_mail_{name}" for name in itertools.chain(*_PHASES.values(), ["prereqs"])}
    assert phases_asked | {"stash_mail"} == set(block["tags"])
    (play,) = yaml.safe_load((ROOT / "playbooks/parts/some_host.yml").read_text("utf-8"))
    assert phases_asked == set(play["tasks"][0]["vars"]["__stash_mail_phase_tags"])


def test_what_there_is_nothing_to_ask_about_is_not_asked() -> None:
    assert questions(ALL, "absent", False, True, proofs=["send"]) == ["status", "server", "jvm", "truststore"]


def test_whether_messages_would_be_seen_is_asked_before_they_are_sent() -> None:
    both = ["send", "notification"]
    assert questions(ALL, "present", False, False, proofs=both) == ["server", "jvm", "truststore", "probe", *both]
    assert questions(["stash_mail_verify"], "present", False, False, proofs=["notification"]) == ["notification"]
    assert questions(["stash_mail_jvm"], "present", False, False, proofs=both) == ["jvm"]


def test_the_plan_sends_the_message_where_all_is_asked_and_nobody_has_to_be_waited_for() -> None:
    assert questions(ALL, "present", False, False, True)[-1] == "message"
    assert "message" not in questions(ALL, "present", False, True, True), "a cluster's other nodes come first"
    assert "message" not in questions(ALL, "absent", False, False, True)
    assert "message" not in questions(["stash_mail_verify"], "present", False, False, True)
    assert phases({**NOTHING, "message": {"outcome": "delivered"}}, ALL, WANTED) == []
    notified = {**WANTED, "notification": True}
    assert phases({**NOTHING, "message": {"outcome": "delivered"}}, ALL, notified) == ["notification"]


@pytest.mark.parametrize(
    ("change", "done"),
    [
        ({}, []),
        ({"truststore": {"changed": True, "entries": 140}}, ["truststore", "restart"]),
        ({"truststore": {"changed": True}, "jvm": {"changed": True, "restart_needed": True}},
         ["jvm", "restart", "truststore_absent"]),
        ({"jvm": {"changed": False, "restart_needed": True}}, ["restart"]),
        ({"properties": {"changed": True, "restart_needed": True}}, ["properties", "restart"]),
        ({"server": {"changed": True}}, ["server"]),
        ({"truststore": {"changed": False, "skipped": True}}, []),
    ],
)  # fmt: skip
def test_what_differs_is_done(change: dict[str, Any], done: list[str]) -> None:
    assert phases({**NOTHING, **change}, ALL, WANTED) == [*done, "verify"]
    on_change = {**WANTED, "verify": "on_change"}
    assert phases({**NOTHING, **change}, ALL, on_change) == (done and [*done, "verify"])


def test_tags_narrow_it_down() -> None:
    answers = {
        **NOTHING,
        "truststore": {"changed": True, "entries": 1},
        "jvm": {"changed": True, "restart_needed": True},
    }
    assert phases(answers, ["stash_mail_truststore"], WANTED) == ["truststore"]
    assert phases(answers, ["stash_mail_jvm"], WANTED) == ["jvm", "restart"]
    assert phases(answers, ["stash_mail_verify"], WANTED) == ["verify"]


def test_settings_are_written_by_one_node_and_what_proves_them_is_chosen() -> None:
    answers = {**NOTHING, "server": {"changed": True}}
    assert phases(answers, ALL, {**WANTED, "is_writer": False}) == ["verify"]
    assert phases(NOTHING, ALL, {**WANTED, "notification": True}) == ["verify", "notification"]
    assert phases(NOTHING, ALL, {**WANTED, "auth_type": "oauth2"}) == ["notification"]
    assert phases(NOTHING, ALL, {**WANTED, "state": "absent"}) == []
    assert phases(NOTHING, ALL, {**WANTED, "verify": "never"}) == []
    assert phases({}, ALL, {**WANTED, "verify": "never"}) == []
    checked: dict[str, Any] = {**NOTHING, "server": {"changed": True}, "product": {"check_mode": True}}
    assert phases(checked, ALL, WANTED) == ["server"], "a message proves what was done"
    absent = {**checked, "product": {"check_mode": True, "found": False}}
    assert phases(absent, ALL, WANTED) == [], "the product is still to be installed"


def test_a_mechanism_that_only_the_product_speaks_leaves_the_proof_to_it() -> None:
    untested = {**NOTHING, "probe": {"outcome": "auth_untested"}}
    assert phases(untested, ALL, WANTED) == ["notification"]
    assert phases(untested, ALL, {**WANTED, "verify": "never"}) == []


def test_what_the_process_has_not_read() -> None:
    assert unread(NOTHING) == []
    both = {"jvm": {"restart_needed": True}, "properties": {"restart_needed": True}}
    assert unread(both) == ["its truststore", "its properties"]


JUDGED: dict[str, Any] = {
    "hello": "bb01.example.com",
    "jvm": {"trusted": True},
    "chain": [{"sha256": "a"}, {"sha256": "b"}],
}
TRUSTED = {"hello": "bb01.example.com", "trusted_chain": ["a", "b"]}


@pytest.mark.parametrize(
    ("answers", "phases_of_run", "known"),
    [
        ({"probe": JUDGED, "planned": []}, [], TRUSTED),
        ({"probe": JUDGED, "planned": ["truststore"]}, ["truststore", "verify"], TRUSTED),
        # By its tag alone: the truststore that the plan judged by is not written.
        ({"probe": JUDGED, "planned": ["truststore"]}, ["verify"], {}),
        ({"probe": JUDGED, "planned": [], "trials": {"next": {}}}, [], {}),
        ({"probe": {**JUDGED, "jvm": {"trusted": False}}}, [], {"hello": "bb01.example.com"}),
        ({"probe": {**JUDGED, "chain": None}}, [], {"hello": "bb01.example.com"}),
        ({"probe": {**JUDGED, "jvm": None}}, [], {"hello": "bb01.example.com"}),
        ({"probe": {"outcome": "unreachable", "hello": None}}, [], {}),
        ({}, [], {}),
    ],
)
def test_what_the_jvm_has_accepted_it_is_not_asked_again(
    answers: dict[str, Any], phases_of_run: list[str], known: dict[str, Any]
) -> None:
    assert known_verdict(answers, phases_of_run) == known
