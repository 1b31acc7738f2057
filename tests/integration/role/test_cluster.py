# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of two nodes: rolling, settings once, and nothing done at all where one node objects."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.role.cluster import NODES, Cluster, make_cluster, properties
from tests.integration.role.conftest import RECIPIENT
from tests.standin import Standin

# Several runs on two nodes, on a machine that other tests keep busy.
pytestmark = pytest.mark.timeout(900)

HOOK = """---
- name: Note when
  ansible.builtin.lineinfile:
    path: {log}
    line: "{when} {{{{ inventory_hostname }}}}"
    create: true
    mode: "0600"
  changed_when: false
"""


class Watch:
    """Asks all nodes again and again: the most that were down at the same time."""

    def __init__(self, nodes: tuple[Standin, ...]) -> None:
        self._nodes = nodes
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.most_down = 0
        self.rounds = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(timeout=20)

    def _watch(self) -> None:
        while not self._ends.wait(0.05):
            down = sum(node.state() != "RUNNING" for node in self._nodes)
            self.most_down = max(self.most_down, down)
            self.rounds += 1


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with make_cluster(tmp_path) as made:
        yield made


def write_hooks(folder: Path) -> tuple[dict[str, str], Path]:
    log = folder / "hooks.log"
    paths = {}
    for when in ("pre", "post"):
        path = folder / f"{when}.yml"
        path.write_text(HOOK.format(log=log, when=when))
        paths[f"{when}_restart_tasks"] = str(path)
    return paths, log


def test_from_nothing_to_mail_from_both_nodes(cluster: Cluster, tmp_path: Path) -> None:
    hooks, log = write_hooks(tmp_path)
    wanted: dict[str, Any] = {
        **hooks,
        "properties": {"mail.timeout.connect": 21, "plugin.password": cluster.site.password},
    }
    before = cluster.state()
    checked = cluster.run("--check", "--diff", **wanted)
    assert checked.ok, checked.output
    assert cluster.state() == before, "check mode has changed something"

    with Watch(cluster.nodes) as watch:
        first = cluster.run("--diff", **wanted)
    assert first.ok, first.output
    assert first.changed == checked.changed, "check mode has promised something else"
    assert first.changed["node1"] == first.changed["node2"] + 1, "the settings, once"
    assert log.read_text().split("\n") == ["pre node1", "post node1", "pre node2", "post node2", ""]
    assert watch.rounds > 20
    assert watch.most_down == 1, "one node at a time, the other serves"
    state = cluster.state()
    assert not set(state[:2]) & set(before[:2]), "both were restarted"
    for name, node in zip(NODES, cluster.nodes, strict=True):
        assert cluster.truststore(name).exists()
        assert "mail.timeout.connect=21\n" in properties(node).read_text()
        assert node.call("GET", "/rest/api/latest/admin/mail-server", node.sysadmin).body["hostname"] == "localhost"
    assert len(cluster.site.smtp.messages) == 2, "a test message from each node"
    for number, node in enumerate(cluster.nodes, start=3):
        node.create_user(f"colleague{number}", RECIPIENT)
        assert cluster.site.arrived(number), node.mail_log

    again = cluster.run(**wanted)
    assert (again.ok, again.changed) == (True, {"node1": 0, "node2": 0}), again.output
    assert cluster.state() == state


def test_single_nodes(cluster: Cluster) -> None:
    wanted: dict[str, Any] = {"properties": {"mail.threads": 2}}
    pids = [node.pid for node in cluster.nodes]
    both = cluster.run("--tags", "stash_mail_properties", **wanted)
    assert both.changed == {"node1": 2, "node2": 2}, "the file and the restart" + both.output
    assert cluster.site.mail_settings() is None
    properties(cluster.nodes[1]).touch()
    one = cluster.run("--tags", "stash_mail_properties", **wanted)
    assert one.changed == {"node1": 0, "node2": 1}, one.output
    assert [node.pid for node in cluster.nodes] != pids

    partial = cluster.run("--limit", "node2", "--tags", "stash_mail_server", cluster_partial=True)
    assert partial.changed == {"node2": 1}, partial.output
    assert cluster.site.mail_settings() is not None


def test_it_ends_at_the_first_node_that_does_not_come_back(cluster: Cluster) -> None:
    node1, node2 = cluster.nodes
    before = cluster.state()
    replace(node1.settings, start_delay=600.0).save(node1.install_dir)
    ended = cluster.run(restart_timeout=6)
    assert ended.code == 2
    assert "has not said RUNNING within about 6 seconds. Its last answer was 503 STARTING" in ended.shown, ended.output
    assert "The run ends here, so that the other nodes of main go on serving" in ended.shown
    assert node2.state() == "RUNNING"
    assert node2.pid == before[1]
    assert not cluster.truststore("node2").exists()
    assert cluster.site.mail_settings() is None

    # Again, while it is down and the load balancer goes to the other one: nothing is touched.
    refused = cluster.run(bitbucket_url=node2.url)
    assert "The node does not serve" in refused.shown, refused.output
    assert "While one node of main is down, no other one is restarted" in refused.shown
    assert refused.changed == {"node1": 0, "node2": 0}

    replace(node1.settings, start_delay=0.0).save(node1.install_dir)
    node1.restart()
    assert cluster.run().ok
    assert cluster.site.mail_settings() is not None


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for all, since nothing may change."""
    with make_cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


CASES: list[tuple[str, list[str], dict[str, Any], str]] = [
    ("wrong password on the second node", [], {"node2__password": "an0ther-password"}, "password"),
    ("wrong administrator on the second node", [], {"node2__bitbucket_admin_password": "wr0ng"}, "password is wrong"),
    (
        "the second node cannot be reached",
        [],
        {"node2__ansible_connection": "ssh", "node2__ansible_host": "127.0.0.1", "node2__ansible_port": closed_port()},
        "node2 cannot be reached",
    ),
    (
        "the second node does not serve",
        [],
        {"node2__bitbucket_node_url": f"http://127.0.0.1:{closed_port()}"},
        "or leave it out by --limit 'all:!node2'",
    ),
    ("other settings on the second node", [], {"node2__sender": "other@example.com"}, "which has one mail server"),
    ("one node left out", ["--limit", "node1"], {}, "leaves out"),
    ("no such task file", [], {"pre_restart_tasks": "drain.yml"}, "is no file on the controller"),
]


@pytest.mark.parametrize(
    ("options", "changes", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_where_one_node_objects_none_is_changed(
    shared: Cluster, options: list[str], changes: dict[str, Any], message: str
) -> None:
    before = shared.state()
    refused = shared.run(*options, **changes)
    assert refused.code in (2, 4), refused.output
    assert message in refused.shown, refused.output
    assert set(refused.changed.values()) == {0}
    assert shared.state() == before
    assert list((shared.site.folder / "tmp").glob("*.stash_mail")) == [], "the folder of the trial"


def test_nodes_that_are_not_told_apart(shared: Cluster) -> None:
    # By an address that does not look like each node's own.
    url = f"http://127.1:{shared.nodes[0].settings.port}"
    refused = shared.run("--tags", "stash_mail_server", bitbucket_node_url=url)
    assert refused.code == 2
    assert "so that after a restart another node would answer for this one" in refused.shown


def test_the_role_itself_is_for_one_node(shared: Cluster, tmp_path: Path) -> None:
    playbook = tmp_path / "role"
    playbook.with_suffix(".yml").write_text(
        "- hosts: bitbucket\n  gather_facts: false\n  roles:\n    - role: stashops.mail.stash_mail\n"
    )
    before = shared.state()
    refused = shared.run(playbook=str(playbook))
    assert "node1, node2 are nodes of the cluster main" in refused.shown
    assert "playbook stashops.mail.provision" in refused.shown
    assert shared.state() == before
