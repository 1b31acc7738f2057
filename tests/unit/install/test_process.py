# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running processes, as real ones show them."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._product import process as processes


@contextlib.contextmanager
def running(*arguments: str, cwd: Path, name: str = "java") -> Iterator[int]:
    """A process that looks like a JVM with these arguments; yields its id."""
    command = [name, "-c", "print('up', flush=True); import time; time.sleep(60)", *arguments]
    with subprocess.Popen(command, executable=sys.executable, cwd=cwd, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


@pytest.fixture
def install(tmp_path: Path) -> Path:
    folder = tmp_path / "bitbucket" / "9.4.2"
    folder.mkdir(parents=True)
    return folder


def test_found_by_its_folder(install: Path, tmp_path: Path) -> None:
    before = time.time()
    with running(f"-Dbitbucket.install={install}", "-Djavax.net.ssl.trustStore=/a", cwd=tmp_path) as pid:
        process = processes.find_process(str(install), None)
        assert process is not None
        assert process.pid == pid
        assert process.user == getpass.getuser()
        assert abs(process.started - before) < 2
        assert process.trust_arguments == {"javax.net.ssl.trustStore": "/a"}
        assert process.property("bitbucket.install") == str(install)
        assert processes.find_process(str(install) + "1", None) is None


def test_found_by_a_class_path_through_a_link(install: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(install)
    with running("-cp", f"/x.jar:{install}/app/bin/a.jar", cwd=tmp_path) as pid:
        process = processes.find_process(str(tmp_path / "current"), None)
        assert process is not None
        assert process.pid == pid


def test_the_search_engine_and_other_programs_are_not_the_product(install: Path, tmp_path: Path) -> None:
    with (
        running(f"-Des.path.home={install}/search", "org.opensearch.bootstrap.OpenSearch", cwd=install),
        running(str(install), cwd=install, name="less"),
        running(f"-Dbitbucket.home={install}", cwd=install, name="sh"),
    ):
        assert processes.find_process(str(install), None) is None


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare")
def test_the_product_in_a_container_is_not_the_one_on_the_host(install: Path) -> None:
    wait = "print('up', flush=True); import time; time.sleep(60)"
    # The mark comes by the environment, for unshare stays on the host.
    inner = ["bash", "-c", 'exec -a java "$0" -c "$1" "$MARK"', sys.executable, wait]
    command = ["unshare", "--pid", "--fork", "--kill-child", *inner]
    environment = {**os.environ, "MARK": f"-Dbitbucket.install={install}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"up\n"
            assert processes.find_process(str(install), None) is None
        finally:
            process.kill()


def test_the_product_is_told_from_a_helper_jvm(install: Path, tmp_path: Path) -> None:
    with running("helper", cwd=install), running("-Dbitbucket.home=/h", cwd=install) as pid:
        process = processes.find_process(str(install), None)
        assert process is not None
        assert process.pid == pid


def test_in_a_container_by_what_is_mounted_there(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no PID namespace can be made here")
    ours, others = tmp_path / "stash_mail", tmp_path / "other"
    for folder in (ours, others):
        folder.mkdir()
    program = "print('up', flush=True); import time; time.sleep(60)"
    command = ["unshare", "--pid", "--fork", "--kill-child", "bash", "-c", 'exec -a java "$0" "$@"']
    with subprocess.Popen(
        [*command, sys.executable, "-c", program, "-Dbitbucket.home=/h"], stdout=subprocess.PIPE
    ) as container:
        assert container.stdout is not None
        container.stdout.readline()
        try:
            found = processes.find_contained(lambda process: (str(ours), str(ours)))
            assert found is not None
            assert found.property("bitbucket.home") == "/h"
            assert processes.find_contained(lambda process: (str(ours), str(others))) is None
            assert processes.find_contained(lambda process: ("/nowhere", str(ours))) is None
            assert processes.find_process(None, "") != found, "its paths are not the host's"
        finally:
            container.kill()
