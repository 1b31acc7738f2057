# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two nodes: provisioned, restarted one after the other while they send, and stopped where one does not come back.

The tests build on one another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.lab import HOME, INSTALL, MAIL_SERVER, SERVICE, SUBJECT, TRUSTSTORE, Lab
from tests.lab.nodes import anchors, sha256, starts
from tests.lab.notifications import NODES, Notifications
from tests.lab.provisioned import ARGUMENT
from tests.lab.runs import Runs

# So that it never says RUNNING.
SLOW, QUICK = '"start_delay": 1000.0', '"start_delay": 0.0'

# Its runs are long where other things run too.
pytestmark = pytest.mark.timeout(1000)


def certificates(lab: Lab, *names: str) -> list[dict[str, Any]]:
    return [{"pem": lab.certificate(name)} for name in names]


@pytest.mark.parametrize("node", NODES)
def test_node(lab: Lab, node: str) -> None:
    """Each has its own truststore and arguments, and was restarted once."""
    assert anchors(lab.host(node)) == sha256(lab, "ca")
    assert [argument for argument in lab.jvm_arguments(node) if "trustStore" in argument] == [ARGUMENT]
    assert starts(lab.host(node)) == 2
    assert not lab.host("mail").file(f"/run/drained-{node}").exists


def test_settings_once(lab: Lab) -> None:
    """All nodes have them, and one was asked to write them."""
    found = [lab.rest("GET", MAIL_SERVER, container=node) for node in NODES]
    assert found[0] == found[1]
    assert found[0][0] == 200
    assert found[0][1]["hostname"] == lab.mail_host
    logs = {node: lab.host(node).file(f"{HOME}/log/atlassian-bitbucket.log").content_string for node in NODES}
    assert {node: f"PUT /rest/api/latest/{MAIL_SERVER}" in log for node, log in logs.items()} == {
        "bitbucket": True,
        "bitbucket2": False,
    }


def test_each_node_has_sent(lab: Lab) -> None:
    # When they were provisioned, and in the second run.
    messages = lab.find("SUBJECT", SUBJECT, wanted=4)
    assert len(messages) == 4
    assert {node for node in NODES for message in messages if f"{node}.stashops.test" in message} == set(NODES)


def test_rolling_restart(lab: Lab, runs: Runs, figures: Callable[[str], None]) -> None:
    """Not one message is lost, and no time is without a healthy node: the load balancer is told of each restart."""
    before = {node: starts(lab.host(node)) for node in NODES}
    with Notifications(lab, "rolling") as stream:
        run = runs("--diff", certificates=certificates(lab, "ca", "mail/self_signed"))
    figures(f"cluster, rolling restart: {stream.counts}")
    assert run.code == 0, run.evidence
    for node in NODES:
        assert starts(lab.host(node)) == before[node] + 1
        assert anchors(lab.host(node)) == sha256(lab, "ca", "mail/self_signed")
        assert stream.counts.by_node[node] > 0
        assert stream.counts.down[node] > 0, "it was restarted while it was watched"
    assert stream.counts.sent > 20
    assert (stream.counts.lost, stream.counts.failed, stream.counts.twice) == ([], 0, 0)
    assert stream.counts.none == 0
    assert stream.counts.unavailable == 0


def test_node_that_does_not_come_back(lab: Lab, runs: Runs, figures: Callable[[str], None]) -> None:
    """It is the last that is touched, and the other one goes on serving with what it had."""
    first, second = (lab.host(node) for node in NODES)
    before = starts(second), second.file(TRUSTSTORE).sha256sum
    first.check_output(f"sed -i 's/{QUICK}/{SLOW}/' {INSTALL}/standin.json")
    with Notifications(lab, "stuck") as stream:
        run = runs("--diff", certificates=certificates(lab, "ca"), restart_timeout=4)
    figures(f"cluster, a node that does not come back: {stream.counts}")
    assert run.code == 2, run.evidence
    assert "/status has not said RUNNING within" in run.shown, run.evidence
    assert "so that the other nodes of lab go on serving" in run.shown, run.evidence
    assert run.changes["node2"] == 0
    assert (starts(second), second.file(TRUSTSTORE).sha256sum) == before
    assert lab.host("mail").file("/run/drained-bitbucket").exists, "it was not put back into the load balancer"
    assert (stream.counts.lost, stream.counts.failed, stream.counts.twice) == ([], 0, 0)
    assert stream.counts.none == 0
    assert stream.counts.unavailable == 0


def test_dead_node(lab: Lab, runs: Runs) -> None:
    """While it is down no other one is restarted."""
    second = lab.host("bitbucket2")
    before = starts(second), second.file(TRUSTSTORE).sha256sum
    run = runs("--diff", certificates=certificates(lab, "ca"))
    assert run.code == 2, run.evidence
    assert "run again once /status says RUNNING" in run.shown, run.evidence
    assert run.in_preflight
    assert (starts(second), second.file(TRUSTSTORE).sha256sum) == before
    assert run.changed == 0


def test_next_run_goes_on(lab: Lab, runs: Runs) -> None:
    """Once the node is up again, the next run does what is left to do: the other node."""
    first, second = (lab.host(node) for node in NODES)
    first.check_output(f"sed -i 's/{SLOW}/{QUICK}/' {INSTALL}/standin.json && systemctl restart {SERVICE}")
    before = starts(first), starts(second)
    run = runs("--diff", certificates=certificates(lab, "ca"))
    assert run.code == 0, run.evidence
    assert (starts(first), starts(second)) == (before[0], before[1] + 1)
    for node in NODES:
        assert anchors(lab.host(node)) == sha256(lab, "ca")
