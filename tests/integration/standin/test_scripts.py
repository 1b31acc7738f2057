# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The start scripts, the install and the two processes: as an administrator and an init system meet them."""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.standin.smtp_server import Certificate, MailServer
from tests.standin import Settings, Standin
from tests.standin.layout import find_java_home
from tests.standin.runner import free_port

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

_INSTALLER = Path(__file__).resolve().parents[3] / "tests/standin/install.py"
_ROOT = _INSTALLER.parents[2]


def _arguments(standin: Standin) -> list[str]:
    """The command line of the running process, as ``ps`` shows it."""
    return Path(f"/proc/{standin.pid}/cmdline").read_text().split("\0")


def _set_jvm_args(standin: Standin, value: str) -> None:
    lines = standin.jvm_args_file.read_text("utf-8").splitlines(keepends=True)
    (number,) = [n for n, line in enumerate(lines) if line.lstrip("#").startswith("JVM_SUPPORT_RECOMMENDED_ARGS=")]
    lines[number] = f'JVM_SUPPORT_RECOMMENDED_ARGS="{value}"\n'
    standin.jvm_args_file.write_text("".join(lines), "utf-8")


def _ended(pid: int) -> bool:
    """Whether a process is gone, or a zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except FileNotFoundError:
        return True


def _wait(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.usefixtures("jvm")
def test_environment_counts_only_while_the_line_is_commented(tmp_path: Path) -> None:
    with Standin(tmp_path, jvm_args="-Dfrom=environment -Dsecond=yes") as standin:
        assert "-Dfrom=environment" in _arguments(standin)
        assert "-Dsecond=yes" in _arguments(standin)
        _set_jvm_args(standin, "-Dfrom=file")
        standin.restart()
        assert "-Dfrom=file" in _arguments(standin)
        assert "-Dfrom=environment" not in _arguments(standin)
        _set_jvm_args(standin, "")
        standin.restart()
        assert not [argument for argument in _arguments(standin) if argument.startswith("-Dfrom")]


@pytest.mark.usefixtures("jvm")
@pytest.mark.parametrize(("version", "name"), [("3.11.0", "stash"), ("4.14.2", "bitbucket")])
def test_setenv_layout(tmp_path: Path, version: str, name: str) -> None:
    with Standin(tmp_path, Settings(version=version), jvm_args="-Dfrom=environment") as standin:
        assert (standin.install_dir / f"bin/start-{name}.sh").exists()
        assert not (standin.install_dir / "bin/_start-webapp.sh").exists()
        assert f"-D{name}.home={standin.home}" in _arguments(standin)
        assert "-Dfrom=environment" not in _arguments(standin)
        _set_jvm_args(standin, "-Dfrom=file")
        standin.environment["JAVA_OPTS"] = "-Dopts=environment"
        standin.restart()
        assert {"-Dfrom=file", "-Dopts=environment"} <= set(_arguments(standin))
        properties = standin.call("GET", "/rest/api/1.0/application-properties").body
        assert (properties["version"], properties["displayName"]) == (version, name.capitalize())


@pytest.mark.usefixtures("jvm")
def test_java_is_jre_home_then_java_home_then_bundled(tmp_path: Path) -> None:
    java_home = find_java_home()
    assert java_home is not None
    with Standin(tmp_path) as standin:
        assert _arguments(standin)[0] == f"{standin.install_dir}/jre/bin/java"
        for name in ("JAVA_HOME", "JRE_HOME"):
            link = tmp_path / name
            link.symlink_to(java_home)
            standin.environment[name] = str(link)
            standin.restart()
            assert _arguments(standin)[0] == f"{link}/bin/java"
    old = tmp_path / "jdk8"
    (old / "jre").mkdir(parents=True)
    (old / "jre/bin").symlink_to(java_home / "bin")
    standin.environment = {"JAVA_HOME": str(old)}
    try:
        standin.start()
        assert _arguments(standin)[0] == f"{old}/jre/bin/java"
    finally:
        standin.stop()


@pytest.mark.usefixtures("jvm")
@pytest.mark.parametrize("which", ["jvm", "server"])
def test_each_process_ends_when_the_other_does(tmp_path: Path, which: str) -> None:
    with Standin(tmp_path) as standin:
        jvm = standin.pid
        (child,) = standin.children
        os.kill(jvm if which == "jvm" else child, signal.SIGKILL)
        _wait(lambda: _ended(jvm) and _ended(child))
        assert standin.state() is None
        standin.start()
        assert standin.pid != jvm


@pytest.mark.usefixtures("jvm")
def test_foreground_start_ends_with_0_at_sigterm(tmp_path: Path) -> None:
    standin = Standin(tmp_path)
    standin.install()
    process = subprocess.Popen([standin.install_dir / "bin/start-bitbucket.sh", "-fg"], stdin=subprocess.DEVNULL)
    try:
        _wait(lambda: standin.state() == "RUNNING")
        assert standin.pid == process.pid
        process.terminate()
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()


def test_second_start_is_refused_and_second_stop_is_not(tmp_path: Path) -> None:
    with Standin(tmp_path, java=False) as standin:
        with pytest.raises(RuntimeError, match="Already running with the process id"):
            standin.start()
        standin.stop()
        standin.stop()
        (standin.home / "log/bitbucket.pid").write_text(f"{os.getpid()}\n")
        standin.start()


def test_start_delay_is_seen_as_starting(tmp_path: Path) -> None:
    standin = Standin(tmp_path, Settings(start_delay=4), java=False)
    standin.install()
    seen: list[tuple[int, str]] = []
    meanwhile: list[int] = []
    script = standin.install_dir / "bin/start-bitbucket.sh"
    try:
        subprocess.run([script], check=True, capture_output=True, timeout=30)
        while (not seen or seen[-1] != (200, "RUNNING")) and len(seen) < 200:
            try:
                users = standin.call("GET", "/rest/api/latest/admin/users", standin.user)
                answer = standin.call("GET", "/status")
                seen.append((answer.status, answer.body["state"]))
                # Asked before, so that it was starting then, too.
                if seen[-1][1] == "STARTING":
                    meanwhile.append(users.status)
            except OSError:
                pass
            time.sleep(0.1)
    finally:
        standin.stop()
    assert (503, "STARTING") in seen
    assert set(meanwhile) == {503}
    assert seen[-1] == (200, "RUNNING")


def test_settings_survive_a_restart(tmp_path: Path) -> None:
    with Standin(tmp_path, java=False) as standin:
        before = standin.configure_mail({"hostname": "mail.lab.test", "senderAddress": "a@lab.test"}).body
        assert standin.create_user("jane", "jane@lab.test", notify=False).status == 204
        standin.restart()
        assert standin.call("GET", "/rest/api/latest/admin/mail-server", standin.sysadmin).body == before
        names = [u["name"] for u in standin.call("GET", "/rest/api/1.0/admin/users", standin.user).body["values"]]
        assert names == ["sysadmin", "admin", "user", "jane"]


def test_http_requests_that_no_client_sends(tmp_path: Path) -> None:
    requests = [
        (b"GET //[ HTTP/1.1\r\nHost: h\r\n\r\n", b" 404 "),
        (b"PUT /rest/api/latest/admin/mail-server HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b" 411 "),
        (b"PUT /rest/api/latest/admin/mail-server HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b" 413 "),
        (b"\xff\x00\r\n\r\n", b"400"),
    ]
    with Standin(tmp_path, java=False) as standin:
        for request, status in requests:
            with socket.create_connection(("127.0.0.1", standin.settings.port), timeout=10) as connection:
                connection.sendall(request)
                assert status in connection.recv(400)
        assert standin.state() == "RUNNING"


def test_https(tmp_path: Path, certificate: Certificate) -> None:
    settings = Settings(tls_certificate=str(certificate.certificate), tls_key=str(certificate.key))
    with Standin(tmp_path, settings, java=False) as standin:
        assert standin.url.startswith("https://")
        with socket.create_connection(("127.0.0.1", standin.settings.port)):  # silent: must not keep others waiting
            assert standin.state() == "RUNNING"


@pytest.mark.parametrize(
    ("server_mode", "changes"),
    [("plain", {}), ("starttls", {"useStartTls": True, "requireStartTls": True}), ("smtps", {})],
)
@pytest.mark.parametrize("password", ["", " -Djavax.net.ssl.trustStorePassword=changeit"])
def test_without_java(
    tmp_path: Path, certificate: Certificate, server_mode: str, changes: dict[str, object], password: str, jvm: None
) -> None:
    store = certificate.truststore(tmp_path / "cacerts")
    arguments = f"-Djavax.net.ssl.trustStore={store}{password}"
    with (
        MailServer(certificate, server_mode, user="bitbucket", password="secret") as server,
        Standin(tmp_path / "standin", jvm_args=arguments, java=False) as standin,
    ):
        assert "Java is missing: mail is sent without a JVM" in standin.start_output
        assert "Java is missing" in (standin.home / "log/launcher.log").read_text()
        assert f"-Djavax.net.ssl.trustStore={store}" in _arguments(standin)
        standin.configure_mail(server.settings(**changes))
        assert standin.create_user("jane", "jane@lab.test").status == 204
        delivery = server.wait()
        assert (delivery.tls, delivery.user) == (server_mode != "plain", "bitbucket")


@pytest.mark.parametrize(
    ("server_mode", "changes", "failure"),
    [
        ("plain", {"requireStartTls": True}, "STARTTLS is required but host does not support STARTTLS"),
        ("smtps", {}, "CERTIFICATE_VERIFY_FAILED"),
        ("starttls", {"useStartTls": True}, "CERTIFICATE_VERIFY_FAILED"),
    ],
)
def test_without_java_failures(
    tmp_path: Path, certificate: Certificate, server_mode: str, changes: dict[str, object], failure: str
) -> None:
    with MailServer(certificate, server_mode) as server, Standin(tmp_path, java=False) as standin:
        standin.configure_mail(server.settings(**changes))
        assert standin.create_user("jane", "jane@lab.test").status == 204
        log = standin.wait_for_mail_failure()
        assert server.deliveries == []
    assert failure in log
    assert "Mail sending failed. Please verify the mail server configuration" in log


def test_installer(tmp_path: Path) -> None:
    install, home, units = tmp_path / "install", tmp_path / "home", tmp_path / "units"
    user = pwd.getpwuid(os.geteuid()).pw_name
    users = tmp_path / "users.json"
    users.write_text(json.dumps({"users": [{"name": "root", "password": "p", "permission": "SYS_ADMIN"}]}))
    command = [sys.executable, str(_INSTALLER), "--install-dir", str(install), "--home", str(home), "--no-java"]
    command += ["--version", "9.4.2", "--port", str(free_port()), "--user", user, "--key-style", "hyphen"]
    command += ["--systemd", "--systemd-dir", str(units), "--users", str(users)]

    users.chmod(0o644)
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert refused.returncode == 2
    assert "make it mode 0600" in refused.stderr
    assert not install.exists()

    users.chmod(0o600)
    for _ in range(2):
        subprocess.run(command, check=True, capture_output=True, timeout=60, cwd=tmp_path)
    unit = (units / "atlbitbucket.service").read_text()
    assert f"User={user}\nExecStart={install}/bin/start-bitbucket.sh --no-search\n" in unit
    assert (units / "multi-user.target.wants/atlbitbucket.service").resolve() == units / "atlbitbucket.service"
    assert (home / "standin-users.json").stat().st_mode & 0o777 == 0o600
    assert "server.port=" in (home / "shared/bitbucket.properties").read_text()
    assert Settings.load(install, home).key_style == "hyphen"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--version", "nine", "MAJOR.MINOR"),
        ("--port", "0", "between 1 and 65535"),
        ("--key-style", "snake", "neither camel nor hyphen"),
        ("--home", "/tmp/with blank", "without blanks"),
        ("--home", "relative", "absolute path"),
        ("--tls-certificate", "/tmp/cert.pem", "both a TLS certificate and a TLS key"),
    ],
)
def test_installer_refuses(tmp_path: Path, option: str, value: str, message: str) -> None:
    command = [sys.executable, str(_INSTALLER), "--install-dir", str(tmp_path / "i"), "--home", str(tmp_path / "h")]
    result = subprocess.run([*command, option, value], capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []
