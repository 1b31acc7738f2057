# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the variables, and why not to go on after the plan."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.filter.input_problems import input_problems
from ansible_collections.stashops.mail.plugins.filter.plan_problems import plan_problems
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import NO_CRYPTOGRAPHY

GOOD: dict[str, Any] = {
    "auth_type": "basic",
    "bitbucket_admin_password": "a",
    "bitbucket_admin_token": "",
    "bitbucket_admin_user": "admin",
    "bitbucket_behind": [],
    "bitbucket_java_home": "",
    "bitbucket_node_url": "http://localhost:7990",
    "bitbucket_url": "http://localhost:7990/bitbucket",
    "cluster": "main",
    "host": "mail.example.com",
    "imap": {},
    "is_container": False,
    "deployment": "auto",
    "jvm_compose_files": [],
    "jvm_compose_override": "",
    "jvm_environment_file": "",
    "kubernetes_values_files": [],
    "oauth2_provider_id": "",
    "oauth2_token_id": "",
    "password": "p",
    "pop3": {},
    "port": 25,
    "post_restart_tasks": "",
    "pre_restart_tasks": "",
    "preset": "",
    "properties": False,
    "recipient": "r@example.com",
    "restart": "auto",
    "sender": "s@example.com",
    "state": "present",
    "truststore_base": "auto",
    "truststore_wanted": True,
    "unknown": "",
    "username": "u",
    "verify_notification": True,
    "verify_notification_deadline": "120",
}
KUBERNETES = {
    "bitbucket_behind": ["kubectl", "exec"],
    "deployment": "kubernetes",
    "is_container": True,
    "kubernetes_apply": False,
    "kubernetes_dir": "/x",
}
MAILBOX = {"host": "m", "username": "u", "password": "p"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"host": "", "sender": ""}, "stash_mail_host, stash_mail_sender must be set"),
        ({"host": "smtp.<region>.example.com", "preset": "amazon_ses"}, "stash_mail_preset_region must be set"),
        ({"password": ""}, "stash_mail_password is empty while stash_mail_username is set"),
        ({"username": ""}, "stash_mail_username is empty while stash_mail_password is set"),
        ({"auth_type": "oauth2"}, "leave stash_mail_password empty"),
        ({"bitbucket_admin_user": ""}, "permission SYS_ADMIN"),
        ({"bitbucket_admin_token": "t"}, "leave these empty"),
        ({"bitbucket_node_url": "localhost:7990"}, "stash_mail_bitbucket_node_url 'localhost:7990' is not an http"),
        ({"bitbucket_node_url": "http://a b:7990"}, "stash_mail_bitbucket_node_url holds a space"),
        ({"bitbucket_url": "http://admin:p@localhost"}, "stash_mail_bitbucket_url holds user information"),
        ({"port": "70000"}, "stash_mail_port 70000 is out of range"),
        ({"imap": {"host": "m"}, "pop3": {"host": "m"}}, "stash_mail_imap and stash_mail_pop3 are both set"),
        ({"pop3": {"host": "m", "username": "u"}}, "stash_mail_pop3 lacks its host, username or password"),
        ({"imap": {**MAILBOX, "host": "imap://m"}}, "stash_mail_imap.host 'imap://m' is not a host name"),
        ({"imap": {**MAILBOX, "port": "70000"}}, "stash_mail_imap.port 70000 is out of range"),
        ({"pop3": {**MAILBOX, "port": 0}}, "stash_mail_pop3.port 0 is out of range"),
        ({"imap": {**MAILBOX, "mailbox": "Entw\u00fcrfe"}}, "stash_mail_imap.mailbox holds a non-ASCII character"),
        ({"pop3": {**MAILBOX, "username": "u\n"}}, "stash_mail_pop3.username holds a control character"),
        ({"pop3": {**MAILBOX, "password": ["p"]}}, "stash_mail_pop3.password is a list"),
        ({"verify_notification_deadline": "3601"}, "stash_mail_verify_notification_deadline 3601 is out of range"),
        ({"post_restart_tasks": "after.yml"}, "after.yml is no file on the controller"),
        ({"is_container": True}, "stash_mail_jvm_environment_file must be the absolute path"),
        ({**KUBERNETES, "kubernetes_dir": "x"}, "stash_mail_kubernetes_dir must be an absolute path"),
        ({**KUBERNETES, "properties": True}, "set them by the chart's values"),
        ({**KUBERNETES, "bitbucket_behind": []}, "stash_mail_truststore_base has to name a bundle"),
        ({"jvm_compose_files": ["/a.yml", "b.yml"]}, "stash_mail_jvm_compose_files b.yml is relative"),
        ({"kubernetes_values_files": ["b.yml"]}, "stash_mail_kubernetes_values_files b.yml is relative"),
        ({"restart": "tasks"}, "stash_mail_pre_restart_tasks is empty"),
    ],
)
def test_each_problem_is_said(change: dict[str, Any], said: str) -> None:
    assert input_problems(GOOD) == []
    (text,) = input_problems({**GOOD, **change})
    assert said in text


@pytest.mark.parametrize("mailbox", [MAILBOX, {**MAILBOX, "port": "993", "security": "imaps", "password": 12345}])
def test_a_mailbox_that_can_be_asked(mailbox: dict[str, Any]) -> None:
    assert input_problems({**GOOD, "imap": mailbox}) == []


@pytest.mark.parametrize(
    "change",
    [
        {"bitbucket_java_home": "/opt/java"},
        {"truststore_base": "/opt/java/lib/security/cacerts"},
        {"truststore_wanted": False},
    ],
)
def test_a_pod_that_nothing_leads_to(change: dict[str, Any]) -> None:
    assert input_problems({**GOOD, **KUBERNETES, "bitbucket_behind": [], **change}) == []


def test_a_deadline_that_nobody_needs() -> None:
    assert input_problems({**GOOD, "verify_notification": False, "verify_notification_deadline": "0"}) == []


def test_all_problems_are_said_at_once_and_few_matter_where_mail_is_taken_out(tmp_path: Path) -> None:
    tasks = tmp_path / "drain.yml"
    tasks.touch()
    assert len(input_problems({**GOOD, "host": "", "port": 0, "pre_restart_tasks": str(tasks)})) == 2
    assert input_problems({**GOOD, "state": "absent", "host": "", "sender": "", "recipient": ""}) == []
    assert "n1, n2 are nodes of the cluster main" in input_problems(GOOD, ["n1", "n2"])[0]
    assert input_problems(GOOD, ["n1"]) == []


NODE: dict[str, Any] = {
    "name": "n2",
    "cluster": "main",
    "url": "http://n2:7990",
    "nodes": ["n1", "n2"],
    "left_out": [],
    "is_partial_allowed": False,
    "writer": "n1",
    "installs_packages": False,
}
MAIL = {"before": {"host": "old"}, "after": {"host": "new"}}
ANSWERS: dict[str, Any] = {
    "product": {"cryptography": "41.0"},
    "status": {"url": "http://n2:7990/status", "state": "RUNNING", "status": 200},
    "server": {"mail_server": MAIL},
    "failures": [],
    "refusals": [],
}
WRITER: dict[str, Any] = {"status": {"url": "http://n1:7990/status"}, "server": {"mail_server": MAIL}}


def problems(answers: dict[str, Any], writer: dict[str, Any] | None = None, **node: Any) -> list[str]:
    hostvars = {"n1": {"__stash_mail_plan": WRITER if writer is None else writer}, "n2": {"__stash_mail_plan": answers}}
    return plan_problems(answers, {**NODE, **node}, hostvars)


def test_a_token_takes_the_place_of_the_account() -> None:
    token = {"bitbucket_admin_user": "", "bitbucket_admin_password": "", "bitbucket_admin_token": "t"}
    assert input_problems({**GOOD, **token}) == []


def test_nothing_is_wrong() -> None:
    assert problems(ANSWERS) == []
    assert problems(ANSWERS, writer={}) == [], "one that has not answered says so itself"
    refused = {**ANSWERS, "refusals": ["No Stash or Bitbucket was found."]}
    assert problems(refused) == refused["refusals"]
    absent = {**refused, "product": {"check_mode": True, "found": False}}
    assert problems(absent) == [], "a check of a machine that the product is still to be installed on"


@pytest.mark.parametrize(
    ("change", "node", "said"),
    [
        ({"failures": ["server"], "server": {"msg": "No password."}}, {}, "No password."),
        ({"refusals": ["It would be given away."]}, {}, "It would be given away."),
        ({"message": {"failed": True, "msg": "It did not arrive."}}, {}, "It did not arrive."),
        (
            {"failures": ["status"], "status": {"state": "STARTING", "status": 503}},
            {},
            "says 503 STARTING and not RUNNING",
        ),
        ({"status": {"url": "http://n1:7990/status"}}, {}, "for n1 as well"),
        ({"server": {"mail_server": {**MAIL, "after": {"host": "another"}}}}, {}, "which has one mail server"),
        ({}, {"left_out": ["n3"]}, "would change for n3 too, which this run leaves out"),
        (
            {"product": {"cryptography": None}, "truststore": {"skipped": True, "msg": NO_CRYPTOGRAPHY}},
            {},
            NO_CRYPTOGRAPHY,
        ),
        (
            {"product": {"cryptography": None}, "send": {"skipped": True, "msg": NO_CRYPTOGRAPHY}},
            {},
            NO_CRYPTOGRAPHY,
        ),
        (
            {"product": {"cryptography": None}, "notification": {"skipped": True, "msg": NO_CRYPTOGRAPHY}},
            {},
            NO_CRYPTOGRAPHY,
        ),
    ],
)
def test_each_reason_is_said(change: dict[str, Any], node: dict[str, Any], said: str) -> None:
    (text,) = problems({**ANSWERS, **change}, **node)
    assert said in text


def test_what_is_no_reason() -> None:
    on_loopback = {"status": {"url": "http://localhost:7990/status"}}
    assert problems({**ANSWERS, **on_loopback}, writer={**WRITER, **on_loopback}) == []
    assert problems(ANSWERS, left_out=["n3"], is_partial_allowed=True) == []
    same = {"mail_server": {"before": {"host": "new"}, "after": {"host": "new", "oauth2_token_id": "1"}}}
    assert problems({**ANSWERS, "server": same}, writer={}, left_out=["n3"]) == [], "what the product may hide"
    lacking = {"product": {"cryptography": None}, "truststore": {"skipped": True, "msg": NO_CRYPTOGRAPHY}}
    assert problems({**ANSWERS, **lacking}, installs_packages=True) == []


def test_a_host_without_answers() -> None:
    assert "n2 cannot be reached: No route." in problems({"unreachable": True, "msg": "No route."})[0]


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("Traceback\n  File x\nSyntaxError: future feature annotations is not defined\n", "is older than 3.8"),
        ("Traceback\nAttributeError: module 'typing' has no attribute 'Protocol'", "is older than 3.8"),
        ("sudo: a password is required\n", "could not be started there: MODULE FAILURE"),
    ],
)
def test_a_module_that_does_not_start(printed: str, said: str) -> None:
    for stream, other in (("module_stderr", "module_stdout"), ("module_stdout", "module_stderr")):
        assert said in problems({"msg": "MODULE FAILURE", stream: printed, other: ""})[0]
    assert problems({"msg": "No Python."}) == ["No Python."]


@pytest.mark.parametrize("is_there", [True, False])
def test_the_collection_that_applies_a_secret(is_there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked for on the controller, before anything is changed."""

    def find(name: str) -> object:
        assert name == "ansible_collections.kubernetes.core"
        if is_there:
            return object()
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    problems = input_problems({**GOOD, **KUBERNETES, "kubernetes_apply": True})
    assert ["ansible-galaxy collection install kubernetes.core" in text for text in problems] == [True] * (not is_there)
    assert input_problems({**GOOD, **KUBERNETES}) == []
