# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts belong together, whose turn it is, and how a run on many has ended."""

from __future__ import annotations

from typing import Any

from ansible_collections.stashops.mail.plugins.filter.fleet import fleet
from ansible_collections.stashops.mail.plugins.filter.fleet_outcome import fleet_outcome
from ansible_collections.stashops.mail.plugins.plugin_utils._fleet import lost_nodes

HOSTS: dict[str, dict[str, Any]] = {
    "alone": {"stash_mail_preset": "gmail"},
    "a1": {"stash_mail_cluster": "a"},
    "b1": {"stash_mail_cluster": "b"},
    "a2": {"stash_mail_cluster": "a", "stash_mail_preset": "gmail"},
    "b2": {"stash_mail_cluster": "b"},
    "b3": {"stash_mail_cluster": "b"},
    "other": {"stash_mail_cluster": ""},
}


def test_the_first_nodes_of_all_clusters_and_all_single_instances_have_the_first_turn() -> None:
    found = fleet([*HOSTS], HOSTS, [*HOSTS])
    assert found["turn"] == {"alone": 0, "other": 0, "a1": 0, "a2": 1, "b1": 0, "b2": 1, "b3": 2}
    assert found["turns"] == 3
    assert found["nodes"]["a2"] == found["nodes"]["a1"] == ["a1", "a2"]
    assert found["nodes"]["alone"] == ["alone"]
    assert found["left_out"] == {"a": [], "b": []}
    assert found["presets"] == ["gmail"]


def test_nodes_that_the_run_leaves_out() -> None:
    found = fleet(["alone", "b3", "b1"], HOSTS, [*HOSTS])
    assert found["left_out"] == {"b": ["b2"]}
    assert found["turn"] == {"alone": 0, "b3": 0, "b1": 1}, "in the order of the run"


def test_hosts_of_the_inventory_are_looked_at_for_the_sake_of_clusters_only() -> None:
    assert fleet(["alone"], {"alone": {}}, ["alone", "not to be asked"])["left_out"] == {}


def test_each_host_is_looked_at_once() -> None:
    class Counting(dict[str, dict[str, Any]]):
        looks = 0

        def __getitem__(self, key: str) -> dict[str, Any]:
            self.looks += 1
            return super().__getitem__(key)

    many = Counting({f"n{number}": {"stash_mail_cluster": str(number // 2)} for number in range(200)})
    assert fleet([*many], many, [*many])["turns"] == 2
    assert many.looks == 200


def test_a_node_is_lost_that_has_failed_or_is_gone() -> None:
    hostvars: dict[str, dict[str, Any]] = {"a1": {"stash_mail_failure": "no"}, "a2": {}, "a3": {}}
    assert lost_nodes([*hostvars], hostvars, ["a1", "a2"]) == ["a1", "a3"]


ASKED: dict[str, Any] = {"__stash_mail_plan": {}}
DELIVERED = {"outcome": "delivered", "message_id": "<1@x>", "seconds": 0.5}


def outcome(hostvars: dict[str, dict[str, Any]], alive: list[str] | None = None) -> dict[str, Any]:
    nodes = fleet([*hostvars], hostvars, [*hostvars])["nodes"]
    return fleet_outcome([*hostvars], hostvars, [*hostvars] if alive is None else alive, nodes)


def test_a_failure_is_its_cluster_s_and_nobody_else_s() -> None:
    delivered = {**ASKED, "stash_mail_is_changed": True, "stash_mail_result": {"verify": DELIVERED}}
    found = outcome(
        {
            "alone": delivered,
            "a1": {**ASKED, "stash_mail_cluster": "a", "stash_mail_is_changed": False},
            "a2": {"stash_mail_cluster": "a", "stash_mail_failure": "It is down. " * 20},
            "gone": {},
            "skipped": {"stash_mail_is_changed": False, "stash_mail_result": {}},
        },
        ["alone", "a1", "a2", "skipped"],
    )
    assert set(found["failures"]) == {"a1", "a2", "gone", "skipped"}
    assert found["failures"]["skipped"].startswith("It was asked nothing.")
    assert found["failures"]["a1"].startswith("a2 of the same cluster failed")
    assert found["lines"][:2] == ["5 hosts: 1 changed, 1 verified, 4 failed", "host     changed  verified   result"]
    assert found["lines"][6] == "alone    yes      delivered  ok", "the failed ones first"
    assert found["lines"][3].startswith("a2       ?        no         FAILED: It is down.")
    assert found["lines"][3].endswith("...")


def test_a_hundred_hosts_are_a_hundred_lines() -> None:
    result = {"prereqs": {"product": "bitbucket"}, "notification": {"outcome": "no_error"}}
    variables = {**ASKED, "stash_mail_is_changed": False, "stash_mail_result": result}
    found = outcome({f"node{number:03}": variables for number in range(100)})
    assert len(found["lines"]) == 102
    assert found["lines"][2] == "node000  no       sent      ok"
    assert max(map(len, found["lines"])) < 120
    few = outcome({f"node{number}": variables for number in range(2)})
    assert few["lines"][-1] == "node1: Bitbucket sent a message of its own, and its mail log shows no error."


def test_a_run_that_the_plan_ended_does_not_say_that_the_settings_are_in_use() -> None:
    after = {"host": "smtp", "port": 25, "security": "plain", "sender": "s"}
    server = {"changed": True, "mail_server": {"after": after}}
    ended = {"stash_mail_failure": "no", "stash_mail_is_changed": False, "stash_mail_result": {"server": server}}
    lines = fleet_outcome(["a"], {"a": ended}, ["a"], {})["lines"]
    assert lines[-1] == "a: It would send through smtp:25 (plain) anonymously, from s."
    lines = fleet_outcome(["a"], {"a": {**ended, "stash_mail_is_changed": True}}, ["a"], {})["lines"]
    assert lines[-1].startswith("a: It now sends through")
