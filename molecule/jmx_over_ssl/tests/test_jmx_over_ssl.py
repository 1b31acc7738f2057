# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""JMX over SSL on: our store is in force, its password is none, and real JavaMail sends by it."""

from __future__ import annotations

from testinfra.host import Host

from tests.lab.lab import DROP_IN, INSTALL, MAIL_LOG, SUBJECT, TRUSTSTORE, Lab
from tests.lab.nodes import sha256
from tests.lab.provisioned import fingerprints
from tests.lab.runs import Runs

STORE, PASSWORD = "/etc/jmx/truststore.jks", "of-jmx-clients"
BEFORE = "/root/bin"
PROPERTY = "-Djavax.net.ssl.trustStore"


def given(lab: Lab) -> list[str]:
    return [argument for argument in lab.jvm_arguments() if argument.startswith(PROPERTY)]


def test_the_password_of_others_does_not_meet_our_store(lab: Lab) -> None:
    """Of each property the last one counts."""
    theirs = [f"{PROPERTY}={STORE}", f"{PROPERTY}Password={PASSWORD}"]
    assert given(lab) == [*theirs, f"{PROPERTY}={TRUSTSTORE}", f"{PROPERTY}Password="]


def test_what_others_trusted_is_trusted(lab: Lab, bitbucket: Host) -> None:
    assert fingerprints(bitbucket, TRUSTSTORE) == sha256(lab, "ca", "mail/self_signed")


def test_messages(lab: Lab, bitbucket: Host) -> None:
    """The role's own, and one of the product: its JVM has read the store."""
    assert len(lab.find("SUBJECT", SUBJECT)) == 1
    lab.create_user("colleague-jmx")
    messages = lab.find("BODY", "An account named colleague-jmx was created")
    lab.delete_user("colleague-jmx")
    assert len(messages) == 1, bitbucket.file(MAIL_LOG).content_string


def test_again(runs: Runs) -> None:
    run = runs(secrets=(PASSWORD,))
    assert (run.code, run.changed) == (0, 0), run.evidence


def test_way_back(lab: Lab, bitbucket: Host, runs: Runs) -> None:
    run = runs("--diff", state="absent", secrets=(PASSWORD,))
    assert run.code == 0, run.evidence
    assert given(lab) == [f"{PROPERTY}={STORE}", f"{PROPERTY}Password={PASSWORD}"]
    assert not bitbucket.file(DROP_IN).exists
    assert bitbucket.run(f"diff -r {INSTALL}/bin {BEFORE}").rc == 0
    assert lab.mail_server() is None
