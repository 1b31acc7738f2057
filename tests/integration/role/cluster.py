# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two nodes of one cluster on this machine: a database and a mail server in common, all else of their own."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.integration.role.conftest import Site, make_site, run_playbook
from tests.standin import Standin

NODES = ("node1", "node2")


class Cluster:
    """``site`` is the first node with the mail server; ``second`` the other node."""

    def __init__(self, site: Site, second: Standin) -> None:
        self.site = site
        self.nodes = (site.bitbucket, second)
        self.hosts: dict[str, dict[str, Any]] = {
            name: {
                **site.settings,
                "stash_mail_cluster": "main",
                # As a load balancer that prefers the first node.
                "stash_mail_bitbucket_url": site.bitbucket.url,
                "stash_mail_bitbucket_node_url": node.url,
                "stash_mail_bitbucket_install_dir": str(node.install_dir),
                "stash_mail_truststore_path": str(self.truststore(name)),
                "stash_mail_password_state_path": str(site.folder / name / "passwords.json"),
            }
            for name, node in zip(NODES, self.nodes, strict=True)
        }

    def truststore(self, name: str) -> Path:
        return self.site.folder / name / "trust" / "cacerts"

    def run(self, *options: str, playbook: str = "provision", **changes: Any) -> Run:
        """Run a playbook on both nodes. ``changes`` are for both, or with ``node1__`` before the name for one."""
        hosts = {name: dict(settings) for name, settings in self.hosts.items()}
        for key, value in changes.items():
            node, separator, name = key.rpartition("__")
            for host in [node] if separator else NODES:
                hosts[host][name if name.startswith("ansible_") else f"stash_mail_{name}"] = value
        code, output = run_playbook(self.site.folder, {"bitbucket": {"hosts": hosts}}, *options, playbook=playbook)
        self.site.output += output
        return Run(code, output)

    def state(self) -> tuple[Any, ...]:
        """All that a run may change on both nodes."""
        files = [
            path
            for name, node in zip(NODES, self.nodes, strict=True)
            for path in (node.jvm_args_file, self.truststore(name), properties(node))
        ]
        pids = [node.pid for node in self.nodes]
        return (*pids, self.site.mail_settings(), *(path.read_bytes() if path.exists() else None for path in files))


class Run:
    """What a run left: ``shown`` is its output with the callback's folded lines joined."""

    def __init__(self, code: int, output: str) -> None:
        self.code, self.output = code, output
        self.shown = re.sub(r"\s+", " ", output)
        self.changed = {
            name: int(count) for name, count in re.findall(r"^(node\d) +: .*?changed=(\d+)", output, re.MULTILINE)
        }

    @property
    def ok(self) -> bool:
        return self.code == 0


def properties(node: Standin) -> Path:
    return node.home / node.settings.product.properties_file


@contextlib.contextmanager
def make_cluster(folder: Path) -> Iterator[Cluster]:
    """Both nodes run, neither has mail."""
    with make_site(folder) as site, Standin(folder / "second", cluster=site.bitbucket) as second:
        yield Cluster(site, second)
