# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""stash_mail_apply: what a plan with the same options has found to differ, in one call and in order."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible_collections.stashops.mail.plugins.modules import stash_mail_apply

from tests.ansible_module import ROOT, Outcome
from tests.imap_server import ImapServer
from tests.integration.plan.conftest import (
    CA,
    MAIL,
    OTHER_CA,
    OTHER_PASSWORD,
    PASSWORD,
    SERVER,
    Node,
)

Start = Callable[..., Node]
ACCOUNT = {"username": "bitbucket", "password": PASSWORD}
CHANGES = ("truststore", "properties", "jvm", "server")


def options(node: Node, *names: str, **changed: Any) -> dict[str, Any]:
    """Those of a plan for this node, of ``names`` or of all changes; a dict changes some of them."""
    asked = {name: {**node.options[name], **changed.get(name, {})} for name in names or CHANGES}
    if "properties" in asked:
        # Which the plan finds out by itself.
        asked["properties"]["home"] = str(node.home)
    return asked


def message(node: Node, **changed: Any) -> dict[str, Any]:
    probe = node.options["probe"]
    names = ("host", "port", "security", "sender", "recipient", "deadline")
    return {**{name: probe[name] for name in names}, "truststore": str(node.truststore), **ACCOUNT, **changed}


def apply(node: Node, wanted: dict[str, Any], check: bool = False) -> Outcome:
    return node.run("stash_mail_apply", wanted, check)


def test_what_differs_is_changed_and_proven(start: Start) -> None:
    node = start(**ACCOUNT)
    assert node.plan()["planned"] == ["server", "jvm", "properties", "truststore"]
    done = apply(node, {**options(node), "send": message(node)})
    assert done.changed
    assert {name for name in CHANGES if done[name]["changed"]} == set(CHANGES)
    assert (done["send"]["outcome"], done["send"]["jvm"]["truststore"]) == ("accepted", str(node.truststore))
    assert len(node.server.messages) == 1
    found = node.plan()
    assert found["planned"] == []
    assert found["server"]["changed"] is False
    # Again: a message is no change.
    again = apply(node, {**options(node), "send": message(node)})
    assert not again.changed
    assert len(node.server.messages) == 2


def test_a_check_changes_nothing_and_promises_the_same(start: Start) -> None:
    node = start(**ACCOUNT)
    before = node.contents()
    checked = apply(node, options(node), check=True)
    assert checked.changed
    assert node.contents() == before
    assert not node.truststore.parent.exists()
    assert node.standin.call("GET", MAIL, node.standin.sysadmin).status == 404
    assert node.server.messages == []
    done = apply(node, options(node))
    for name in CHANGES:
        assert done[name]["changed"] is checked[name]["changed"]
    assert done["truststore"]["sha256"] == checked["truststore"]["sha256"]


def test_the_differences_come_in_a_row(start: Start) -> None:
    node = start(**ACCOUNT)
    done = apply(node, options(node))
    assert not any("diff" in done[name] for name in CHANGES)
    shown = json.dumps(done["diff"])
    assert isinstance(done["diff"], list)
    for text in ("cacerts", "mail.timeout.connect", "-Djavax.net.ssl.trustStore", "127.0.0.1"):
        assert text in shown


@pytest.mark.parametrize(
    ("failing", "changed", "said"),
    [
        ("truststore", {"certificates": [{"pem": "no certificate"}]}, "certificates[0]"),
        ("truststore", {"owner": "nobody-of-this-name"}, "nobody-of-this-name"),
        ("properties", {"properties": {"a b": "c"}}, "no name of a property"),
        ("jvm", {"truststore": "relative"}, "relative"),
        ("server", {"url_password": OTHER_PASSWORD}, "sysadmin"),
    ],
)
def test_the_first_that_fails_ends_it(failing: str, changed: dict[str, Any], said: str, start: Start) -> None:
    node = start(**ACCOUNT)
    done = apply(node, {**options(node, **{failing: changed}), "send": message(node)})
    assert said in done.message
    order = list(CHANGES)
    before, after = order[: order.index(failing)], [*order[order.index(failing) + 1 :], "send"]
    assert done[failing]["failed"] is True
    told = f" Before that this was changed, and stays so: {', '.join(before)}." if before else ""
    assert done.message == done[failing]["msg"] + told
    assert done.result.get("code") == done[failing].get("code")
    assert all(done[name]["changed"] for name in before), "what was done before it is told"
    assert done["changed"] is bool(before)
    assert not set(after) & set(done.result)
    assert node.server.messages == []
    assert node.truststore.exists() is ("truststore" in before)


def test_a_message_that_gets_nowhere_fails_with_what_was_written(start: Start) -> None:
    node = start(**ACCOUNT)
    done = apply(node, {**options(node), "send": message(node, password=OTHER_PASSWORD)})
    assert "535" in done.message
    assert done["changed"] is True
    assert done["server"]["changed"] is True
    assert done["code"] == done["send"]["code"]
    # Nothing but the message: the failure changes nothing.
    assert apply(node, {"send": message(node, password=OTHER_PASSWORD)})["changed"] is False


@pytest.mark.parametrize("how", ["fail_json", "an error"])
def test_what_nobody_expected_loses_nothing(how: str, start: Start) -> None:
    """Ansible's own functions for files end a module by themselves, as where SELinux refuses a context."""
    node = start(**ACCOUNT)
    broken = node.folder / "broken"
    broken.mkdir()
    action = {"fail_json": "host.module.fail_json(msg='no context', path='x')", "an error": "raise KeyError('secret')"}
    (broken / "sitecustomize.py").write_text(
        "from ansible_collections.stashops.mail.plugins.module_utils._product import arguments\n"
        f"def run(host, params):\n    {action[how]}\n"
        "arguments.run = run\n"
    )
    node.environment["PYTHONPATH"] = f"{broken}:{ROOT / 'collections'}"
    done = apply(node, options(node))
    assert done["changed"] is True
    assert done["truststore"]["changed"] is True
    assert ("no context" if how == "fail_json" else "(KeyError at changes.py line ") in done["jvm"]["msg"]
    assert "stays so: truststore, properties." in done.message
    assert "secret" not in done.message.replace("hold a secret", "")


def test_a_check_judges_the_mailbox_by_the_truststore_as_it_would_be(start: Start) -> None:
    node = start(**ACCOUNT)
    chain, key = SERVER.write(node.folder)
    with ImapServer(node.folder / "Maildir", "ops", PASSWORD, chain, key) as imap:
        mailbox = {
            "host": "127.0.0.1",
            "port": imap.port,
            "security": "starttls",
            "username": "ops",
            "password": PASSWORD,
        }
        wanted = {**options(node, "truststore"), "send": message(node, imap=mailbox)}
        checked = apply(node, wanted, check=True)
        assert not checked.failed, checked["msg"]
        assert "would be sent" in checked["send"]["msg"]
        wanted["truststore"]["certificates"] = [{"pem": OTHER_CA.pem}]
        assert "certificate" in apply(node, wanted, check=True).message


def test_no_secret_in_a_playbooks_output(start: Start) -> None:
    node = start(**ACCOUNT)
    tasks = [
        {"stashops.mail.stash_mail_apply": wanted, "ignore_errors": True}
        for wanted in (
            {**options(node), "send": message(node)},
            options(node, "properties", "server", server={"url_password": OTHER_PASSWORD}),
            {"send": message(node, password=OTHER_PASSWORD)},
        )
    ]
    said = node.play(*tasks)
    assert re.search(r"ok=3 +changed=1 .*ignored=2", said), said


def test_something_has_to_be_given(start: Start) -> None:
    node = start(**ACCOUNT)
    assert "truststore, properties, jvm, server, send" in apply(node, {}).message
    assert "path" in apply(node, {"truststore": {}}).message


def test_all_that_is_returned_is_documented(start: Start) -> None:
    node = start(**ACCOUNT)
    documented = set(yaml.safe_load(stash_mail_apply.RETURN)) | {"changed", "diff", "invocation", "warnings", "failed"}
    for wanted in (options(node), options(node, "server", server={"url_password": OTHER_PASSWORD})):
        assert set(apply(node, wanted).result) <= documented
    assert set(apply(node, {"send": message(node)}).result) <= documented


def test_a_change_loads_nothing_of_the_others(start: Start) -> None:
    node = start(**ACCOUNT)
    script = (
        "import atexit, sys\n"
        "from ansible_collections.stashops.mail.plugins.modules import stash_mail_apply\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "stash_mail_apply.main()\n"
    )

    def loaded(**wanted: Any) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-c", script],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": wanted}),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
        )
        names = (name.partition(".module_utils.")[2] for name in done.stderr.split() if "stashops" in name)
        return {name.partition(".")[0] for name in names if "." in name and ".argument_specs" not in name}

    assert loaded(jvm=node.options["jvm"]) == {"_plan", "_product", "_java"}
    settings = loaded(server=node.options["server"])
    assert "_bitbucket" in settings
    assert not settings & {"_smtp", "_truststore", "_verdict", "_x509", "_product", "_mailbox"}
    pem = {"path": str(node.truststore), "base": "none", "certificates": [{"pem": CA.pem}]}
    assert not loaded(truststore=pem) & {"_smtp", "_bitbucket", "_mailbox"}
