# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of an instance: broken by hand, provisioned again, unprovisioned. The tests build on one another."""

from __future__ import annotations

import secrets
import subprocess

from testinfra.host import Host

from tests.lab import leaks
from tests.lab.lab import (
    DROP_IN,
    MAIL_ACCOUNTS,
    MAIL_LOG,
    MAIL_SERVER,
    SERVICE,
    STORES,
    SUBJECT,
    TRUSTSTORE,
    Lab,
)
from tests.lab.provisioned import ARGUMENT
from tests.lab.runs import Runs

ROOT_DROP_IN = f"/etc/systemd/system/{SERVICE}.service.d/without_user.conf"


def restart(host: Host) -> None:
    host.check_output(f"systemctl daemon-reload && systemctl restart {SERVICE}")
    host.check_output(
        'for try in $(seq 100); do python3 -c "from urllib.request import urlopen; '
        "urlopen('http://localhost:7990/status')\" 2>/dev/null && exit 0; sleep 0.2; done; exit 1"
    )


def trust_arguments(lab: Lab) -> list[str]:
    return [argument for argument in lab.jvm_arguments() if "trustStore" in argument]


def test_start_as_root(lab: Lab, bitbucket: Host) -> None:
    """A unit without User=: the start script changes to the product's account by a login, and the argument survives."""
    bitbucket.check_output(f"printf '[Service]\\nUser=\\n' >{ROOT_DROP_IN}")
    try:
        restart(bitbucket)
        pid = bitbucket.check_output(f"systemctl show {SERVICE} --property MainPID --value")
        assert bitbucket.check_output(f"systemctl show {SERVICE} --property User --value") == ""
        assert bitbucket.process.get(pid=pid).user == "atlbitbucket"
        assert trust_arguments(lab) == [ARGUMENT]
    finally:
        bitbucket.check_output(f"rm {ROOT_DROP_IN}")


def test_wrong_truststore(lab: Lab, bitbucket: Host) -> None:
    """Without our truststore the same message fails in the same JVM: what the scenario shows is no matter of course."""
    bitbucket.check_output(f"mv {DROP_IN} {DROP_IN}.away")
    restart(bitbucket)
    assert trust_arguments(lab) == []
    lab.create_user("untrusting")
    bitbucket.run(f"for try in $(seq 100); do test -s {MAIL_LOG} && exit 0; sleep 0.2; done")
    lab.delete_user("untrusting")
    mail_log = bitbucket.file(MAIL_LOG).content_string
    assert "Mail sending failed" in mail_log
    assert "Could not convert socket to TLS" in mail_log
    assert "PKIX path building failed" in mail_log
    assert lab.find("BODY", "An account named untrusting was created", seconds=1) == []
    # All files are as they should be again, so that only the process tells of the truststore that it does not use.
    bitbucket.check_output(f"mv {DROP_IN}.away {DROP_IN}")
    lab.rest("DELETE", MAIL_SERVER)


def test_provisioning_heals_and_shows_no_password(lab: Lab, bitbucket: Host, runs: Runs) -> None:
    passwords = lab.passwords()
    canary = secrets.token_urlsafe(16)
    files = [bitbucket.file(path).sha256sum for path in (DROP_IN, TRUSTSTORE)]
    assert lab.mail_server() is None
    messages = len(lab.find("SUBJECT", SUBJECT))
    planted = subprocess.Popen(["sleep", "3"], env={"CANARY": canary})
    with planted, leaks.ProcessWatch([*passwords, canary]) as watch:
        run = runs("--diff")
    assert run.code == 0, run.evidence
    assert "It has to be restarted." in run.shown
    assert [bitbucket.file(path).sha256sum for path in (DROP_IN, TRUSTSTORE)] == files
    assert trust_arguments(lab) == [ARGUMENT]
    assert lab.mail_server() is not None
    assert len(lab.find("SUBJECT", SUBJECT, wanted=messages + 1)) == messages + 1
    # The restart, the settings and no other change.
    assert run.changed == 3, run.log

    assert watch.found == {"environ of sleep"}, "only what the test itself had planted"
    assert watch.scans > 20
    assert lab.files_with(passwords, "bitbucket") == sorted(STORES)
    assert lab.files_with(passwords, "mail") == [MAIL_ACCOUNTS]
    assert lab.journals_with(passwords) == []


def test_unprovisioning(lab: Lab, bitbucket: Host, runs: Runs) -> None:
    run = runs("--diff", state="absent")
    assert run.code == 0, run.evidence
    assert lab.mail_server() is None
    for path in (DROP_IN, TRUSTSTORE):
        assert not bitbucket.file(path).exists
    assert trust_arguments(lab) == []
    assert lab.files_with([lab.password("sender")], "bitbucket") == []
