# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before anything is changed: a check is clean, and what would undo the truststore in silence is refused."""

from __future__ import annotations

from testinfra.host import Host

from tests.lab.contained import FOLDER, asked_inside
from tests.lab.lab import Lab
from tests.lab.runs import Runs


def test_first_check(lab: Lab, bitbucket: Host, runs: Runs) -> None:
    run = runs("--check", "--diff")
    assert run.code == 0, run.evidence
    assert run.changed > 0
    assert asked_inside(run, "bitbucket-bitbucket")
    assert lab.mail_server() is None
    assert not bitbucket.file(f"{FOLDER}/mail").exists


def test_additional_certificates_of_the_chart(lab: Lab, bitbucket: Host, runs: Runs) -> None:
    run = runs(kubernetes_values_files=[f"{FOLDER}/own_ca.yaml"])
    assert run.code == 2, run.evidence
    assert run.in_preflight, run.evidence
    assert "the last one wins: the managed truststore would have no effect" in run.shown
    assert "leave stash_mail_certificates empty" in run.shown
    assert lab.mail_server() is None
    assert not bitbucket.file(f"{FOLDER}/mail").exists
