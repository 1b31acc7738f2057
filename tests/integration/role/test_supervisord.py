# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A product that a real supervisord runs: found by its program, restarted by supervisorctl."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.role.conftest import Site

PROGRAM = "git-server"
PATH = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
CONFIGURATION = """\
[unix_http_server]
file = {folder}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl = unix://{folder}/supervisor.sock
[supervisord]
logfile = {folder}/supervisord.log
pidfile = {folder}/supervisord.pid
[program:{program}]
command = {start} -fg
environment = JVM_SUPPORT_RECOMMENDED_ARGS="-Dof.supervisord=1"
autorestart = true
"""
# What supervisorctl and we look for is in /etc, which is another one for the run alone.
ETC = 'mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/upper,workdir=$1/work" /etc && shift && exec "$@"'


@contextlib.contextmanager
def supervised(site: Site, folder: Path) -> Iterator[None]:
    """The product stopped, and started again by a supervisord of its own."""
    start = site.bitbucket.install_dir / "bin/start-bitbucket.sh"
    for part in ("upper", "work"):
        (folder / part).mkdir()
    path = folder / "upper/supervisord.conf"
    path.write_text(CONFIGURATION.format(folder=folder, start=start, program=PROGRAM))
    site.around = ["unshare", "--mount", "sh", "-c", ETC, "sh", str(folder), "env", f"PATH={PATH}"]
    daemon = str(shutil.which("supervisord", path=PATH))
    site.bitbucket.stop()
    with subprocess.Popen([daemon, "--nodaemon", "--configuration", str(path)], stdout=subprocess.DEVNULL) as running:
        try:
            until = time.monotonic() + 60
            while site.bitbucket.state() != "RUNNING":
                assert time.monotonic() < until, (folder / "supervisord.log").read_text()
                time.sleep(0.1)
            yield
        finally:
            running.terminate()
            running.wait(30)


@pytest.mark.skipif(os.geteuid() != 0, reason="another /etc takes root")
@pytest.mark.skipif(not shutil.which("supervisord", path=PATH), reason="there is no supervisord: make env")
def test_provisioned_and_given_back(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "supervisor"
    folder.mkdir()
    original = site.bitbucket.jvm_args_file.read_bytes()
    with supervised(site, folder):
        pid = site.bitbucket.pid
        done = site.run(bitbucket_service=PROGRAM)
        assert done.ok, done.output
        assert f"{PROGRAM}: started" in done.output, "what supervisorctl says"
        assert site.bitbucket.pid != pid
        arguments = Path(f"/proc/{site.bitbucket.pid}/cmdline").read_text().split("\0")
        assert {"-Dof.supervisord=1", f"-Djavax.net.ssl.trustStore={site.truststore}"} <= set(arguments)
        parent = Path(f"/proc/{site.bitbucket.pid}/status").read_text().partition("PPid:\t")[2].split()[0]
        assert parent == (folder / "supervisord.pid").read_text().strip(), "it is supervisord's again"
        assert site.run(bitbucket_service=PROGRAM).changed == 0
        assert site.run(bitbucket_service=PROGRAM, state="absent").ok
        assert site.bitbucket.jvm_args_file.read_bytes() == original
    site.bitbucket.start()
