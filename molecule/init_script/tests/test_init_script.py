# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""An init script with su -: the arguments are in the start script, the JVM has them, and the way back."""

from __future__ import annotations

from testinfra.host import Host

from tests.lab.lab import DROP_IN, HOME, INSTALL, MAIL_LOG, SUBJECT, Lab
from tests.lab.provisioned import ARGUMENT
from tests.lab.runs import Runs


def given(bitbucket: Host) -> list[str]:
    pid = bitbucket.check_output(f"cat {HOME}/log/bitbucket.pid")
    found = bitbucket.file(f"/proc/{pid}/cmdline").content_string.split("\0")
    return [argument for argument in found if argument.startswith("-Djavax.net.ssl.")]


def test_the_jvm_has_it(lab: Lab, bitbucket: Host) -> None:
    assert given(bitbucket) == [ARGUMENT]
    assert not bitbucket.file(DROP_IN).exists
    changed = bitbucket.run(f"diff -rq {INSTALL}/bin /root/bin").stdout.splitlines()
    assert [line.split()[1] for line in changed] == [f"{INSTALL}/bin/_start-webapp.sh"]


def test_messages(lab: Lab, bitbucket: Host) -> None:
    assert len(lab.find("SUBJECT", SUBJECT)) == 1
    lab.create_user("colleague-init")
    messages = lab.find("BODY", "An account named colleague-init was created")
    lab.delete_user("colleague-init")
    assert len(messages) == 1, bitbucket.file(MAIL_LOG).content_string


def test_again(runs: Runs) -> None:
    run = runs()
    assert (run.code, run.changed) == (0, 0), run.evidence


def test_way_back(lab: Lab, bitbucket: Host, runs: Runs) -> None:
    run = runs("--diff", state="absent")
    assert run.code == 0, run.evidence
    assert given(bitbucket) == []
    assert bitbucket.run(f"diff -r {INSTALL}/bin /root/bin").rc == 0
    assert lab.mail_server() is None
