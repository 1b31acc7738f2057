# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""stash_mail_plan: all is asked, nothing is changed, and what fails keeps nothing else from being answered."""

from __future__ import annotations

import contextlib
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stashops.mail.plugins.module_utils._java.home import JavaHome
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import sha256, to_pem
from ansible_collections.stashops.mail.plugins.modules import stash_mail_plan

from tests.ansible_module import ROOT
from tests.integration.plan.conftest import CA, MAIL, OTHER_CA, OTHER_PASSWORD, PASSWORD, Node
from tests.mail_server import authority
from tests.mail_server.odd import CA as CA_EXTENSION
from tests.mail_server.odd import certificate, der, extension, sequence

Start = Callable[..., Node]
MODULES = {
    "product": "stash_mail_info",
    "server": "stash_mail_server",
    "status": "stash_mail_status",
    "jvm": "stash_mail_jvm",
    "properties": "stash_mail_properties",
    "truststore": "stash_mail_truststore",
}
# What Ansible adds to each module's result, some of it for whatever has a path.
# And how long an answer took.
OF_ANSIBLE = {"seconds", "invocation", "warnings", "uid", "gid", "owner", "group", "mode", "state", "size"}
ACCOUNT = {"username": "bitbucket", "password": PASSWORD}


def test_all_is_asked_and_nothing_changed(start: Start) -> None:
    node = start(**ACCOUNT)
    before = node.contents()
    found = node.plan(probe={"method": "auto"})
    assert not found.failed, found["msg"]
    assert found["changed"] is False
    assert found["planned"] == ["server", "jvm", "properties", "truststore"]
    assert (found["failures"], found["refusals"], found["restart"]) == ([], [], "none")
    assert found["probe"]["outcome"] == "deliver"
    assert found["probe"]["authenticated"] is True
    assert found["probe"]["jvm"]["method"] == "jvm"
    assert found["probe"]["jvm"]["truststore"] == str(node.truststore)
    assert found["product"]["check_mode"] is False
    assert node.contents() == before
    assert not node.truststore.parent.exists()
    assert node.server.messages == []
    assert node.standin.call("GET", MAIL, node.standin.sysadmin).status == 404


def test_answers_are_those_of_the_single_modules(start: Start) -> None:
    node = start(**ACCOUNT)
    found = node.plan()
    for question, module in MODULES.items():
        alone = node.run(module, _for_single(node, question), check=True)
        expected = {name: value for name, value in alone.result.items() if name not in OF_ANSIBLE}
        if question == "product":
            # What the plan alone knows.
            expected |= {"check_mode": False, "found": True}
        given = {name: value for name, value in found[question].items() if name not in OF_ANSIBLE}
        assert given == expected


def _for_single(node: Node, question: str) -> dict[str, Any]:
    options = dict(node.options[question])
    return {**options, "home": str(node.home)} if question == "properties" else options


def test_the_digest_is_that_of_the_file_written(start: Start) -> None:
    node = start(**ACCOUNT)
    found = node.plan()
    node.truststore.parent.mkdir()
    node.run(MODULES["truststore"], node.options["truststore"], check=False)
    written = hashlib.sha256(node.truststore.read_bytes()).hexdigest()
    assert found["truststore"]["sha256"] == written
    again = node.plan()
    assert "truststore" not in again["planned"]
    assert again["truststore"]["changed"] is False


def test_check_mode_is_the_same(start: Start) -> None:
    node = start(**ACCOUNT)
    checked = node.plan(check=True)
    assert not checked.failed
    assert checked["product"]["check_mode"] is True
    assert checked["planned"] == node.plan()["planned"]


def test_only_what_is_given_is_asked(start: Start) -> None:
    node = start(**ACCOUNT)
    found = node.plan(False, **dict.fromkeys(("server", "status", "jvm", "properties", "truststore", "probe")))
    assert not found.failed
    assert set(MODULES) & set(found.result) == {"product"}
    assert "probe" not in found.result
    assert found["product"]["home"] == str(node.home)


def test_all_that_is_returned_is_documented(start: Start) -> None:
    node = start(**ACCOUNT)
    documented = set(yaml.safe_load(stash_mail_plan.RETURN)) | {"changed", "invocation", "warnings", "failed"}
    logins = [{"name": "a", **ACCOUNT}]
    trials = [{"name": "next", "certificates": [{"pem": CA.pem}]}]
    for found in (node.plan(logins=logins, trials=trials), node.plan(server={"url_password": OTHER_PASSWORD})):
        assert set(found.result) <= documented


def test_a_message_proves_what_is_as_wanted(start: Start) -> None:
    node = start(**ACCOUNT)
    probe = node.options["probe"]
    message = {name: probe[name] for name in ("host", "port", "security", "sender", "recipient", "deadline")} | ACCOUNT
    assert "message" not in node.plan(proof=message).result, "nothing is as wanted yet"
    for question in ("truststore", "properties", "jvm", "server"):
        node.run(MODULES[question], _for_single(node, question), check=False)
    assert "message" not in node.plan(check=True, proof=message).result
    assert node.server.messages == []
    found = node.plan(proof=message)
    assert found["planned"] == []
    assert found["message"]["outcome"] == "accepted"
    assert found["message"]["jvm"]["method"] == "known", "the verdict of the plan"
    assert len(node.server.messages) == 1
    # Its failure is an answer like any other.
    mailbox = {"host": "127.0.0.1", "port": 1, "username": "ops", "password": OTHER_PASSWORD}
    found = node.plan(proof={**message, "imap": mailbox})
    assert not found.failed
    assert found["message"]["failed"] is True
    assert "127.0.0.1:1" in found["message"]["msg"]
    assert len(node.server.messages) == 1
    assert "give probe and truststore" in node.plan(proof=message, truststore=None)["msg"]


# Each question failing alone.


@pytest.mark.parametrize(
    ("question", "options", "said"),
    [
        ("product", {"java_home": "/nowhere"}, "/nowhere"),
        ("server", {"url_password": OTHER_PASSWORD}, "sysadmin"),
        ("status", {"url": "http://127.0.0.1:1"}, "127.0.0.1:1"),
        ("jvm", {"truststore": "relative"}, "relative"),
        ("properties", {"properties": {"a b": "c"}}, "no name of a property"),
        ("truststore", {"certificates": [{"pem": "no certificate"}]}, "certificates[0]"),
        ("probe", {"port": 1}, "127.0.0.1:1"),
        ("probe", {"password": OTHER_PASSWORD}, "535"),
    ],
)
def test_one_fails_and_the_others_are_answered(question: str, options: dict[str, Any], said: str, start: Start) -> None:
    node = start(**ACCOUNT)
    found = node.plan(False, **{question: options})
    assert said in found.message
    assert found["failures"] == [question]
    assert found[question]["failed"] is True
    assert found[question]["msg"] == found.message
    if "code" in found[question]:
        assert found["code"] == found[question]["code"]
    for other in {*MODULES, "probe"} - {question}:
        assert not found[other].get("failed"), found[other]
        # Without a truststore there is nothing to judge the mail server by.
        assert bool(found[other].get("skipped")) is ((question, other) == ("truststore", "probe"))


def test_several_fail_and_each_is_named(start: Start) -> None:
    node = start(**ACCOUNT)
    found = node.plan(server={"url_password": OTHER_PASSWORD}, probe={"port": 1}, truststore=None)
    assert found["failures"] == ["server", "probe"]
    assert [line.partition(": ")[0] for line in found.message.splitlines()] == ["server", "probe"]
    assert "code" not in found.result
    assert found["probe"]["code"] == "refused"
    assert found["jvm"]["changed"] is True


def test_an_owner_that_nobody_knows_fails_the_truststore_alone(start: Start) -> None:
    node = start(**ACCOUNT)
    node.write_truststore(CA)
    found = node.plan(truststore={"owner": "nobody-of-this-name"})
    assert "nobody-of-this-name" in found.message
    assert found["failures"] == ["truststore"]
    assert found["server"]["changed"] is True


def test_without_cryptography_there_are_no_certificates(start: Start) -> None:
    node = start(**ACCOUNT)
    package = node.folder / "without" / "cryptography"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('none here')\n")
    node.environment["PYTHONPATH"] = f"{package.parent}:{ROOT / 'collections'}"
    found = node.plan()
    assert not found.failed, found["msg"]
    assert found["product"]["cryptography"] is None
    for question in ("truststore", "probe"):
        assert found[question]["skipped"] is True
        assert "python3-cryptography" in found[question]["msg"]
    assert found["planned"] == ["server", "jvm", "properties"]


# By which truststore the mail server is judged.


def test_judged_by_what_is_planned(start: Start) -> None:
    node = start(**ACCOUNT)
    node.write_truststore(OTHER_CA)
    assert node.plan(probe={"method": "auto"})["probe"]["jvm"]["trusted"] is True
    refused = node.plan(truststore={"certificates": [{"pem": OTHER_CA.pem}]}, probe={"method": "auto"})
    assert refused["code"] == "tls_untrusted"
    assert refused["probe"]["jvm"]["method"] == "jvm"


def test_judged_by_what_is_in_force_and_told_what_the_plan_would_do(start: Start) -> None:
    node = start(**ACCOUNT)
    node.write_truststore(OTHER_CA)
    found = node.plan(judged_by="in_force")
    assert found["code"] == "tls_untrusted"
    assert found["probe"]["jvm"]["truststore"] == str(node.truststore)
    planned = found["trials"]["planned"]
    assert (planned["trusted"], planned["delivers"], planned["outcome"]) == (True, True, "deliver")
    assert planned["anchors"] == [item["sha256"] for item in found["truststore"]["anchors"]]
    node.write_truststore(CA)
    well = node.plan(judged_by="in_force")
    assert not well.failed
    assert "trials" not in well.result


@contextlib.contextmanager
def product(node: Node, truststore: Path) -> Iterator[None]:
    """A process that looks like the product's."""
    name = ["java", "-c", "print(1, flush=True); import time; time.sleep(60)"]
    arguments = [f"-Dbitbucket.install={node.install}", f"-Djavax.net.ssl.trustStore={truststore}"]
    command = [*name, *arguments]
    with subprocess.Popen(command, executable=sys.executable, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.kill()


def test_what_is_in_force_is_what_the_process_was_told(start: Start) -> None:
    node = start(**ACCOUNT)
    theirs = node.folder / "theirs"
    node.write_truststore(OTHER_CA)
    theirs.write_bytes(node.truststore.read_bytes())
    node.write_truststore(CA)
    with product(node, theirs):
        in_force = node.plan(judged_by="in_force")
        assert in_force["probe"]["jvm"]["truststore"] == str(theirs)
        assert in_force["probe"]["code"] == "tls_untrusted"
        assert str(theirs) in in_force["refusals"][0]
    with product(node, node.truststore):
        assert node.plan(judged_by="in_force")["probe"]["jvm"]["truststore"] == str(node.truststore)
        # It is going to be taken away, and the JVM then has its own.
        gone = node.plan(jvm={"state": "absent"}, truststore={"state": "absent"})
        assert gone["probe"]["jvm"]["truststore"] == gone["product"]["java"]["cacerts"]


def test_a_truststore_that_is_named_counts(start: Start) -> None:
    node = start(**ACCOUNT)
    node.write_truststore(OTHER_CA)
    found = node.plan(probe={"truststore": str(node.truststore)})
    assert found["code"] == "tls_untrusted"


# Trials and logins.


def test_trials_judge_what_was_presented(start: Start) -> None:
    node = start(**ACCOUNT)
    trials = [
        {"name": "next", "certificates": [{"pem": CA.pem}]},
        {"name": "other", "certificates": [{"pem": OTHER_CA.pem}]},
        {"name": "broken", "certificates": [{"pem": "no certificate"}]},
    ]
    only = dict.fromkeys(("server", "status", "jvm", "properties", "truststore"))
    nobody = {"username": None, "password": None, "sender": None, "recipient": None, "method": "auto"}
    found = node.plan(False, **only, probe=nobody, trials=trials)
    assert node.server.auth_attempts == []
    assert found["trials"]["next"]["trusted"] is True
    assert found["trials"]["next"]["jvm"]["method"] == "jvm"
    assert len(found["trials"]["next"]["anchors"]) == 1
    assert found["trials"]["other"]["trusted"] is False
    assert found["trials"]["other"]["outcome"] == "tls_untrusted"
    # The JVM's own bundle does not know the CA, and that is the probe's answer.
    assert found["failures"] == ["probe", "trials"]
    assert found["probe"]["code"] == "tls_untrusted"
    assert "certificates[0]" in found["trials"]["broken"]["msg"]


def test_a_trial_that_nobody_can_judge(start: Start) -> None:
    """OpenSSL takes no authority that is out of date, and Java takes some."""
    old = authority(key=CA.key, days=(-30, -2))
    node = start(**ACCOUNT)
    only = dict.fromkeys(("server", "status", "jvm", "properties", "truststore"))
    nobody = {"username": None, "password": None, "sender": None, "recipient": None, "method": "openssl"}
    trials = [{"name": "next", "certificates": [{"pem": old.pem}]}]
    trial = node.plan(False, **only, probe=nobody, trials=trials)["trials"]["next"]
    assert (trial["trusted"], trial["delivers"], trial["outcome"]) == (None, False, "unknown")
    assert "out of date" in trial["reason"]


def test_one_jvm_serves_the_whole_plan(start: Start, tmp_path: Path) -> None:
    """It loads the truststore, tells its name, and judges by that truststore and by those of the trials."""
    node, started = start(**ACCOUNT), tmp_path / "started"
    home = tmp_path / "java"
    (home / "bin").mkdir(parents=True)
    own = JavaHome.on_path()
    assert own is not None
    (home / "bin/java").write_text(f'#!/bin/sh\necho >> {started}\nexec {own.java} "$@"\n')
    (home / "bin/java").chmod(0o755)
    trials = [{"name": str(number), "certificates": [{"pem": CA.pem}]} for number in range(3)]
    product = {"java_home": str(home)}
    found = node.plan(product=product, probe={"method": "jvm"}, truststore={"base": "none"}, trials=trials)
    assert not found.failed, found["msg"]
    assert found["truststore"]["loaded"]["method"] == "jvm"
    assert [trial["jvm"]["method"] for trial in found["trials"].values()] == ["jvm"] * 3
    assert started.read_text() == "\n"


def test_what_no_jvm_reads_is_refused_by_name(start: Start) -> None:
    """A critical extension in a form that Python takes. Nothing is asked of the mail server then."""
    odd = certificate(CA_EXTENSION, extension(31, sequence(der(2, b"\x01")), critical=True))
    node = start(**ACCOUNT)
    before = node.contents()
    found = node.plan(False, truststore={"certificates": [{"pem": to_pem(odd)}]})
    assert found["failures"] == ["truststore"]
    assert re.search(rf"Java \d+.* does not read .*certificates\[0\]: .*{sha256(odd)}", found.message)
    assert found["probe"]["skipped"]
    assert node.contents() == before


def test_logins_are_each_told(start: Start) -> None:
    node = start(**ACCOUNT)
    logins = [
        {"name": "old", "username": "bitbucket", "password": OTHER_PASSWORD},
        {"name": "new", "username": "bitbucket", "password": PASSWORD},
    ]
    found = node.plan(logins=logins)
    assert not found.failed, found["msg"]
    assert found["probe"]["skipped"] is True
    assert found["logins"]["new"]["accepted"] is True
    assert found["logins"]["old"]["accepted"] is False
    assert found["logins"]["old"]["outcome"] == "auth_failed"
    assert "535" in found["logins"]["old"]["msg"]
    assert node.server.auth_attempts == [False, True]


def test_a_server_that_does_not_ask_has_accepted_nothing(start: Start) -> None:
    node = start()
    found = node.plan(logins=[{"name": "new", **ACCOUNT}])
    assert found["logins"]["new"]["accepted"] is False
    assert found["logins"]["new"]["outcome"] == "deliver_unauthenticated"


def test_logins_and_trials_need_a_mail_server(start: Start) -> None:
    node = start()
    assert "give probe" in node.plan(probe=None, logins=[{"name": "new", **ACCOUNT}]).message


# Why not to go on.


def test_a_password_is_not_given_away(start: Start) -> None:
    node = start("plain", **ACCOUNT)
    found = node.plan(probe={"security": "starttls_optional"}, server={"security": "starttls_optional"})
    assert "stash_mail_security" in found.message
    assert found["failures"] == []
    assert found["refusals"] == [found.message]
    assert node.server.auth_attempts == []
    assert not node.plan(probe={"security": "plain"}).failed


def test_a_truststore_of_others_is_not_lost(start: Start) -> None:
    node = start(**ACCOUNT)
    script = node.install / "bin" / "_start-webapp.sh"
    script.write_text('#!/bin/sh\nJVM_SUPPORT_RECOMMENDED_ARGS="-Djavax.net.ssl.trustStore=/etc/theirs"\n')
    found = node.plan()
    assert "/etc/theirs" in found.message
    assert "stash_mail_truststore_base" in found.message
    assert len(found["refusals"]) == 1
    node.write_truststore(CA)
    assert not node.plan(truststore={"base": found["product"]["java"]["cacerts"]}).failed


def test_no_way_to_restart(start: Start) -> None:
    node = start(**ACCOUNT)
    assert node.plan(restart="auto")["restart"] == "scripts"
    found = node.plan(restart="service")
    assert "stash_mail_restart" in found.message
    assert found["refusals"] == [found.message]
    assert not node.plan(restart="service", jvm=None, properties=None).failed


# As Ansible calls it.


def test_no_secret_in_a_playbooks_output(start: Start) -> None:
    node = start(**ACCOUNT)
    logins = [{"name": "old", "username": "bitbucket", "password": OTHER_PASSWORD}]
    tasks = [
        {"stashops.mail.stash_mail_plan": {**node.options, **more}, "ignore_errors": True, "register": "plan"}
        for more in ({}, {"logins": logins}, {"probe": {**node.options["probe"], "port": 1}})
    ]
    said = node.play(*tasks)
    assert re.search(r"ok=3 +changed=0 .*ignored=1", said), said
