# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdicts: what each answer of the modules, and each missing one, is said to mean."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.filter.check_certificates import check_certificates
from ansible_collections.stashops.mail.plugins.filter.checks import checks
from ansible_collections.stashops.mail.plugins.filter.findings import findings
from ansible_collections.stashops.mail.plugins.filter.report_page import timeline
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.check.fleet import (
    ARGUMENT,
    CA,
    LEAF,
    NOW,
    PROCESS,
    SETTINGS,
    WANTED,
    Results,
    certificate,
    document,
    facts,
    good,
)
from tests.unit.check.validate import assert_report

QUESTIONS = ("reachable", "settings", "truststore", "jvm", "delivery", "message")


def verdicts(results: Results, **wanted: Any) -> dict[str, dict[str, Any]]:
    """The verdicts by question."""
    found = checks(results, {**WANTED, **wanted}, check_certificates(results, NOW, 30), [])
    assert [item["check"] for item in found] == list(QUESTIONS)
    return {item["check"]: item for item in found}


def test_all_well() -> None:
    assert {item["status"] for item in verdicts(good()).values()} == {"ok"}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("answer", [{}, {"msg": "MODULE FAILURE"}, {"unreachable": True, "msg": "lost"}])
def test_one_answer_that_is_missing_hides_no_other(question: str, answer: dict[str, Any]) -> None:
    found = verdicts({**good(), question: answer})
    assert found[question]["status"] == "failed"
    assert found[question]["reason"].endswith("."), "the remedy follows in the same line"
    assert found[question]["remedy"]
    if not (question == "reachable" and "unreachable" in answer):
        others = {name: item["status"] for name, item in found.items() if name != question}
        assert set(others.values()) <= {"ok"} | ({"skipped"} if question == "delivery" else set())


@pytest.mark.parametrize(
    ("question", "change", "wanted", "status", "said"),
    [
        ("reachable", {"install_dir": None, "process": None, "service": {}}, {}, "warning", "was found on this host"),
        (
            "settings",
            {"mail_server": {"before": None, "after": SETTINGS}},
            {},
            "failed",
            "No mail server is configured",
        ),
        ("settings", {"mail_server": {"before": SETTINGS, "after": {}}}, {}, "failed", "and should not be"),
        (
            "settings",
            {"mail_server": {"before": None, "after": None}},
            {},
            "ok",
            "No mail server is configured, as wanted",
        ),
        ("settings", {"password_changed": True}, {}, "failed", "password is not the one"),
        ("settings", {"password_changed": True}, {"update_password": "on_create"}, "warning", "is not known"),
        ("settings", {"password_changed": None}, {}, "warning", "is not known"),
        ("settings", {"password_changed": None}, {"is_writer": False}, "ok", "mail.example.com:587"),
        ("settings", {}, {"account": False}, "skipped", "not asked"),
        ("truststore", {"changed": True, "removed": [{"sha256": "a"}]}, {}, "failed", "not as it should be"),
        ("truststore", {"changed": True}, {}, "failed", "owner or mode"),
        ("truststore", {"changed": True}, {"truststore": False}, "failed", "should not be"),
        ("truststore", {}, {"truststore": False}, "skipped", "own truststore"),
        ("jvm", {"changed": True}, {}, "failed", "does not have the JVM's arguments"),
        ("jvm", {"restart_needed": True}, {}, "failed", "has not read the truststore"),
        ("jvm", {"process": None}, {}, "warning", "cannot be seen"),
        ("delivery", {"outcome": "deliver_plaintext"}, {}, "warning", "can send mail"),
        ("delivery", {"outcome": "deliver_plaintext"}, {"security": "plain"}, "ok", "can send mail"),
        ("delivery", {"outcome": "auth_untested"}, {}, "warning", "can send mail"),
        ("delivery", {"outcome": "token_untested"}, {"auth_type": "oauth2"}, "warning", "can send mail"),
        (
            "delivery",
            {"outcome": "refused", "delivers": False, "cause": "no connection"},
            {},
            "failed",
            "no connection",
        ),
        ("delivery", {}, {"state": "absent"}, "skipped", "want no mail"),
        ("message", {"outcome": "accepted"}, {}, "warning", "took the test message"),
        ("message", {"outcome": "accepted", "code": "accepted", "msg": "not there"}, {}, "failed", "did not arrive"),
        ("message", {}, {"message": False}, "skipped", "No test message"),
        ("message", {}, {"recipient": ""}, "failed", "no recipient"),
        ("message", {}, {"auth_type": "oauth2"}, "skipped", "has the token"),
    ],
)
def test_each_verdict(question: str, change: dict[str, Any], wanted: dict[str, Any], status: str, said: str) -> None:
    results = good()
    results[question] = {**results[question], **change}
    found = verdicts(results, **wanted)[question]
    assert (found["status"], said in " ".join([found["summary"], found["reason"]])) == (status, True), found
    assert_report(document({"host": facts(results, **wanted)}))


PROPERTIES = {"path": "/home/bitbucket.properties", "changed": False, "keys": [], "restart_needed": False}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"skipped": True}, ""),
        (PROPERTIES, ""),
        ({**PROPERTIES, "changed": True, "keys": ["mail.timeout.connect"]}, "not as wanted in: mail.timeout.connect."),
        ({**PROPERTIES, "restart_needed": True}, "has not read /home/bitbucket.properties"),
        ({"msg": "no home"}, "no home"),
        ({"unreachable": True, "msg": "lost"}, "lost"),
    ],
)
@pytest.mark.parametrize("port", [587, 25])
def test_properties_are_settings(answer: dict[str, Any], said: str, port: int) -> None:
    results = good()
    results["settings"]["mail_server"] = {"before": {**SETTINGS, "port": port}, "after": SETTINGS}
    found = verdicts({**results, "properties": answer})["settings"]
    assert found["status"] == ("failed" if said or port == 25 else "ok")
    assert said in " ".join([found["summary"], found["reason"]])
    assert ("port is 25" in found["summary"]) is (port == 25)


def test_a_product_that_does_not_answer_and_is_not_seen_does_not_run() -> None:
    results = good()
    results["settings"] = {"msg": "no connection"}
    results["jvm"] = {**results["jvm"], "process": None}
    assert verdicts(results)["jvm"]["summary"] == "The product does not run."


@pytest.mark.parametrize(
    ("chain", "trial", "remedy", "renewed"),
    [
        ([certificate("mail", -1, 80, "7", issuer="New CA")], {}, "Have its administrator confirm", True),
        # A successor that issued itself has the name of the one before.
        ([certificate("Example CA", -1, 80, "7", issuer="Example CA")], {}, "Have its administrator confirm", True),
        ([LEAF], {}, "Put it", False),
        ([LEAF], {"delivers": True}, "with the truststore that it writes", False),
        ([{"sha256": "7" * 64, "error": "not to be read"}], {}, "Put it", False),
    ],
)
def test_why_the_jvm_does_not_trust(chain: list[Any], trial: dict[str, Any], remedy: str, renewed: bool) -> None:
    results = good()
    results["delivery"].update(outcome="tls_untrusted", delivers=False, chain=chain)
    results["delivery"].update(msg="No path. Put it in.", remedy="Put it in.")
    found = verdicts({**results, "trial": trial})["delivery"]
    assert remedy in found["remedy"]
    assert found["reason"].startswith("No path.")
    assert ("was renewed or replaced" in found["reason"]) is renewed


def test_certificates_are_dated() -> None:
    results = good(certificate("mail", -10, 29.5, "7"))
    found = check_certificates(results, NOW, 30)
    assert [(item["where"], item["days_left"], item["is_due"]) for item in found] == [
        ("truststore", 2800, False),
        ("mail server", 29, True),
    ]
    assert found[0]["not_before"] is None
    ended = check_certificates(good(certificate("mail", -10, -0.5, "7")), NOW, 0)[1]
    assert (ended["days_left"], ended["is_due"]) == (-1, True)
    # What was presented in place of the expected is told, where that is all that is known.
    refused: Results = {"truststore": {"msg": "another", "presented": [LEAF]}}
    assert [item["where"] for item in check_certificates(refused, NOW, 30)] == ["mail server"]
    assert check_certificates({}, NOW, 30) == []


def test_secrets_are_masked_wherever_they_stand() -> None:
    results = good()
    words = {"msg": "you said s3cret-2", "banner": "s3cret", "tls": {"s3cret": ["s3cret"]}}
    results["delivery"].update(outcome="rejected", delivers=False, **words)
    found = checks(results, WANTED, [], ["s3cret", "s3cret-2", ""])
    assert "s3cret" not in str(found)
    assert found[4]["reason"] == "you said ********."


@pytest.mark.parametrize("secret", ["plain", "deliver", "e", "true", "1", "failed", "ok", "deliver_plaintext"])
def test_no_secret_changes_a_verdict(secret: str) -> None:
    results = good()
    results["delivery"].update(outcome="deliver_plaintext", tls=None)
    plain = checks(results, WANTED, [], [])
    masked = checks(results, WANTED, [], [secret])
    for name in ("check", "status"):
        assert [one[name] for one in masked] == [one[name] for one in plain]
    assert [set(one["details"]) for one in masked] == [set(one["details"]) for one in plain]
    assert masked[4]["details"]["outcome"] == "deliver_plaintext"


def test_findings() -> None:
    assert findings([], "It broke.") == {"failed": ["The host could not be asked. It broke."], "warning": []}
    results = good()
    results["jvm"] = {**results["jvm"], "restart_needed": True}
    results["settings"]["password_changed"] = None
    found = findings(list(verdicts(results).values()))
    assert found["failed"][0].startswith("jvm: The running JVM has not read the truststore as it is now.")
    assert ARGUMENT in found["failed"][0]
    assert str(PROCESS["started"]) in found["failed"][0]
    assert len(found["warning"]) == 1


def test_timeline_shows_each_certificate_once() -> None:
    found = timeline(document({"a": facts(good()), "b": facts(good())}))
    assert [row["name"] for row in found["rows"]] == ["mail.example.com", "stash_mail:example-ca-cccccccc"]
    assert [row["instances"] for row in found["rows"]] == [["a", "b"], ["a", "b"]]
    assert [row["open_end"] for row in found["rows"]] == [False, True]
    # The same certificate as anchor and as presented has both places, and its start from the one that knows it.
    (row,) = timeline(document({"a": facts(good(CA, CA))}))["rows"]
    assert (row["where"], row["not_before"]) == (["truststore", "mail server"], CA["not_before"])


@given(st.lists(st.tuples(st.integers(-4000, 4000), st.integers(1, 4000)), max_size=5), st.integers(0, 1000))
def test_timeline_stays_on_its_axis(spans: list[tuple[int, int]], warn_days: int) -> None:
    instances = []
    for index, (start, length) in enumerate(spans):
        leaf = certificate(f"leaf {index}", start, start + length, f"{index}")
        instances.append(facts(good(leaf), warn_days=warn_days))
    found = timeline(document({str(index): item for index, item in enumerate(instances)}, warn_days=warn_days))
    for row in found["rows"]:
        assert 0 <= row["x"] <= row["x"] + row["width"] <= 100.01
    assert 0 < found["now"] < 100
    assert found["now"] <= found["warn"] <= 100
    assert all(0 <= month["x"] <= 100 for month in found["months"])
    assert [row["not_after"] for row in found["rows"]] == sorted(row["not_after"] for row in found["rows"])
