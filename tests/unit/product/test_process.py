# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running processes, as real ones show them."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product import process as processes
from ansible_collections.stashops.mail.plugins.module_utils._product import systemd

# An account that nobody has.
STRANGER = 12345
TRY = ["unshare", "--pid", "--fork", "true"]
needs_namespaces = pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run(TRY, capture_output=True, check=False).returncode != 0,
    reason="no PID namespace can be made here",
)


@contextlib.contextmanager
def running(
    *arguments: str | bytes,
    cwd: Path,
    name: str = "java",
    env: dict[str, str] | None = None,
    user: int | None = None,
) -> Iterator[int]:
    """A process that looks like a JVM with these arguments; yields its id."""
    # It becomes another account by itself, and so one that may not be dumped.
    code = f"import os, time; {f'os.setuid({user}); ' if user else ''}print('up', flush=True); time.sleep(60)"
    command = [name, "-c", code, *arguments]
    with subprocess.Popen(
        command, executable=sys.executable, cwd=cwd, stdout=subprocess.PIPE, env={**os.environ, **(env or {})}
    ) as process:
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


def test_several_questions_are_answered_by_one_look(install: Path, tmp_path: Path) -> None:
    later = tmp_path / "later"
    with running(f"-Dbitbucket.install={install}", cwd=tmp_path):
        with processes.looked_at_once():
            first = processes.find_process(str(install), None)
            with running(f"-Dbitbucket.install={later}", cwd=tmp_path):
                assert processes.find_process(str(later), None) is None
            assert processes.find_process(str(install), None) is first is not None
        with running(f"-Dbitbucket.install={later}", cwd=tmp_path):
            assert processes.find_process(str(later), None) is not None


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


@needs_namespaces
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


@needs_namespaces
def test_in_a_container_by_what_is_mounted_there(tmp_path: Path) -> None:
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


def test_of_the_environment_only_what_the_jvm_reads_is_kept(install: Path) -> None:
    options = {"_JAVA_OPTIONS": "-Djavax.net.ssl.trustStore=/b -Dx.token=hush", "JDBC_PASSWORD": "hush"}
    with running(f"-Dbitbucket.install={install}", "-Djavax.net.ssl.trustStore=/a", cwd=install, env=options):
        process = processes.find_process(str(install), None)
    assert process is not None
    assert "JDBC_PASSWORD" not in repr(process)
    described = processes.describe(process)
    assert described is not None
    assert (described["truststore"], described["truststore_source"]) == ("/b", "_JAVA_OPTIONS")
    assert "hush" not in str(described)


def test_a_file_of_arguments_that_its_account_may_not_read(install: Path) -> None:
    """Root must not show it what is in there."""
    (install / "secret").write_text("-Djavax.net.ssl.trustStore=/root/secret")
    (install / "secret").chmod(0o600)
    os.mkfifo(install / "fifo")
    with running(f"-Dbitbucket.install={install}", "@secret", "@fifo", "@/dev/zero", cwd=install, user=STRANGER) as pid:
        process = processes.read_process(pid)
    assert process is not None
    assert process.truststore is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads in place of others")
def test_a_file_of_arguments_that_its_account_cannot_reach(tmp_path: Path) -> None:
    """Everybody may read the file, and nobody but root may enter its folder."""
    closed, opened = tmp_path / "closed", tmp_path / "opened"
    for folder in (closed, opened):
        folder.mkdir()
        (folder / "options").write_text(f"-Djavax.net.ssl.trustStore=/{folder.name}/a")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o777 == 0o700:
            folder.chmod(0o711)
    closed.chmod(0o700)
    for name in ("closed", "opened"):
        # By another program's way, so that it may be looked at as any process of that account.
        account = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"]
        command = ["bash", "-c", 'exec -a java tail "$0" -f /dev/null', f"@{tmp_path}/{name}/options"]
        with subprocess.Popen([*account, *command], stderr=subprocess.PIPE, cwd="/") as child:
            assert child.stderr is not None
            try:
                assert child.stderr.readline().startswith(b"java: cannot open")
                process = processes.read_process(child.pid)
            finally:
                child.kill()
        assert process is not None
        assert process.uid == STRANGER
        assert (process.truststore.argument if process.truststore else None) == {"opened": "/opened/a"}.get(name)
    assert os.geteuid() == 0


def test_bytes_that_are_not_utf_8_can_be_shown(install: Path) -> None:
    with running(f"-Dbitbucket.install={install}", b"-Djavax.net.ssl.trustStore=/\xff\x1b[2J", cwd=install):
        described = processes.describe(processes.find_process(str(install), None))
    assert described is not None
    assert described["truststore"] == "/\\udcff\\x1b[2J"
    assert json.loads(json.dumps(described))["arguments"][0].isprintable()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to start processes of another account")
def test_a_strangers_process_is_not_the_product(install: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, STRANGER, STRANGER)
    with running(f"-Dbitbucket.install={install}", "-Dbitbucket.home=/h", cwd=install, user=STRANGER):
        assert processes.find_process(str(install), None) is None
        assert processes.find_process(None, None) is None
        with running(f"-Dbitbucket.install={install}", "-Dbitbucket.home=/h", cwd=install) as pid:
            process = processes.find_process(None, None)
            assert process is not None
            assert process.pid == pid
        os.chown(install, STRANGER, STRANGER)
        process = processes.find_process(str(install), None)
        assert process is not None, "the folder that we were given is this account's"
        assert process.user == str(STRANGER)
        assert processes.find_process(None, None) is None, "a folder that it may have put there itself says nothing"
    with running(f"-Dbitbucket.install={theirs}", "-Dbitbucket.home=/h", cwd=theirs, user=STRANGER):
        assert processes.find_process(None, None) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to start processes of another account")
def test_the_service_names_the_account(install: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "UNIT_PATHS", (str(tmp_path),))
    with running(f"-Dbitbucket.install={install}", cwd=install, user=STRANGER):
        (tmp_path / "b.service").write_text("[Service]\nUser=nobody\n")
        assert processes.find_process(str(install), "b") is None
        (tmp_path / "b.service").write_text(f"[Service]\nUser={STRANGER}\n")
        assert processes.find_process(str(install), "b") is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to start processes of another account")
def test_a_process_of_another_account_in_the_service(
    install: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the product starts is in its service too, whichever account that has."""
    monkeypatch.setattr(systemd, "UNIT_PATHS", (str(tmp_path),))
    monkeypatch.setattr(processes, "_in_service", lambda _pid, service, _proc: service == "b")
    with running("-Dbitbucket.home=/theirs", cwd=tmp_path, user=STRANGER):
        (tmp_path / "b.service").write_text("[Service]\nUser=nobody\n")
        assert processes.find_process(str(install), "b") is None
        with running(f"-Dbitbucket.install={install}", "-Dbitbucket.home=/h", cwd=install) as pid:
            process = processes.find_process(str(install), "b")
            assert process is not None
            assert process.pid == pid
        # Its scripts choose the account, and which that is is theirs to say.
        (tmp_path / "b.service").write_text("[Service]\nExecStart=/etc/init.d/b start\n")
        assert processes.find_process(str(install), "b") is not None


def test_several_products_are_an_error_that_lists_them(install: Path, tmp_path: Path) -> None:
    other = tmp_path / "stash"
    other.mkdir()
    with (
        running(f"-Dbitbucket.install={install}", "-Dbitbucket.home=/h1", cwd=install) as first,
        running(f"-Dstash.install={other}", "-Dstash.home=/h2\n", cwd=other) as second,
    ):
        with pytest.raises(StashMailError) as caught:
            processes.find_process(None, None)
        for said in (str(install), str(other), str(first), str(second), "install_dir", "/h1"):
            assert said in str(caught.value)
        assert str(caught.value).isprintable()
        process = processes.find_process(str(install), None)
        assert process is not None
        assert process.pid == first
    with (
        running(f"-Dbitbucket.install={install}", "-Dbitbucket.home=/h1", cwd=install),
        running(f"-Dbitbucket.install={install}", "-Dbitbucket.home=/h3", cwd=install),
        pytest.raises(StashMailError, match="Several products"),
    ):
        processes.find_process(str(install), None)


@pytest.mark.parametrize("name", ["../../x", "a\nb", "", "a/b", ".service", "b c", "x" * 300, "a\0b", "-\u202eb"])
def test_no_service_has_such_a_name(name: str) -> None:
    with pytest.raises(StashMailError, match="is no name of a service"):
        systemd.unit_name(name)
