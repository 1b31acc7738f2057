# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports of a fleet: valid by their schemas, whatever other machines have said."""

from __future__ import annotations

import html.parser
import json
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible_collections.stashops.mail.plugins.filter.report import report
from ansible_collections.stashops.mail.plugins.filter.report_lines import report_lines
from ansible_collections.stashops.mail.plugins.filter.report_page import escaped
from ansible_collections.stashops.mail.plugins.plugin_utils._check_result import QUESTIONS
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.check.fleet import LEAF, NOW, Results, certificate, document, facts, fleet, good, later, render
from tests.unit.check.validate import assert_junit, assert_report, samples


class Page(html.parser.HTMLParser):
    """A page's elements, the text outside of script and style, and what is not closed as it was opened."""

    VOID = ("meta", "input", "br", "link", "img", "rect", "line", "path", "use")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


def shape(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """What a page is made of, texts and values left out."""
    return [(tag, tuple(sorted(attributes))) for tag, attributes in Page(text).tags]


def test_a_fleet_of_every_kind() -> None:
    found = document(fleet())
    assert_report(found)
    assert_report(json.loads(render("report.json.j2", found)))
    assert found["status"] == "failed"
    assert found["counts"] == {"failed": 5, "warning": 2, "ok": 3, "skipped": 0}
    assert [item["status"] for item in found["instances"]] == ["failed"] * 5 + ["warning"] * 2 + ["ok"] * 3
    assert_junit(render("junit.xml.j2", found))
    text = " ".join(Page(render("page.html.j2", found)).text)
    for item in found["instances"]:
        assert item["name"] in text
        for answer in item["checks"]:
            assert answer["summary"] in text
            assert answer["remedy"] in text


def test_nobody_was_checked() -> None:
    found = document({})
    assert_report(found)
    assert_junit(render("junit.xml.j2", found))
    assert "No instance was checked" in render("page.html.j2", found)
    assert len(samples(render("metrics.prom.j2", found))) == 1


def test_metrics() -> None:
    found = document({"b": facts(good())})
    read = samples(render("metrics.prom.j2", found))

    def value(metric: str, **labels: str) -> float:
        return read[f"stash_mail_{metric}", frozenset(labels.items())]

    assert value("check_timestamp_seconds") == 1896082200
    assert value("last_delivery_timestamp_seconds", host="b") == 1896082200
    assert value("check_status", host="b", check="jvm", status="ok") == 1
    assert value("check_status", host="b", check="jvm", status="failed") == 0
    end = value(
        "certificate_not_after_timestamp_seconds",
        host="b",
        where="mail server",
        name="mail.example.com",
        sha256=LEAF["sha256"],
    )
    assert end == 1896082200 + 300 * 86400


def test_hosts_without_facts_are_reported() -> None:
    found = document({"a": {"stash_mail_check_error": "the port is no number"}, "b": {}})
    assert_report(found)
    first, second = (item["checks"][0] for item in found["instances"])
    assert first["reason"] == "the port is no number."
    assert "did not come to its end" in second["reason"]
    assert [item["status"] for item in found["instances"]] == ["failed", "failed"]


def test_the_last_delivery_is_kept() -> None:
    earlier = document({"a": facts(good()), "b": facts(good())})
    earlier["instances"][0]["last_delivery"] = later(-3)
    without = {"a": facts(good(), message=False), "c": facts(good(), message=False)}
    kept = document(without, previous=json.dumps(earlier))
    assert [item["last_delivery"] for item in kept["instances"]] == [later(-3), None]
    assert document({"a": facts(good())}, previous=json.dumps(earlier))["instances"][0]["last_delivery"] == NOW


@pytest.mark.parametrize(
    "previous", ["", "x", "[]", "{}", '{"instances": 1}', '{"instances": [1]}', '{"instances": [{"name": "a"}]}']
)
def test_an_earlier_report_that_is_none_is_passed_over(previous: str) -> None:
    assert document({"a": facts(good(), message=False)}, previous=previous)["instances"][0]["last_delivery"] is None


@pytest.mark.parametrize("previous", ["yesterday", 5, "2030-13-01T00:00:00Z", "2030-01-01T00:00:00Z<"])
def test_an_earlier_time_that_is_none_is_passed_over(previous: Any) -> None:
    text = json.dumps({"instances": [{"name": "a", "last_delivery": previous}]})
    assert document({"a": facts(good(), message=False)}, previous=text)["instances"][0]["last_delivery"] is None


HOSTILE = st.text(st.characters(), max_size=40) | st.sampled_from(
    [
        "</script><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "]]><x>",
        "{{ 7 * 7 }}{% raw %}",
        "<!--",
        "&lt;b&gt; &amp;",
        "\u202egnp.exe",
        "\ud800\udfff lone",
        "\x00\x1b[31m\x07",
        'a"b\\c\nd',
        "\uffff\ufffe",
    ]
)


def hostile_facts(text: str) -> dict[str, Any]:
    """Facts in which other machines have said ``text`` wherever they say anything."""
    leaf = {**certificate("x", -1, 5, "9"), "common_name": text, "subject": text}
    results: Results = good(leaf)
    results["reachable"] = {**results["reachable"], "version": text, "java": {"version": text}}
    results["delivery"] = {
        **results["delivery"],
        "outcome": "rejected",
        "delivers": False,
        "code": "rejected",
        "cause": text,
        "msg": text,
        "remedy": text,
        "banner": text,
        "tls": {text: [text]},
    }
    results["settings"]["mail_server"] = {
        "before": {"host": text, "port": 1},
        "after": {"host": "mail", "port": 587, "username": ""},
    }
    found = facts(results, cluster=text)
    found["stash_mail_check_instance"]["mail_server"] = text
    return found


@settings(max_examples=60, deadline=None)
@given(name=HOSTILE, text=HOSTILE)
def test_hostile_text_changes_nothing_but_text(name: str, text: str) -> None:
    found = document({name: hostile_facts(text)})
    tame = document({"name": hostile_facts("text")})
    # As the template module writes them: everything has to be UTF-8.
    pages = {template: render(template, found).encode().decode() for template in ("page.html.j2", "junit.xml.j2")}
    if text.strip() and name.strip():
        assert shape(pages["page.html.j2"]) == shape(render("page.html.j2", tame))
    if found["instances"][0]["name"]:
        assert_junit(pages["junit.xml.j2"])
    else:
        ElementTree.fromstring(pages["junit.xml.j2"])  # noqa: S314 - our own
    read = samples(render("metrics.prom.j2", found))
    assert {dict(labels).get("host", "") for _name, labels in read} <= {found["instances"][0]["name"], ""}
    assert json.loads(render("report.json.j2", found)) == found


@given(st.recursive(st.text(max_size=10), lambda inner: st.dictionaries(st.text(max_size=5), inner) | st.lists(inner)))
def test_escaped_text_has_nothing_to_break_out_with(value: Any) -> None:
    assert not set("<>\"'") & set("".join(_texts(escaped(value))))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    return [text for part in parts for text in _texts(part)]


def test_long_text_is_cut() -> None:
    found = report(["a" * 9000], {"a" * 9000: {}}, NOW, 30)
    assert len(found["instances"][0]["name"]) == 4000


def test_lines_for_a_terminal() -> None:
    few = fleet()
    lines = report_lines(document(few))
    assert lines[0] == "10 instances: 5 failed, 2 with a warning, 3 OK"
    assert lines[1].split() == ["instance", *QUESTIONS]
    (row,) = [line for line in lines if line.startswith("git.example.org")]
    # Each word stands below its question.
    assert {name: row[lines[1].index(name) :].split()[0] for name in QUESTIONS} == {
        "reachable": "OK",
        "settings": "FAILED",
        "truststore": "OK",
        "jvm": "OK",
        "delivery": "OK",
        "message": "OK",
    }
    assert "FAILED settings: The mail server's port is 25 instead of 587. (git.example.org)" in lines
    assert sum(not line.startswith("  ") for line in lines) == 2 + 10 + 7


def test_lines_for_a_terminal_on_many_instances() -> None:
    wrong = fleet()["git.example.org"]
    many = {f"{number:03}.example.com": facts(good()) if number > 4 else wrong for number in range(500)}
    lines = report_lines(document(many))
    assert lines[0] == "500 instances: 5 failed, 0 with a warning, 495 OK"
    assert len(lines) == 2 + 5 + 1 + 2
    assert "and 495 instances OK" in lines
    assert " ".join(" ".join(lines[-2:]).split()).endswith(
        "(000.example.com, 001.example.com, 002.example.com and 2 more)"
    )
    assert max(map(len, lines)) <= 120


def test_lines_where_there_is_nothing() -> None:
    assert report_lines(document({})) == ["0 instances: 0 failed, 0 with a warning, 0 OK"]
