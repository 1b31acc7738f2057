# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""An init script in place of the unit: a drop-in would not be heard, which is known beforehand."""

from __future__ import annotations

from testinfra.host import Host

from tests.lab.lab import INSTALL, SERVICE, Lab
from tests.lab.nodes import wait_until_running
from tests.lab.runs import Runs

SCRIPT = f"""#!/bin/sh
### BEGIN INIT INFO
# Provides:          {SERVICE}
# Required-Start:    $remote_fs
# Required-Stop:     $remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Bitbucket
### END INIT INFO
RUNUSER=atlbitbucket
run() {{
    su - "$RUNUSER" -c "{INSTALL}/bin/$1"
}}
case "$1" in
    start) run start-bitbucket.sh ;;
    stop) run stop-bitbucket.sh ;;
    restart)
        run stop-bitbucket.sh
        run start-bitbucket.sh
        ;;
    *) exit 2 ;;
esac
"""
SET_UP = f"""
systemctl stop {SERVICE}
rm /etc/systemd/system/{SERVICE}.service /etc/systemd/system/multi-user.target.wants/{SERVICE}.service
chmod 0755 /etc/init.d/{SERVICE}
cp -a {INSTALL}/bin /root/bin
systemctl daemon-reload
systemctl start {SERVICE}
"""


def test_seen_beforehand(lab: Lab, bitbucket: Host, runs: Runs) -> None:
    bitbucket.check_output(f"cat >/etc/init.d/{SERVICE} <<'END'\n{SCRIPT}END\n{SET_UP}")
    wait_until_running(bitbucket)
    path = bitbucket.check_output(f"systemctl show {SERVICE} --property FragmentPath --value")
    assert path == f"/run/systemd/generator.late/{SERVICE}.service"
    before = lab.state()
    run = runs("--diff", jvm_method="systemd")
    assert run.code == 2, run.evidence
    assert run.in_preflight
    assert "method systemd would have no effect" in run.shown, run.evidence
    assert (
        f"/etc/init.d/{SERVICE} starts the product with an environment of its own (su -, sudo or env -i)" in run.shown
    )
    assert (run.changed, lab.state()) == (0, before)
