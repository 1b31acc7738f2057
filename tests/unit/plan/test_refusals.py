# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a run from going on, though all questions were answered."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._plan import refusals

PRODUCT: dict[str, Any] = {
    "install_dir": "/opt/b",
    "service": {"name": "b", "exists": True, "manager": "systemd"},
    "scripts": {"start": "/opt/b/start.sh", "stop": "/opt/b/stop.sh", "refused": ""},
    "java": {"cacerts": "/java/cacerts"},
}
JVM = {
    "state": "present",
    "method": "auto",
    "environment_file": None,
    "compose_override": None,
    "truststore": "/etc/stash_mail/cacerts",
}
PROBE = {"host": "mail.example.com", "port": 25, "security": "starttls_optional", "username": "u"}


def params(**changed: Any) -> dict[str, Any]:
    asked = {"jvm": JVM, "properties": None, "truststore": {"base": "auto"}, "probe": None, "restart": "auto"}
    return {**asked, **changed}


def find(product: dict[str, Any] | None = None, *, answers: dict[str, Any] | None = None, **changed: Any) -> list[str]:
    found, asked = {**PRODUCT, **(product or {})}, params(**changed)
    answered = {"product": found, "jvm": {"foreign_truststore": None}, **(answers or {})}
    return refusals.find(answered, asked, refusals.is_found(found, asked["jvm"]))


def test_nothing_against_it() -> None:
    assert find() == []


MISSING: dict[str, Any] = {"install_dir": None, "service": {"name": "b", "exists": False, "manager": "none"}}


def test_no_product() -> None:
    (text,) = find(MISSING)
    assert "stash_mail_bitbucket_install_dir" in text
    assert "stash_mail_bitbucket_service" in text


@pytest.mark.parametrize(
    "jvm",
    [
        None,
        {**JVM, "state": "absent"},
        {**JVM, "method": "environment"},
        {**JVM, "environment_file": "/srv/bitbucket.env"},
    ],
)
def test_a_product_that_need_not_be_found(jvm: dict[str, Any] | None) -> None:
    assert find(MISSING, jvm=jvm, restart="none") == []


def test_a_product_that_could_not_be_looked_for_is_not_missing() -> None:
    failed = {"failed": True, "msg": "java_home is wrong"}
    assert refusals.is_found(failed, JVM)
    assert refusals.find({"product": failed, "jvm": {}}, params(), True) == []
    assert refusals.restart_method(failed, "auto") == "scripts"


@pytest.mark.parametrize(
    ("wanted", "manager", "method"),
    [
        ("auto", "systemd", "service"),
        ("auto", "sysv", "service"),
        ("auto", "supervisord", "service"),
        ("auto", "none", "scripts"),
        ("scripts", "systemd", "scripts"),
        ("none", "systemd", "none"),
    ],
)
def test_how_to_restart(wanted: str, manager: str, method: str) -> None:
    product = {**PRODUCT, "service": {**PRODUCT["service"], "manager": manager}}
    assert refusals.restart_method(product, wanted) == method


NO_SERVICE = {"service": {"name": "b", "exists": True, "manager": "none"}}


def test_no_way_to_restart() -> None:
    (by_service,) = find(NO_SERVICE, restart="service")
    assert "no service b" in by_service
    assert "(stash_mail_restart) to scripts" in by_service
    (by_scripts,) = find({**NO_SERVICE, "scripts": None}, restart="auto")
    assert "no start and stop scripts" in by_scripts
    assert "(stash_mail_restart) to service" in by_scripts


def test_scripts_that_root_must_not_run() -> None:
    refused = {**PRODUCT["scripts"], "refused": "root would run them, and tom can change them"}
    assert find({**NO_SERVICE, **PRODUCT, "scripts": refused}, restart="service") == []
    (text,) = find({**NO_SERVICE, "scripts": refused}, restart="scripts")
    assert "by scripts: root would run them, and tom can change them." in text
    assert find({**NO_SERVICE, "scripts": {**refused, "refused": ""}}, restart="scripts") == []


def test_a_restart_that_is_not_needed() -> None:
    assert find(NO_SERVICE, restart="service", jvm=None) == []
    assert find(NO_SERVICE, restart="service", jvm={**JVM, "state": "absent"}) == []
    assert find(NO_SERVICE, restart="none") == []
    # Properties want one as well.
    assert len(find(NO_SERVICE, restart="service", jvm=None, properties={"properties": {}})) == 1


def test_a_truststore_of_others() -> None:
    theirs = {"jvm": {"foreign_truststore": "/etc/theirs"}}
    (text,) = find(answers=theirs)
    assert "/etc/theirs" in text
    assert "/java/cacerts" in text
    (unknown,) = find({"java": None}, answers=theirs)
    assert "the cacerts of the Java" in unknown
    for changed in ({"truststore": {"base": "/etc/theirs"}}, {"truststore": None}, {"jvm": {**JVM, "state": "absent"}}):
        assert find(answers=theirs, **changed) == []


def test_a_password_is_not_given_away() -> None:
    plain = {"probe": {"outcome": "deliver_plaintext"}}
    (text,) = find(answers=plain, probe=PROBE)
    assert "mail.example.com:25" in text
    assert find(answers={"probe": {"outcome": "deliver"}}, probe=PROBE) == []
    assert find(answers=plain, probe={**PROBE, "username": None}) == []
    assert find(answers=plain, probe={**PROBE, "security": "plain"}) == []


def test_all_reasons_at_once() -> None:
    theirs = {"jvm": {"foreign_truststore": "/etc/theirs"}, "probe": {"outcome": "deliver_plaintext"}}
    assert len(find(NO_SERVICE, answers=theirs, probe=PROBE, restart="service")) == 3
