# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan loads what answers the questions that are asked, and nothing of the others: each call compiles it anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
PREFIX = "ansible_collections.stashops.mail.plugins.module_utils."
SCRIPT = """
import atexit, sys
from ansible_collections.stashops.mail.plugins.modules import stash_mail_plan
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
stash_mail_plan.main()
"""
# Nothing answers there.
NOWHERE = {"host": "127.0.0.1", "port": 1, "security": "plain"}
URL = "http://127.0.0.1:1"
SENDER = "bitbucket@example.com"


def loaded(**questions: Any) -> tuple[set[str], dict[str, Any]]:
    """The collection's shared code that such a call has loaded at its end, without what only says options; its result.

    Whether a question could be answered does not matter here.
    """
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {**questions, "_ansible_check_mode": True}}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
    )
    names = [name[len(PREFIX) :] for name in done.stderr.split() if name.startswith(PREFIX)]
    return {name for name in names if "." in name and ".argument_specs" not in name}, json.loads(done.stdout)


@pytest.fixture
def jvm(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "env").write_text("A=1\n", "utf-8")
    return {"truststore": str(tmp_path / "cacerts"), "environment_file": str(tmp_path / "env")}


def test_the_wait_for_a_restart_loads_nothing_of_mail(jvm: dict[str, Any]) -> None:
    found, result = loaded(status={"url": URL, "wait": False}, jvm=jvm)
    assert {"product", "status", "jvm"} <= set(result)
    assert {"_bitbucket.status", "_product.arguments"} <= found
    rooms = {name.partition(".")[0] for name in found - {"_verdict.jvm"}}
    assert rooms == {"_plan", "_bitbucket", "_product", "_java", "_net"}
    assert {name for name in found if name.startswith("_bitbucket.")} == {"_bitbucket.status", "_bitbucket.rest"}
    assert not found & {"_plan.mail", "_plan.mailbox", "_plan.belonging", "_product.kubernetes", "_product.compose"}


def test_a_plan_loads_nothing_for_what_is_not_asked(jvm: dict[str, Any], tmp_path: Path) -> None:
    found, result = loaded(
        server={**NOWHERE, "url": URL, "url_username": "admin", "url_password": "x", "sender": SENDER},
        jvm=jvm,
        truststore={"path": str(tmp_path / "cacerts"), "base": "none"},
        probe={**NOWHERE, "sender": SENDER},
    )
    assert {"server", "jvm", "truststore", "probe"} <= set(result)
    assert {"_bitbucket.mail_server", "_truststore.build", "_smtp.probe"} <= found
    assert not found & {"_bitbucket.status", "_bitbucket.notify", "_bitbucket.mail_log"}
    assert not found & {"_product.kubernetes", "_product.chart", "_product.properties_file", "_product.behind"}
    assert not found & {"_smtp.delivery", "_smtp.send", "_mailbox.options", "_plan.mailbox"}
    # No JVM was started.
    assert not found & {"_verdict.program"}
