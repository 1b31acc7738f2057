# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters: what callers of the role get, and what check.yml says."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.filter.differences import differences
from ansible_collections.stashops.mail.plugins.filter.phase_results import phase_results

INFO = {"changed": False, "failed": False, "version": "9.4.2", "invocation": {}}
SAME = {"before": {"port": 25}, "after": {"port": 25}}
CLEAN: dict[str, Any] = {
    "prereqs": {"version": "9.4.2"},
    "truststore": {"changed": False, "path": "/cacerts"},
    "jvm": {"changed": False, "restart_needed": False},
    "probe": {"changed": False},
    "server": {"changed": False, "mail_server": SAME},
}
CERTIFICATE = {"alias": "ca", "sha256": "ab", "subject": "CN=ca"}


def test_phases_that_did_not_run_are_left_out() -> None:
    phases = {
        "jvm": {"changed": True, "path": "/p", "diff": []},
        "probe": {"changed": False, "skipped": True},
        "verify": {},
    }
    assert phase_results(phases, INFO) == {
        "prereqs": {"changed": False, "version": "9.4.2"},
        "jvm": {"changed": True, "path": "/p"},
    }


def test_no_difference() -> None:
    assert differences(CLEAN) == []


@pytest.mark.parametrize(
    ("phase", "result", "sentence"),
    [
        (
            "truststore",
            {"changed": True, "path": "/cacerts", "added": [CERTIFICATE]},
            "The truststore /cacerts lacks ca (CN=ca).",
        ),
        (
            "truststore",
            {"changed": True, "path": "/cacerts", "removed": [CERTIFICATE]},
            "The truststore /cacerts holds ca (CN=ca), which it should not.",
        ),
        ("truststore", {"changed": True, "path": "/cacerts"}, "differs in its order, format, password, owner or mode"),
        ("jvm", {"changed": True, "path": "/conf", "arguments": ["-Da"]}, "/conf does not have"),
        ("jvm", {"changed": False, "restart_needed": True}, "has to be restarted"),
        ("server", {"changed": True, "mail_server": {"before": None, "after": {}}}, "should not be"),
        ("server", {"changed": True, "mail_server": {"before": None, "after": {"port": 25}}}, "No mail server"),
        (
            "server",
            {"changed": True, "mail_server": {"before": {"port": 25}, "after": {"port": 587}}},
            "The mail server's port is 25 instead of 587.",
        ),
        ("server", {"changed": True, "mail_server": SAME}, "The mail password"),
    ],
)
def test_each_difference_is_one_sentence(phase: str, result: dict[str, Any], sentence: str) -> None:
    found = differences({**CLEAN, phase: result})
    assert len(found) == 1
    assert sentence in found[0]


def test_what_was_not_looked_at_is_a_difference() -> None:
    assert "not asked" in differences({name: value for name, value in CLEAN.items() if name != "probe"})[0]
    assert differences({"prereqs": {}}) == ["No Stash or Bitbucket was found on this host."]
