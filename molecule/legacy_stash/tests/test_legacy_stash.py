# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stash 3 on Java 8: what the role found, what it changed, that mail arrives, and the way back."""

from __future__ import annotations

import re

from testinfra.host import Host

from tests.lab.lab import SUBJECT, TRUSTSTORE, Lab
from tests.lab.nodes import anchors, sha256
from tests.lab.provisioned import ARGUMENT
from tests.lab.runs import Runs

INSTALL = "/opt/atlassian/stash/3.11.6"
HOME = "/var/atlassian/application-data/stash"
SETENV = f"{INSTALL}/bin/setenv.sh"
BEFORE = "/root/setenv.sh"
MAIL_LOG = f"{HOME}/log/atlassian-stash-mail.log"
ARGUMENTS = ["-Dfile.encoding=UTF-8", "-XX:+UseSerialGC"]


def arguments(host: Host) -> list[str]:
    """Those of the running JVM that an administrator or the role has set."""
    pid = host.check_output(f"cat {HOME}/log/stash.pid")
    found = host.file(f"/proc/{pid}/cmdline").content_string.split("\0")
    return [argument for argument in found if argument in ARGUMENTS or "trustStore" in argument]


def test_java_8(bitbucket: Host) -> None:
    assert 'version "1.8.' in bitbucket.run(f"{INSTALL}/jre/bin/java -version").stderr
    assert bitbucket.process.get(pid=bitbucket.check_output(f"cat {HOME}/log/stash.pid")).user == "atlstash"


def test_settings_have_hyphens(lab: Lab) -> None:
    """As that version spells them: what the role wrote is what REST returns."""
    assert lab.mail_server() == {
        "hostname": lab.mail_host,
        "port": 587,
        "protocol": "SMTP",
        "use-start-tls": True,
        "require-start-tls": True,
        "username": lab.sender,
        "sender-address": lab.sender,
    }


def test_truststore(lab: Lab, bitbucket: Host) -> None:
    """Java 8's own keytool reads it: all of the bundle, and the CA."""
    assert anchors(bitbucket, INSTALL) == sha256(lab, "ca")


def test_setenv(bitbucket: Host) -> None:
    """Everything that was there is there, in its order, and the running JVM has all of it."""
    before, after = (bitbucket.file(path).content_string.splitlines() for path in (BEFORE, SETENV))
    left = iter(after)
    assert all(line in left for line in before), after
    added = [line for line in after if line not in before]
    assert len(after) == len(before) + len(added)
    assert any(TRUSTSTORE in line for line in added)
    assert arguments(bitbucket) == [*ARGUMENTS, ARGUMENT]
    file = bitbucket.file(SETENV)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o755)


def test_messages(lab: Lab, bitbucket: Host) -> None:
    """The role's own and the product's, one each of converge and of idempotence."""
    assert len(lab.find("SUBJECT", SUBJECT, wanted=2)) == 2
    messages = lab.find("BODY", "An account named stash-mail-verify-", wanted=2)
    assert len(messages) == 2
    assert all("From: Stash" in message and "with ESMTPSA id" in message for message in messages)
    assert re.search(r"using TLSv1\.[23]", messages[0]), messages[0]
    assert bitbucket.file(MAIL_LOG).content_string == ""


def test_way_back(lab: Lab, bitbucket: Host, runs: Runs) -> None:
    run = runs("--diff", state="absent")
    assert run.code == 0, run.evidence
    assert bitbucket.file(SETENV).content == bitbucket.file(BEFORE).content
    assert not bitbucket.file(TRUSTSTORE).exists
    assert arguments(bitbucket) == ARGUMENTS
    assert lab.mail_server() is None
