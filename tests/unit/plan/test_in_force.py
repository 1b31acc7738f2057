# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which truststore the JVM goes: the probe, the mailbox and the message in the end ask the same function."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._plan.in_force import in_force, managed

OURS, THERE, FOREIGN = "/etc/stash_mail/cacerts", "/var/stash_mail/cacerts", "/etc/theirs"
JVM = {"jvm": {"state": "present", "truststore": OURS}}
JVM_LEAVES = {"jvm": {"state": "absent", "truststore": OURS}}
POD = {"state": "present", "truststore": OURS, "mount_path": "/var/stash_mail", "behind": []}
MANAGED = {"managed": {"path": THERE, "state": "present"}}
MANAGED_LEAVES = {"managed": {"path": THERE, "state": "absent"}}
HELM = {"kubernetes": POD}
HELM_LEAVES = {"kubernetes": {**POD, "state": "absent"}}
KUBECTL = {"kubernetes": {**POD, "behind": ["kubectl", "exec"]}}
KUBECTL_LEAVES = {"kubernetes": {**POD, "state": "absent", "behind": ["kubectl", "exec"]}}


def params(asked: dict[str, Any]) -> dict[str, Any]:
    return {"managed": None, "jvm": None, "kubernetes": None, "truststore": {"path": OURS}, **asked}


@pytest.mark.parametrize(
    ("asked", "process", "now", "afterwards"),
    [
        ({}, None, None, None),
        ({}, FOREIGN, FOREIGN, FOREIGN),
        (JVM, None, OURS, OURS),
        (JVM, FOREIGN, FOREIGN, OURS),
        # Where nothing else is asked that says so.
        (MANAGED, FOREIGN, FOREIGN, THERE),
        (MANAGED_LEAVES, THERE, THERE, None),
        (MANAGED_LEAVES, None, None, None),
        (JVM_LEAVES, None, None, None),
        (JVM_LEAVES, OURS, OURS, None),
        (JVM_LEAVES, FOREIGN, FOREIGN, FOREIGN),
        # Nothing leads into the pod: what runs on this host is not the product.
        (HELM, None, OURS, OURS),
        (HELM, FOREIGN, OURS, OURS),
        (HELM_LEAVES, FOREIGN, None, None),
        (KUBECTL, None, THERE, THERE),
        (KUBECTL, FOREIGN, FOREIGN, THERE),
        (KUBECTL_LEAVES, THERE, THERE, None),
        (KUBECTL_LEAVES, OURS, OURS, OURS),
    ],
)
def test_what_a_process_was_told_or_else_would_be(
    asked: dict[str, Any], process: str | None, now: str | None, afterwards: str | None
) -> None:
    product = {"process": {"truststore": process} if process else None}
    assert in_force(params(asked), product, afterwards=False) == now
    assert in_force(params(asked), product, afterwards=True) == afterwards


def test_a_process_without_a_truststore_of_its_own() -> None:
    assert in_force(params(JVM), {"process": {"truststore": None}}, afterwards=False) is None


@pytest.mark.parametrize(("asked", "path"), [({}, OURS), (JVM, OURS), (HELM, OURS), (KUBECTL, THERE), (MANAGED, THERE)])
def test_ours(asked: dict[str, Any], path: str) -> None:
    assert managed(params(asked)) == path
    assert managed({"managed": None, "jvm": None, "kubernetes": None, "truststore": None}) is None
