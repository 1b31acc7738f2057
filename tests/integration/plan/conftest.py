# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of one node: the module as a process of its own, with the stand-in, a mail server and the machine's JVM."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._smtp.argument_specs import PROBE
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store

from tests.ansible_module import ROOT, Outcome, run_process
from tests.lab import leaks
from tests.mail_server import Certificate, MailServer, authority, leaf
from tests.standin import Settings, Standin

MAIL = "/rest/api/latest/admin/mail-server"
PASSWORD = "Mail-Geheim-2b7e"
OTHER_PASSWORD = "Noch-Geheimer-91c4"
PROPERTY_SECRET = "Eigenschaft-Geheim-77d0"
CA = authority()
SERVER = leaf(CA, "127.0.0.1", sans=["127.0.0.1"])
OTHER_CA = authority("Another Root CA")


@dataclass
class Node:
    """A node with nothing done to it yet; ``options`` are those of a plan for it, to be changed by a test."""

    standin: Standin
    server: MailServer
    folder: Path
    options: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def truststore(self) -> Path:
        return self.folder / "stash_mail" / "cacerts"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def install(self) -> Path:
        return self.folder / "9.4.2"

    def plan(self, check: bool = False, **options: Any) -> Outcome:
        """Ask. None leaves a question out, a dict changes some of its options."""
        asked = {name: dict(value) for name, value in self.options.items()}
        for name, value in options.items():
            asked[name] = {**asked.get(name, {}), **value} if isinstance(value, dict) else value
        return self.run("stash_mail_plan", {name: value for name, value in asked.items() if value is not None}, check)

    def run(self, module: str, options: dict[str, Any], check: bool) -> Outcome:
        secrets = (PASSWORD, OTHER_PASSWORD, PROPERTY_SECRET, self.standin.sysadmin.password)
        return run_process(module, options, check=check, secrets=secrets, environment=self.environment)

    def play(self, *tasks: dict[str, Any]) -> str:
        """Run the tasks as a playbook at -vvvv and --diff, and return what it said, with no secret in it."""
        playbook = self.folder / "play.json"
        playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["ansible-playbook", "-vvvv", "--diff", "--connection", "local", str(playbook)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=ROOT,
            env={**os.environ, "PATH": path, "ANSIBLE_INJECT_INVOCATION": "1"},
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert "module_args" in said
        assert not leaks.in_text(said, [PASSWORD, OTHER_PASSWORD, PROPERTY_SECRET, self.standin.sysadmin.password])
        return said

    def write_truststore(self, *anchors: Certificate) -> None:
        self.truststore.parent.mkdir(exist_ok=True)
        self.truststore.write_bytes(write_store([Entry(f"a{n}", item.der) for n, item in enumerate(anchors)], "jks"))

    def contents(self) -> dict[str, bytes]:
        """All files of the node, to see that none changes."""
        return {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    with Standin(tmp_path_factory.mktemp("standin"), Settings(), java=False) as running:
        yield running


@pytest.fixture
def start(standin: Standin, tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Start a node's mail server, and make the folders of a product that nothing was done to yet."""
    servers: list[MailServer] = []
    for path in (MAIL, f"{MAIL}/sender-address"):
        assert standin.call("DELETE", path, standin.sysadmin).status == 204

    def get(security: str = "starttls_required", certificate: Certificate = SERVER, **options: Any) -> Node:
        server = MailServer(security, certificate=certificate, **options).start()
        servers.append(server)
        node = Node(standin, server, tmp_path)
        (node.install / "bin").mkdir(parents=True)
        for name in ("start-bitbucket.sh", "stop-bitbucket.sh", "_start-webapp.sh"):
            (node.install / "bin" / name).write_text("#!/bin/sh\n#JVM_SUPPORT_RECOMMENDED_ARGS=\n")
        (node.home / "shared").mkdir(parents=True)
        node.options = _options(node, security)
        return node

    yield get
    for server in servers:
        server.stop()


def _options(node: Node, security: str) -> dict[str, Any]:
    where = {"install_dir": str(node.install), "service": "nobody-runs-this"}
    mail = {"host": "127.0.0.1", "port": node.server.port, "security": security, "sender": "bitbucket@example.com"}
    # Whoever answers without a JVM, for time's sake.
    method = PROBE["method"]["choices"][-1]
    account = {"username": "bitbucket", "password": PASSWORD} if node.server.username else {}
    return {
        "product": {**where, "home": str(node.home)},
        "server": {
            "url": node.standin.url,
            "url_username": node.standin.sysadmin.name,
            "url_password": node.standin.sysadmin.password,
            "password_state_path": str(node.folder / "passwords.json"),
            **mail,
            **account,
        },
        "status": {"url": node.standin.url, "wait": False},
        "jvm": {**where, "truststore": str(node.truststore)},
        "properties": {**where, "properties": {"mail.timeout.connect": 30, "plugin.password": PROPERTY_SECRET}},
        "truststore": {**where, "path": str(node.truststore), "base": "auto", "certificates": [{"pem": CA.pem}]},
        "probe": {**mail, **account, "recipient": "ops@example.com", "deadline": 60, "method": method},
    }
