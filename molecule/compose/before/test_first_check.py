# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first run may be a check: it says what would change, and changes nothing."""

from __future__ import annotations

from testinfra.host import Host

from tests.lab.contained import FOLDER, asked_inside, jvm_arguments
from tests.lab.lab import Lab
from tests.lab.runs import Runs


def test_first_check(lab: Lab, bitbucket: Host, runs: Runs) -> None:
    files, arguments = bitbucket.check_output("ls -AR %s", FOLDER), jvm_arguments(bitbucket, "bitbucket")
    run = runs("--check", "--diff")
    assert run.code == 0, run.evidence
    assert run.changed > 0
    assert "+-Djavax.net.ssl.trustStore=/srv/bitbucket/stash_mail/cacerts" in run.output
    assert asked_inside(run, "bitbucket")
    assert lab.mail_server() is None
    assert bitbucket.check_output("ls -AR %s", FOLDER) == files
    assert jvm_arguments(bitbucket, "bitbucket") == arguments
