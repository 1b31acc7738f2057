# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of two nodes: both try, one writes, and one that fails takes both back."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.role.cluster import Cluster, make_cluster
from tests.integration.role.conftest import ACCOUNT
from tests.integration.rotate.runs import Account, Watch, held

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with make_cluster(tmp_path_factory.mktemp("cluster")) as made:
        done = made.run()
        assert done.ok, done.output
        yield made


@pytest.fixture
def new(cluster: Cluster) -> Account:
    account = ("bitbucket-2", secrets.token_urlsafe(16))
    cluster.site.secrets.append(account[1])
    return account


def test_one_node_objects(cluster: Cluster, new: Account) -> None:
    site, old = cluster.site, (ACCOUNT, cluster.site.password)
    site.smtp.accounts = {old, new}
    done = cluster.run(
        playbook="rotate_credentials",
        rotate_username=new[0],
        rotate_password=new[1],
        # The JVM's own bundle counts there, which does not know the mail server.
        node2__truststore_path=str(site.folder / "nowhere" / "cacerts"),
    )
    assert done.code == 2
    assert done.changed == {"node1": 0, "node2": 0}
    assert held(site) == old
    assert "has not taken them from every node. node2:" in done.shown


def test_the_node_that_wrote_fails(cluster: Cluster, new: Account, tmp_path: Path) -> None:
    """Nothing can be run there from the write on, so that the other node has to write the old ones back."""
    site, old = cluster.site, (ACCOUNT, cluster.site.password)
    site.smtp.accounts = {old, new}
    broken, python = tmp_path / "broken", tmp_path / "python"
    python.write_text(f'#!/bin/sh\n[ ! -e {broken} ] || exit 3\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    with Watch(site, new, broken.touch) as watch:
        done = cluster.run(
            playbook="rotate_credentials",
            rotate_username=new[0],
            rotate_password=new[1],
            node1__ansible_python_interpreter=str(python),
        )
    assert done.code == 2
    assert watch.seen == [old, new, old], done.output
    assert "node2: the old credentials are written back, and a message was sent with them." in done.shown
    assert "node1: the old credentials are written back, and could not be verified." in done.shown


def test_both_nodes_try_and_one_writes(cluster: Cluster, new: Account) -> None:
    site, old = cluster.site, (ACCOUNT, cluster.site.password)
    site.smtp.accounts = {old, new}
    before = len(site.smtp.messages)
    shared = {"password_state_path": str(site.folder / "shared" / "passwords.json")}
    wanted = {"playbook": "rotate_credentials", "rotate_username": new[0], "rotate_password": new[1], **shared}
    done = cluster.run(**wanted)
    assert done.ok, done.output
    assert sorted(done.changed.values()) == [0, 1]
    assert held(site) == new
    assert len(site.smtp.messages) == before + 4, "from each node one before the write and one after it"
    again = cluster.run(**wanted)
    assert again.ok, again.output
    assert set(again.changed.values()) == {0}
