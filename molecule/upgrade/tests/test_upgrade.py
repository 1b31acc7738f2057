# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an update of the JDK does to its bundle reaches the product with the next run, and ours stays in it.

The system's own tool does it, as with every update of its CA certificates. The CA that it adds is the mail server's
certificate on port 465, so that the product itself shows whether its JVM has come to trust it.
"""

from __future__ import annotations

from testinfra.host import Host

from tests.lab.lab import MAIL_LOG, TRUSTSTORE, Lab
from tests.lab.nodes import bundle, sha256, starts
from tests.lab.provisioned import fingerprints
from tests.lab.runs import Runs

ADDED = "/usr/share/ca-certificates/lab/added.crt"
CONF = "/etc/ca-certificates.conf"


def delivered_by_465(lab: Lab, name: str) -> bool:
    """Whether Bitbucket's own message gets through to where only the added CA vouches; the settings are left so."""
    lab.write_mail_server(account=True, port=465, protocol="SMTPS", useStartTls=False, requireStartTls=False)
    lab.create_user(name)
    try:
        return len(lab.find("BODY", f"An account named {name} was created", seconds=3)) == 1
    finally:
        lab.delete_user(name)


def test_ca_added_and_ca_withdrawn(lab: Lab, bitbucket: Host, runs: Runs) -> None:
    before = bundle(bitbucket)
    ours, added = sha256(lab, "ca"), sha256(lab, "mail/self_signed")
    assert fingerprints(bitbucket, TRUSTSTORE) == before + ours
    certificate = lab.certificate("mail/self_signed").rstrip()
    bitbucket.check_output(f"mkdir /usr/share/ca-certificates/lab && echo '{certificate}' >{ADDED}")
    bitbucket.check_output(f"sed -i '0,/^mozilla/s//!mozilla/' {CONF} && echo lab/added.crt >>{CONF}")
    bitbucket.check_output("update-ca-certificates")
    updated = bundle(bitbucket)
    withdrawn = before - updated
    assert (updated - before, withdrawn.total()) == (added, 1)
    # The product has a file of its own: nothing reaches it by itself.
    assert fingerprints(bitbucket, TRUSTSTORE) == before + ours

    started = starts(bitbucket)
    run = runs("--diff")
    assert run.code == 0, run.evidence
    assert fingerprints(bitbucket, TRUSTSTORE) == updated + ours
    assert starts(bitbucket) == started + 1
    assert delivered_by_465(lab, "trusting")
    assert bitbucket.file(MAIL_LOG).content_string == ""


def test_what_was_added_is_withdrawn(lab: Lab, bitbucket: Host, runs: Runs) -> None:
    bitbucket.check_output(f"sed -i 's/^lab/!lab/' {CONF} && update-ca-certificates")
    updated = bundle(bitbucket)
    assert not updated & sha256(lab, "mail/self_signed")
    started = starts(bitbucket)
    run = runs("--diff")
    assert run.code == 0, run.evidence
    assert fingerprints(bitbucket, TRUSTSTORE) == updated + sha256(lab, "ca")
    assert starts(bitbucket) == started + 1
    # Through what the role had it use mail is sent still.
    lab.create_user("still")
    assert len(lab.find("BODY", "An account named still was created")) == 1
    lab.delete_user("still")
    assert bitbucket.file(MAIL_LOG).content_string == ""
    assert not delivered_by_465(lab, "no-more")
    assert "PKIX path building failed" in bitbucket.file(MAIL_LOG).content_string
