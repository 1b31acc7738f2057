# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules stash_mail_jvm and stash_mail_info, run whole in this process on files and processes of our own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._product import systemd
from ansible_collections.stashops.mail.plugins.modules import stash_mail_info, stash_mail_jvm

from tests.ansible_module import patch_module_args

COMMENTED = "#!/bin/sh\n#JVM_SUPPORT_RECOMMENDED_ARGS=\nexec java $JVM_SUPPORT_RECOMMENDED_ARGS\n"
SETTING = '#!/bin/sh\nJVM_SUPPORT_RECOMMENDED_ARGS="-Xa"\nexec java $JVM_SUPPORT_RECOMMENDED_ARGS\n'
TRUSTSTORE = "-Djavax.net.ssl.trustStore="

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "units"
    folder.mkdir()
    monkeypatch.setattr(systemd, "UNIT_PATHS", (str(folder),))
    return folder


@pytest.fixture
def install(tmp_path: Path) -> Path:
    folder = tmp_path / "9.4.2"
    (folder / "bin").mkdir(parents=True)
    for name in ("start-bitbucket.sh", "stop-bitbucket.sh"):
        (folder / "bin" / name).write_text("#!/bin/sh\n")
    write_script(folder, COMMENTED)
    return folder


@pytest.fixture
def truststore(tmp_path: Path) -> Path:
    path = tmp_path / "cacerts"
    path.write_bytes(b"x")
    return path


@pytest.fixture
def run(install: Path, truststore: Path, units: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(check: bool = False, **options: Any) -> dict[str, Any]:
        arguments = {"install_dir": str(install), "service": "b", "truststore": str(truststore), **options}
        arguments.update(_ansible_check_mode=check, _ansible_diff=True)
        with patch_module_args(arguments), pytest.raises(SystemExit):
            stash_mail_jvm.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


def write_script(install: Path, text: str, name: str = "_start-webapp.sh") -> Path:
    path = install / "bin" / name
    path.write_text(text)
    path.chmod(0o751)
    return path


def write_unit(units: Path, text: str = "") -> Path:
    (units / "b.service").write_text(f"[Service]\nExecStart=/bin/true\n{text}")
    return units / "b.service.d" / "stash_mail.conf"


@contextlib.contextmanager
def product(install: Path, *arguments: str | bytes, **environment: str) -> Iterator[int]:
    env = {**os.environ, **environment}
    command: list[str | bytes] = ["java", "-c", "print(1, flush=True); import time; time.sleep(60)"]
    command.append(f"-Dbitbucket.install={install}")
    with subprocess.Popen(
        [*command, *arguments], executable=sys.executable, stdout=subprocess.PIPE, env=env
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


def test_in_the_script_where_there_is_no_unit(run: Run, install: Path, truststore: Path) -> None:
    script = install / "bin" / "_start-webapp.sh"
    checked = run(check=True)
    assert script.read_text() == COMMENTED
    result = run()
    assert (result["changed"], result["method"], result["path"]) == (True, "start_webapp", str(script))
    assert (checked["diff"], checked["arguments"]) == (result["diff"], result["arguments"])
    assert result["arguments"] == [f"{TRUSTSTORE}{truststore}"]
    assert result["restart_needed"] is True
    assert script.stat().st_mode & 0o777 == 0o751
    again = run()
    assert (again["changed"], again["restart_needed"], again["diff"]) == (False, False, [])
    assert run(state="absent")["changed"] is True
    assert script.read_text() == COMMENTED
    assert run(state="absent")["changed"] is False


def test_in_a_drop_in_where_there_is_a_unit(run: Run, install: Path, truststore: Path, units: Path) -> None:
    drop_in = write_unit(units, 'Environment="JVM_SUPPORT_RECOMMENDED_ARGS=-Xa -Xb=%%h"\n')
    result = run()
    assert (result["method"], result["path"]) == ("systemd", str(drop_in))
    assert result["arguments"] == ["-Xa", "-Xb=%h", f"{TRUSTSTORE}{truststore}"]
    assert drop_in.stat().st_mode & 0o777 == 0o644
    assert (install / "bin" / "_start-webapp.sh").read_text() == COMMENTED
    assert run()["changed"] is False
    write_unit(units, "Environment=JVM_SUPPORT_RECOMMENDED_ARGS=-Xnew\n")
    assert run()["arguments"] == ["-Xnew", f"{TRUSTSTORE}{truststore}"], "what the unit says flows through"
    assert run(state="absent")["changed"] is True
    assert not drop_in.parent.exists()


def test_a_script_that_sets_the_variable_wins(run: Run, install: Path, units: Path) -> None:
    drop_in = write_unit(units)
    assert run()["method"] == "systemd"
    script = write_script(install, SETTING)
    result = run()
    assert result["method"] == "start_webapp"
    assert "sets JVM_SUPPORT_RECOMMENDED_ARGS itself" in result["method_reason"]
    assert not drop_in.exists(), "ours must not be left in two places"
    assert "would have no effect" in run(method="systemd")["msg"]
    run(state="absent")
    assert script.read_text() == SETTING


def test_an_environment_file_or_a_later_drop_in_wins(run: Run, tmp_path: Path, units: Path) -> None:
    (tmp_path / "env").write_text("JVM_SUPPORT_RECOMMENDED_ARGS=-Xa\n")
    write_unit(units, f"EnvironmentFile={tmp_path}/env\n")
    assert run()["method"] == "start_webapp"
    drop_in = write_unit(units)
    assert run()["method"] == "systemd"
    (drop_in.parent / "zz.conf").write_text("[Service]\nEnvironment=JVM_SUPPORT_RECOMMENDED_ARGS=-Xz\n")
    assert run()["method"] == "start_webapp"
    assert not drop_in.exists()


def test_before_version_5(run: Run, install: Path, units: Path) -> None:
    (install / "bin" / "_start-webapp.sh").unlink()
    script = write_script(install, SETTING, "setenv.sh")
    write_unit(units)
    assert run()["method"] == "setenv"
    assert run(method="setenv")["changed"] is False
    assert "does not fit" in run(method="start_webapp")["msg"]
    run(state="absent")
    assert script.read_text() == SETTING


def test_a_password_is_never_shown(run: Run, units: Path) -> None:
    write_unit(units, "Environment=JVM_SUPPORT_RECOMMENDED_ARGS=-Djavax.net.ssl.keyStorePassword=geheim\n")
    first = run(truststore_password="versteckt")
    drop_in = units / "b.service.d" / "stash_mail.conf"
    assert "trustStorePassword=versteckt" in drop_in.read_text()
    assert drop_in.stat().st_mode & 0o777 == 0o600
    second = run(truststore_password="anders", backup=True)
    assert second["backup_files"]
    shown = json.dumps([first, second])
    for secret in ("geheim", "versteckt", "anders"):
        assert secret not in shown
    assert "<different-secret>" in json.dumps(second["diff"])


def test_a_script_that_the_shell_refuses_is_left_alone(run: Run, install: Path) -> None:
    broken = "#!/bin/sh\n#JVM_SUPPORT_RECOMMENDED_ARGS=\nif true; then\n"
    script = write_script(install, broken)
    result = run()
    assert "refuses the new one" in result["msg"]
    assert script.read_text() == broken
    assert [path.name for path in script.parent.iterdir() if "stash_mail" in path.name] == []


def test_a_link_stays_a_link(run: Run, install: Path, tmp_path: Path) -> None:
    script = install / "bin" / "_start-webapp.sh"
    target = tmp_path / "managed.sh"
    script.rename(target)
    script.symlink_to(target)
    run()
    assert script.is_symlink()
    assert "BEGIN stash_mail" in target.read_text()


def test_restart_needed_is_told_by_the_process(run: Run, install: Path, truststore: Path) -> None:
    run()
    with product(install):
        assert run()["restart_needed"] is True, "other arguments"
    with product(install, f"{TRUSTSTORE}{truststore}") as pid:
        result = run()
        assert result["restart_needed"] is False
        assert result["process"]["pid"] == pid
        later = time.time() + 5
        os.utime(truststore, (later, later))
        assert run()["restart_needed"] is True, "the file is newer than the process"
        truststore.unlink()
        assert run()["restart_needed"] is True, "the file is still to be written"
    with product(install, f"{TRUSTSTORE}{truststore}", "-Djavax.net.ssl.trustStorePassword=other"):
        assert run()["restart_needed"] is True, "a password that the file does not have"


def test_restart_needed_after_removal(run: Run, install: Path, truststore: Path) -> None:
    run()
    with product(install, f"{TRUSTSTORE}{truststore}"):
        assert run(state="absent")["restart_needed"] is True
        assert run(state="absent")["restart_needed"] is True, "as long as the process uses it"
    with product(install, f"{TRUSTSTORE}/of/somebody/else"):
        assert run(state="absent")["restart_needed"] is False


def test_a_truststore_of_somebody_else_is_named(run: Run, install: Path) -> None:
    assert run(check=True)["foreign_truststore"] is None
    with product(install, f"{TRUSTSTORE}/of/somebody/else"):
        assert run(check=True)["foreign_truststore"] == "/of/somebody/else"
    write_script(install, SETTING.replace("-Xa", f"-Xa {TRUSTSTORE}/in/the/script"))
    assert run()["foreign_truststore"] == "/in/the/script"


def test_a_truststore_of_the_environment(run: Run, install: Path, truststore: Path) -> None:
    with product(install, JAVA_TOOL_OPTIONS=f"{TRUSTSTORE}/of/the/tools"):
        assert run(check=True)["foreign_truststore"] == "/of/the/tools"
    ours = f"{TRUSTSTORE}{truststore}"
    with product(install, ours, JAVA_TOOL_OPTIONS=f"{TRUSTSTORE}/of/the/tools"):
        result = run()
        assert (result["restart_needed"], result["foreign_truststore"]) == (False, None), "ours wins over it"
        assert result["process"]["truststore"] == str(truststore)
    run(state="absent")
    with product(install, ours, _JAVA_OPTIONS=f"{TRUSTSTORE}/wins"):
        refused = run()
        assert "from _JAVA_OPTIONS of its environment, which wins" in refused["msg"]
        assert (install / "bin" / "_start-webapp.sh").read_text() == COMMENTED
        assert run(state="absent").get("failed") is None
    with product(install, _JAVA_OPTIONS=ours):
        assert run(check=True)["restart_needed"] is False, "whoever gave it, it is the wanted one"


@pytest.mark.parametrize("name", ["../../x", "b\nc"])
def test_a_service_that_is_none(run: Run, name: str) -> None:
    assert "is no name of a service" in run(service=name)["msg"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"install_dir": "/nowhere"}, "holds no Stash or Bitbucket"),
        ({"truststore": "/with blank"}, "holds a blank"),
        ({"method": "systemd"}, "has no systemd unit"),
        ({"truststore": None}, "truststore"),
    ],
)
def test_bad_input_changes_nothing(run: Run, install: Path, options: dict[str, Any], message: str) -> None:
    result = run(**options)
    assert result["failed"] is True
    assert message in result["msg"]
    assert (install / "bin" / "_start-webapp.sh").read_text() == COMMENTED


def test_info(install: Path, units: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_unit(units)
    secret = "-Djavax.net.ssl.trustStorePassword=geheim"
    arguments = {"install_dir": str(install), "service": "b", "home": "/data"}
    with product(install, secret) as pid, patch_module_args(arguments), pytest.raises(SystemExit):
        stash_mail_info.main()
    output = capsys.readouterr().out
    result = json.loads(output)
    assert result["changed"] is False
    assert (result["version"], result["layout"], result["home"]) == ("9.4.2", "start_webapp", "/data")
    assert result["process"]["pid"] == pid
    assert result["service"]["exists"] is True
    assert "geheim" not in output


def test_info_of_a_product_elsewhere(
    install: Path, units: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a pod that nothing leads to: a product of this host is not taken for it."""
    write_unit(units)
    java = tmp_path / "named" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch(0o755)
    arguments = {"install_dir": str(install), "service": "b", "elsewhere": True}
    found = []
    with product(install, "-Dx=1"):
        for named in ({}, {"java_home": str(java.parents[1])}):
            with patch_module_args({**arguments, **named}), pytest.raises(SystemExit):
                stash_mail_info.main()
            found.append(json.loads(capsys.readouterr().out))
    unknown = ("install_dir", "home", "user", "scripts", "process", "version")
    assert [found[0][name] for name in unknown] == [None] * len(unknown)
    assert found[0]["service"]["manager"] == "none"
    assert found[0]["java"] is None
    assert found[1]["java"]["home"] == str(java.parents[1])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other accounts")
@pytest.mark.parametrize(("part", "refused"), [("", False), ("bin", True), ("bin/stop-bitbucket.sh", True)])
def test_root_does_not_run_scripts_of_others(
    install: Path, units: Path, part: str, refused: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("start-bitbucket.sh", "stop-bitbucket.sh"):
        (install / "bin" / name).touch(0o755)
    if part:
        os.chown(install / part, 12345, 12345)
    arguments = {"install_dir": str(install), "service": "nothing-of-that-name"}
    with patch_module_args(arguments), pytest.raises(SystemExit):
        stash_mail_info.main()
    found = json.loads(capsys.readouterr().out)
    assert found["user"] is None
    assert found["scripts"]["refused"] == ("root would run them, and 12345 can change them" if refused else "")


def test_info_where_nothing_is_installed(units: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with patch_module_args({"service": "nothing-of-that-name"}), pytest.raises(SystemExit):
        stash_mail_info.main()
    result = json.loads(capsys.readouterr().out)
    assert result["changed"] is False
    assert result["service"] == {"name": "nothing-of-that-name", "exists": False, "manager": "none"}


def test_in_the_environment_file_of_a_container(run: Run, install: Path, truststore: Path, tmp_path: Path) -> None:
    assert run()["changed"] is True
    file = tmp_path / "etc" / "bitbucket.env"
    checked = run(check=True, environment_file=str(file))
    assert not file.exists()
    result = run(environment_file=str(file))
    assert (result["method"], result["path"]) == ("environment", str(file))
    assert (result["diff"], result["arguments"]) == (checked["diff"], checked["arguments"])
    assert result["arguments"] == [f"{TRUSTSTORE}{truststore}"]
    assert file.stat().st_mode & 0o777 == 0o600, "there may be secrets in it"
    assert (install / "bin" / "_start-webapp.sh").read_text() == COMMENTED, "ours must not be left in two places"
    assert run(environment_file=str(file))["changed"] is False
    assert "needs environment_file" in run(method="environment")["msg"]

    file.write_text(f"JVM_SUPPORT_RECOMMENDED_ARGS=-Xa {TRUSTSTORE}/theirs -Dx.token=s3cret\n")
    file.chmod(0o644)
    foreign = run(environment_file=str(file))
    assert foreign["foreign_truststore"] == "/theirs"
    assert "s3cret" not in str(foreign)
    assert f"=-Xa {TRUSTSTORE}{truststore} -Dx.token=s3cret\n" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o644
    assert run(environment_file=str(file), state="absent")["changed"] is True
    assert file.read_text() == f"JVM_SUPPORT_RECOMMENDED_ARGS=-Xa {TRUSTSTORE}/theirs -Dx.token=s3cret\n"


def test_the_script_is_the_choice_where_it_is_asked_for(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bitbucket.env"
    assert run(environment_file=str(file))["method"] == "environment"
    assert run(environment_file=str(file), method="start_webapp")["method"] == "start_webapp"
    assert file.read_text() == "", "ours must not be left in two places"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to other accounts")
@pytest.mark.parametrize("what", ["script", "folder", "fifo", "zero"])
def test_what_the_products_account_puts_in_the_scripts_place(
    run: Run, install: Path, tmp_path: Path, what: str
) -> None:
    """A link showed a file of root's in the difference, and one in place of ``bin`` wrote into root's folder."""
    of_root = tmp_path / "profile.d"
    of_root.mkdir()
    precious = of_root / "_start-webapp.sh"
    precious.write_text("#!/bin/sh\n# precious\n")
    precious.chmod(0o600)
    script = install / "bin" / "_start-webapp.sh"
    script.unlink()
    if what == "fifo":
        os.mkfifo(script)
    elif what == "folder":
        shutil.rmtree(script.parent)
        script.parent.symlink_to(of_root)
        for name in ("start-bitbucket.sh", "stop-bitbucket.sh"):
            (of_root / name).write_text("#!/bin/sh\n")
    else:
        script.symlink_to("/dev/zero" if what == "zero" else precious)
    for path in (install, script.parent, script):
        if not (what == "folder" and path == script):
            os.chown(path, 12345, 12345, follow_symlinks=False)
    for check in (True, False):
        result = run(check=check)
        assert "precious" not in json.dumps(result)
        assert result.get("failed") or result["path"] != str(script)
    assert precious.read_text() == "#!/bin/sh\n# precious\n"
    assert {path.name for path in of_root.iterdir()} <= {precious.name, "start-bitbucket.sh", "stop-bitbucket.sh"}


SECRETS = "\n".join(
    [
        "export JDBC='-Dx=a b' API_KEY=aaaa1111",
        'URL="https://user:bbbb2222@db"',
        "passphrase='cccc3333 dddd4444'",
    ]
)


def test_a_difference_shows_what_we_change_and_nothing_else(
    run: Run, install: Path, units: Path, tmp_path: Path
) -> None:
    write_script(install, f"#!/bin/sh\n{SECRETS}\n#JVM_SUPPORT_RECOMMENDED_ARGS=\n{SECRETS}\n")
    script = run()
    file = tmp_path / "bitbucket.env"
    file.write_text("DB=eeee5555\nJVM_SUPPORT_RECOMMENDED_ARGS=-Dkey=ffff6666 -Dx.y=gggg7777\n# hhhh8888\n")
    environment = run(environment_file=str(file))
    write_unit(units, 'Environment="JVM_SUPPORT_RECOMMENDED_ARGS=-Dmagic=iiii9999"\n')
    unit = run()
    write_unit(units, 'Environment="JVM_SUPPORT_RECOMMENDED_ARGS=-Dmagic=jjjj0000"\n')
    flows_through = run()
    for result in (script, environment, unit, flows_through):
        assert result["changed"] is True
        shown = json.dumps(result["diff"])
        assert "aaaa" not in shown
        assert not any(secret in shown for secret in SECRETS.split())
        assert not any(character * 4 in shown for character in "abcdefghij")
    assert script["diff"][0]["before"] == ""
    assert script["diff"][0]["after"].startswith(TRUSTSTORE)
    assert "have changed" in flows_through["diff"][0]["after"]


def test_what_the_shell_says_of_a_script_is_not_shown(run: Run, install: Path) -> None:
    write_script(install, '#!/bin/sh\n#JVM_SUPPORT_RECOMMENDED_ARGS=\nTOKEN=("hush hush"\n')
    result = run()
    assert "sh -n refuses the new one" in result["msg"]
    assert "hush" not in json.dumps(result)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docker-compose.yml", "services:\n  bitbucket:\n    environment:\n      A: b\n"),
        ("compose", "# ours\nversion: '3'\nservices:\n  bitbucket: {}\n"),
        ("unit", "[Unit]\nDescription=x\n\n[Service]\nEnvironment=A=b\n"),
        ("pod", "apiVersion: v1\nkind: Pod\n"),
        ("json", '{\n"A": "b"\n}\n'),
        ("late", "A=b\n[Service]\nX=y\n"),
        ("bitbucket.service", ""),
        ("bitbucket.container", ""),
    ],
)
def test_an_environment_file_that_is_none(run: Run, tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    assert "is no file of NAME=value lines" in run(environment_file=str(file))["msg"]
    assert file.read_text() == text


@pytest.mark.parametrize(
    "text",
    ["", "# only\n\n; this\n", "export A=b\n", "A\nB=c\n", 'A="two\nlines"\nB=c\n', "A.B-c=d\n"],
)
def test_environment_files_as_they_come(run: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "bitbucket.env"
    file.write_text(text)
    assert run(environment_file=str(file))["changed"] is True
    run(environment_file=str(file), state="absent")
    assert file.read_text() == text


def test_text_that_is_not_utf_8(run: Run, install: Path, truststore: Path, units: Path, tmp_path: Path) -> None:
    """It ended the task after the file was written."""
    script = install / "bin" / "_start-webapp.sh"
    latin = b"#!/bin/sh\n# f\xfcr alle \xff\x80\n#JVM_SUPPORT_RECOMMENDED_ARGS=\nexec java\n"
    script.write_bytes(latin)
    with product(install, f"{TRUSTSTORE}{truststore}", b"-Djavax.net.ssl.x=\xff"):
        result = run()
        assert result["changed"] is True
        assert run()["changed"] is False
        run(state="absent")
    assert script.read_bytes() == latin
    (units / "b.service").write_bytes(
        b"[Service]\nExecStart=/bin/true\nEnvironment=JVM_SUPPORT_RECOMMENDED_ARGS=-Dx=\xff\n"
    )
    assert run()["changed"] is True
    assert b"-Dx=\xff " in (units / "b.service.d" / "stash_mail.conf").read_bytes()
    assert run()["changed"] is False
    file = tmp_path / "bitbucket.env"
    file.write_bytes(b"# \xff\nJVM_SUPPORT_RECOMMENDED_ARGS=-Dx=\xff\n")
    assert run(environment_file=str(file))["changed"] is True


@pytest.mark.parametrize("kind", ["fifo", "endless", "sparse", "folder"])
@pytest.mark.parametrize("name", ["_start-webapp.sh", "set-jre-home.sh", "set-bitbucket-home.sh", "../jre/release"])
def test_files_that_would_hold_us_up(
    run: Run, install: Path, name: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = install / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "endless":
        path.symlink_to("/dev/zero")
    elif kind == "sparse":
        with path.open("wb") as stream:
            stream.truncate(20 * 1024**3)
    else:
        path.mkdir()
    start = time.process_time()
    result = run(check=True)
    assert result.get("failed", False) is (name == "_start-webapp.sh")
    with patch_module_args({"install_dir": str(install), "service": "b"}), pytest.raises(SystemExit):
        stash_mail_info.main()
    assert "exception" not in capsys.readouterr().out
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "text",
    [
        "# BEGIN stash_mail: written by Ansible, changes in here are lost\n" * 5000,
        "# BEGIN stash_mail: written by Ansible, changes in here are lost\n" * 5000 + "# END stash_mail\n" * 5000,
        "#" * 500_000 + "\n",
        "# # #" * 100_000 + "\n",
        "if true; then\n" * 30_000,
        "X='" * 100_001 + "\n",
        "JVM_SUPPORT_RECOMMENDED_ARGS=" + "$(dirname " * 30_000 + "\n",
        'JVM_SUPPORT_RECOMMENDED_ARGS="' + "-Djavax.net.ssl.trustStore=/x " * 15_000 + '"\n',
    ],
    ids=range(8),
)
def test_a_script_made_to_hold_us_up(run: Run, install: Path, text: str) -> None:
    write_script(install, f"#!/bin/sh\n#JVM_SUPPORT_RECOMMENDED_ARGS=\n{text}")
    start = time.process_time()
    run(check=True)
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    "value", [" " * 200_000 + "x", "-Djavax.net.ssl.trustStore=/x " * 8000, "-" * 200_000, '"' * 100_000]
)
def test_an_environment_file_made_to_hold_us_up(run: Run, tmp_path: Path, value: str) -> None:
    file = tmp_path / "bitbucket.env"
    file.write_text(f"JVM_SUPPORT_RECOMMENDED_ARGS={value}\n")
    start = time.process_time()
    run(check=True, environment_file=str(file))
    assert time.process_time() - start < 10
