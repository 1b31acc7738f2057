# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of a container that a compose project makes: the file over the project's own."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product import compose, systemd
from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs
from ansible_collections.stashops.mail.plugins.module_utils._product import process as processes
from ansible_collections.stashops.mail.plugins.modules import stash_mail_jvm

from tests.ansible_module import patch_module_args

P = "-Djavax.net.ssl.trustStore"
VARIABLE = "JVM_SUPPORT_RECOMMENDED_ARGS"
PROJECT = f"""services:
  bitbucket:
    image: atlassian/bitbucket
    environment:
      OTHER: x
      {VARIABLE}: "-Xa ${{MORE:-}} -Dcost=$$5"
  db:
    image: postgres
"""

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr(systemd, "UNIT_PATHS", (str(tmp_path / "units"),))
    (tmp_path / "compose.yaml").write_text(PROJECT)
    # Where a test asks one, it says which.
    monkeypatch.setattr(compose, "_TOOLS", ())

    def call(**options: Any) -> dict[str, Any]:
        arguments = {
            "service": "",
            "truststore": str(tmp_path / "mail" / "cacerts"),
            "compose_override": str(tmp_path / "compose.override.yaml"),
            "_ansible_diff": True,
            **options,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            stash_mail_jvm.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


def written(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((tmp_path / "compose.override.yaml").read_text())
    return found


def test_what_is_written(run: Run, tmp_path: Path) -> None:
    truststore = tmp_path / "mail" / "cacerts"
    before = (tmp_path / "compose.yaml").read_bytes()
    checked = run(_ansible_check_mode=True)
    assert not (tmp_path / "compose.override.yaml").exists()
    result = run()
    assert (result["method"], result["changed"], result["restart_needed"]) == ("compose", True, True)
    assert result["diff"] == checked["diff"]
    assert "reads the override by itself" in result["method_reason"]
    assert written(tmp_path) == {
        "services": {
            "bitbucket": {
                "environment": {VARIABLE: f"-Xa ${{MORE:-}} -Dcost=$$5 {P}={truststore}"},
                "volumes": [f"{truststore.parent}:{truststore.parent}:ro,z"],
            }
        }
    }
    assert run()["changed"] is False
    assert run(state="absent", _ansible_check_mode=True)["changed"] is True
    assert run(state="absent")["changed"] is True
    assert not (tmp_path / "compose.override.yaml").exists()
    assert (tmp_path / "compose.yaml").read_bytes() == before
    assert run(state="absent")["changed"] is False


@pytest.mark.parametrize(
    ("project", "value", "mounts"),
    [
        (PROJECT.replace(f'{VARIABLE}: "-Xa ${{MORE:-}} -Dcost=$$5"', "A: b"), "{ours}", True),
        (f"services: {{bitbucket: {{environment: ['{VARIABLE}=-Xa', X=y]}}}}", "-Xa {ours}", True),
        (
            f"x: &x {{{VARIABLE}: -Xmx1g}}\n"
            "services: {bitbucket: {environment: {<<: *x}, volumes: ['.:{here}']}}",
            "-Xmx1g {ours}",
            False,
        ),
        ("services: {bitbucket: {volumes: [{type: bind, source: ., target: /}]}}", "{ours}", True),
        (f"services: {{bitbucket: {{environment: {{{VARIABLE}: '-Xa {P}=/t -Xb'}}}}}}", "-Xa {ours} -Xb", True),
        (f"services: {{bitbucket: {{environment: ['{VARIABLE}={P}Password=s3cret']}}}}", "{ours}", True),
        ("services: {bitbucket: {env_file: [{path: missing.env, required: false}]}}", "{ours}", True),
    ],
)
def test_projects_as_they_are_written(run: Run, tmp_path: Path, project: str, value: str, mounts: bool) -> None:
    (tmp_path / "compose.yaml").write_text(project.replace("{here}", f"{tmp_path}/"))
    result = run()
    service = written(tmp_path)["services"]["bitbucket"]
    ours = f"{P}={tmp_path}/mail/cacerts"
    assert service["environment"][VARIABLE] == value.replace("{ours}", ours)
    assert "s3cret" not in json.dumps(result)
    assert ("volumes" in service) == mounts
    assert result["foreign_truststore"] == ("/t" if f"{P}=/t" in project else None)


@pytest.mark.parametrize(
    ("project", "message"),
    [
        ("services: {db: {}}", "There is no service bitbucket in"),
        ("services: [", "is no YAML, at line 1"),
        ("- x", "is no compose file"),
        ("services: {bitbucket: {extends: {service: x}}}", "extends another one"),
        (f"services: {{bitbucket: {{environment: [{VARIABLE}]}}}}", "of whoever runs compose"),
        (f"services: {{bitbucket: {{environment: {{{VARIABLE}: }}}}}}", "of whoever runs compose"),
        ("services: {bitbucket: {env_file: a.env}}", "stash_mail_jvm_environment_file) to that file"),
        ("services: {bitbucket: {env_file: [{path: a.env}]}}", "stash_mail_jvm_environment_file) to that file"),
        ("services: {bitbucket: {env_file: missing.env}}", "which is not there or cannot be told"),
        ("services: {bitbucket: {env_file: '${WHICH}.env'}}", "which is not there or cannot be told"),
        (
            f"services: {{bitbucket: {{environment: {{_JAVA_OPTIONS: '{P}Password=x'}}}}}}",
            "wins over every argument",
        ),
    ],
)
def test_refused_before_anything_is_written(run: Run, tmp_path: Path, project: str, message: str) -> None:
    (tmp_path / "compose.yaml").write_text(project)
    (tmp_path / "a.env").write_text(f"{VARIABLE}=-Xa\n")
    assert message in run()["msg"]
    assert not (tmp_path / "compose.override.yaml").exists()


def test_a_file_of_others_is_left_alone(run: Run, tmp_path: Path) -> None:
    theirs = tmp_path / "compose.override.yaml"
    theirs.write_text("services: {bitbucket: {ports: ['7990:7990']}}\n")
    assert "was not written by stash_mail and would be overwritten" in run()["msg"]
    assert run(state="absent")["changed"] is False
    assert theirs.read_text().startswith("services: {bitbucket")
    other = tmp_path / "compose.stash_mail.yaml"
    result = run(compose_override=str(other), compose_files=[str(tmp_path / "compose.yaml"), str(theirs)])
    assert f"--file {theirs} --file {other}, or COMPOSE_FILE" in result["method_reason"]
    (tmp_path / ".env").write_text("COMPOSE_FILE=compose.yaml:compose.override.yaml:compose.stash_mail.yaml\n")
    assert "by itself" in run(compose_override=str(other))["method_reason"]


def test_no_project_beside_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").unlink()
    assert "name the project's files by compose_files" in run()["msg"]
    assert "needs compose_override" in run(method="compose", compose_override="")["msg"]


def test_an_env_file_is_beside_the_first_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "site.yaml").write_text("services: {bitbucket: {env_file: a.env}}")
    (tmp_path / "parts" / "a.env").write_text("A=b\n")
    (tmp_path / "a.env").write_text(f"{VARIABLE}=-Xa\n")
    (tmp_path / "compose.yaml").write_text("services: {bitbucket: {}}")
    files = [str(tmp_path / "compose.yaml"), str(tmp_path / "parts" / "site.yaml")]
    assert f"from {tmp_path}/a.env" in run(compose_files=files)["msg"]


def test_the_later_of_two_files_counts(run: Run, tmp_path: Path) -> None:
    later = tmp_path / "site.yaml"
    later.write_text(f"services: {{bitbucket: {{environment: {{{VARIABLE}: -Xlater}}}}}}")
    run(compose_files=[str(tmp_path / "compose.yaml"), str(later)])
    assert written(tmp_path)["services"]["bitbucket"]["environment"][VARIABLE].startswith("-Xlater -D")


# A compose that says what a file of this test tells it to, once for the project and once with ours over it.
TOOL = """#!/bin/sh
for word; do [ "$word" = compose ] && shift; done
case " $* " in
  *" --file - "*) cat > "$0.given"; cat "$0.over" ;;
  *) cat "$0.alone" ;;
esac
"""


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    def make(alone: str, over: str) -> Path:
        path = tmp_path / "bin" / "docker"
        path.parent.mkdir(exist_ok=True)
        path.write_text(TOOL)
        path.chmod(0o755)
        for name, text in (("alone", alone), ("over", over)):
            (tmp_path / "bin" / f"docker.{name}").write_text(text)
        monkeypatch.setattr(compose, "_TOOLS", (("docker", "compose"),))
        monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
        return path

    return make


def said(value: str, variable: str = VARIABLE) -> str:
    """As compose shows a service: long lines folded."""
    return yaml.safe_dump({"services": {"bitbucket": {"environment": {variable: value}}}})


LONG = " ".join(f"-Da{number}=b" for number in range(50))


@pytest.mark.parametrize(
    ("alone", "over", "is_taken"),
    [
        ("", "", True),  # it takes no project, not even its own
        ("services: {}", "", True),  # of a profile that is not on
        (said("-Xa"), "", False),
        (said("-Xa"), said("-Xa"), False),
        (said("-Xa"), said(f"{P}=OURS {P}=/later"), False),
        (said("-Xa"), said(f"-Xa {P}=OURS"), True),
        (said("-Xa"), said(f"{LONG} {P}=OURS -Dx=/home/of/somebody"), True),
    ],
)
def test_compose_itself_has_to_take_it(
    run: Run, tmp_path: Path, tool: Callable[[str, str], Path], alone: str, over: str, is_taken: bool
) -> None:
    there = tool(alone, over.replace("OURS", f"{tmp_path}/mail/cacerts"))
    result = run()
    assert ("does not take the override" in result.get("msg", "")) == (not is_taken)
    assert (tmp_path / "compose.override.yaml").exists() == is_taken
    if "bitbucket" in alone:
        assert there.with_suffix(".given").read_text().startswith(compose.HEADER), "told by its standard input"


@pytest.mark.parametrize("variable", [VARIABLE, "JAVA_OPTS"])
def test_what_compose_fills_in_is_seen(
    run: Run, tmp_path: Path, tool: Callable[[str, str], Path], variable: str
) -> None:
    theirs = f"{P}=/theirs {P}Password=s3cret {P}Type=pkcs12"
    (tmp_path / "compose.yaml").write_text(f"services: {{bitbucket: {{environment: {{{variable}: '${{BB_ARGS}}'}}}}}}")
    tool(said(theirs, variable), said(f"{theirs} {P}={tmp_path}/mail/cacerts"))
    result = run()
    assert result["foreign_truststore"] == "/theirs"
    value = written(tmp_path)["services"]["bitbucket"]["environment"][VARIABLE]
    assert value.split()[-3:] == [f"{P}={tmp_path}/mail/cacerts", f"{P}Password=", f"{P}Type=jks"]
    assert "s3cret" not in json.dumps(result)


def test_a_compose_that_does_not_end(
    run: Run, tmp_path: Path, tool: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "_SECONDS", 2.0)  # enough to start in
    path = tool("", "")
    path.write_text(f"#!/bin/sh\nsleep 600 & echo $! > {tmp_path}/child\nwait\n")
    assert run(_ansible_check_mode=True)["changed"] is True
    child, until = Path("/proc", (tmp_path / "child").read_text().strip(), "stat"), time.monotonic() + 10
    while child.exists() and ") Z " not in child.read_text():
        assert time.monotonic() < until, "it has outlived the one that started it"
        time.sleep(0.01)


JAVA_OPTS = f"-Da=b {P}=/x {P}Password=s3cret"


@pytest.mark.parametrize(
    ("project", "env"),
    [
        (f"services: {{bitbucket: {{environment: {{JAVA_OPTS: '{JAVA_OPTS}'}}}}}}", ""),
        (f"services: {{bitbucket: {{environment: ['JAVA_TOOL_OPTIONS={JAVA_OPTS}', {VARIABLE}=-Xa]}}}}", ""),
        ("services: {bitbucket: {env_file: a.env}}", f"JAVA_OPTS={JAVA_OPTS}\n"),
        (f"services: {{bitbucket: {{env_file: a.env, environment: [{VARIABLE}=-Xa]}}}}", f'X="{JAVA_OPTS}"\n'),
    ],
)
def test_a_truststore_in_another_variable_does_not_meet_ours(run: Run, tmp_path: Path, project: str, env: str) -> None:
    """Its path loses against ours, and its password would stay."""
    (tmp_path / "compose.yaml").write_text(project)
    (tmp_path / "a.env").write_text(env)
    result = run()
    assert result["foreign_truststore"] == "/x"
    value = written(tmp_path)["services"]["bitbucket"]["environment"][VARIABLE]
    assert value.split()[-2:] == [f"{P}={tmp_path}/mail/cacerts", f"{P}Password="]
    assert "s3cret" not in json.dumps(result)
    assert run()["changed"] is False


def test_the_files_of_compose_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COMPOSE_FILE=compose.yaml:prod.yaml:mail.yaml # all\n")
    (tmp_path / "prod.yaml").write_text(f"services: {{bitbucket: {{environment: [{VARIABLE}=-Xprod]}}}}")
    override = tmp_path / "mail.yaml"
    for _again in range(2):
        result = run(compose_override=str(override))
        assert "by itself" in result["method_reason"]
        value = yaml.safe_load(override.read_text())["services"]["bitbucket"]["environment"][VARIABLE]
        assert value == f"-Xprod {P}={tmp_path}/mail/cacerts"
    (tmp_path / ".env").write_text("COMPOSE_FILE=mail.yaml:compose.yaml:prod.yaml\n")
    assert "only if it is told to" in run(compose_override=str(override))["method_reason"]
    (tmp_path / ".env").write_text("COMPOSE_FILE=${FILES}\n")
    assert "name the project's files by compose_files" in run(compose_override=str(override))["msg"]
    named = [str(tmp_path / "compose.yaml")]
    assert "only if it is told to" in run(compose_override=str(override), compose_files=named)["method_reason"]


def test_the_sites_own_override_counts(run: Run, tmp_path: Path) -> None:
    (tmp_path / "compose.override.yml").write_text(f"services: {{bitbucket: {{environment: [{VARIABLE}=-Xsite]}}}}")
    override = tmp_path / "mail.yaml"
    result = run(compose_override=str(override))
    value = yaml.safe_load(override.read_text())["services"]["bitbucket"]["environment"][VARIABLE]
    assert value == f"-Xsite {P}={tmp_path}/mail/cacerts"
    assert f"--file {tmp_path}/compose.override.yml --file {override}" in result["method_reason"]


def test_ours_among_the_projects_files(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "compose.yaml").write_text(f"services: {{bitbucket: {{environment: [{VARIABLE}=-Xnew]}}}}")
    files = [str(tmp_path / "compose.yaml"), f"{tmp_path}/./compose.override.yaml"]
    assert run(compose_files=files)["changed"] is True
    assert written(tmp_path)["services"]["bitbucket"]["environment"][VARIABLE].startswith("-Xnew -D")
    assert "name the project's files" in run(compose_files=files[1:])["msg"]


@pytest.mark.parametrize(
    ("volume", "mounts"),
    [
        ("{here}:{here}", False),
        ("{type: bind, source: ./mail, target: {here}/mail}", False),
        ("./other:{here}", True),
        ("data:{here}", True),
        ("{type: volume, source: data, target: {here}}", True),
        ("'${D:-/x}:{here}'", True),
        ("{here}", True),
        ("'/:/'", False),
        ("'./other:{here}/mail'", None),
        ("'data:{here}/mail/'", None),
        ("'${D:-/x}:{here}/mail'", None),
    ],
)
def test_the_project_mounts_the_truststore(run: Run, tmp_path: Path, volume: str, mounts: bool | None) -> None:
    """Only where it is the same folder of the host that is seen there."""
    (tmp_path / "compose.yaml").write_text(
        f"services: {{bitbucket: {{volumes: [{volume}]}}}}".replace("{here}", str(tmp_path))
    )
    result = run()
    if mounts is None:
        assert "has something else mounted at" in result["msg"]
    else:
        assert ("volumes" in written(tmp_path)["services"]["bitbucket"]) is mounts


@pytest.mark.parametrize(
    ("truststore", "message"),
    [
        ("/cacerts", "a folder of the system"),
        ("/etc/cacerts", "a folder of the system"),
        ("/etc/pki/java/cacerts", "a folder of the system"),
        ("/home/ops/cacerts", "a folder of the system"),
        ("{here}/cacerts", "the compose project's own"),
        ("/srv/a:b/cacerts", "written with a : or a comma"),
    ],
)
def test_folders_that_are_not_mounted(run: Run, tmp_path: Path, truststore: str, message: str) -> None:
    assert message in run(truststore=truststore.replace("{here}", str(tmp_path)))["msg"]
    assert not (tmp_path / "compose.override.yaml").exists()


def test_who_may_read_it(run: Run, tmp_path: Path) -> None:
    """It repeats the project's arguments, which may hold secrets."""
    override = tmp_path / "compose.override.yaml"
    (tmp_path / "compose.yaml").chmod(0o640)
    run()
    assert override.stat().st_mode & 0o777 == 0o640
    override.chmod(0o600)
    run(truststore=str(tmp_path / "mail" / "other"))
    assert override.stat().st_mode & 0o777 == 0o600


def test_tags_of_compose(run: Run, tmp_path: Path) -> None:
    base, site = tmp_path / "compose.yaml", tmp_path / "site.yaml"
    files = [str(base), str(site)]
    base.write_text(f"services: {{bitbucket: {{environment: [{VARIABLE}=-Xa], volumes: ['{tmp_path}:{tmp_path}']}}}}")
    ours = f"{P}={tmp_path}/mail/cacerts"
    for text, value, mounts in (
        ("{environment: !override [A=b]}", ours, False),
        (f"{{environment: {{{VARIABLE}: !reset null}}, volumes: !reset []}}", ours, True),
        (f"!override {{environment: {{{VARIABLE}: -Xb}}}}", f"-Xb {ours}", True),
        ("{ports: !reset []}", f"-Xa {ours}", False),
    ):
        site.write_text(f"services: {{bitbucket: {text}}}")
        run(compose_files=files)
        service = written(tmp_path)["services"]["bitbucket"]
        assert (service["environment"][VARIABLE], "volumes" in service) == (value, mounts)


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
def test_a_real_compose_gives_the_container_all_of_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "_TOOLS", (("docker-compose",),))
    assert run()["changed"] is True
    done = subprocess.run(["docker-compose", "config"], cwd=tmp_path, capture_output=True, text=True, check=True)
    service = yaml.safe_load(done.stdout)["services"]["bitbucket"]
    assert service["environment"] == {
        "OTHER": "x",
        # Compose doubles the $ of what it shows.
        VARIABLE: f"-Xa  -Dcost=$$5 {P}={tmp_path}/mail/cacerts",
    }
    assert str(tmp_path / "mail") in json.dumps(service["volumes"])


def test_what_else_runs_on_this_host_is_another_product(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(*_looked_for: object) -> None:
        raise StashMailError("Several products run on this host.")

    monkeypatch.setattr(installs, "find_install", find)
    assert "Several products" in run()["msg"]
    assert run(behind=["false"])["changed"] is True


@pytest.mark.parametrize("by", ["compose_override", "environment_file"])
def test_a_truststore_of_the_image_does_not_meet_ours(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    file = tmp_path / "made.env"
    options = {"compose_override": None, "environment_file": str(file)} if by == "environment_file" else {}
    words = [f"{P}=/x", f"{P}Password=s3cret", f"{P}Type=pkcs12"]
    facts = {"pid": 1, "executable": "/java", "working_dir": "/", "uid": 1, "started": 0.0}
    process = processes.of_words(["java", "-Dbitbucket.home=/x", *words], {}, facts)
    monkeypatch.setattr(processes, "find_contained", lambda _paths: process)
    result = run(**options)
    assert result["foreign_truststore"] == "/x"
    assert result["arguments"][-3:] == [f"{P}={tmp_path}/mail/cacerts", f"{P}Password=********", f"{P}Type=jks"]
    text = file.read_text() if by == "environment_file" else json.dumps(written(tmp_path))
    assert f"{P}Password= {P}Type=jks" in text
    assert run(**options)["changed"] is False


def test_a_truststore_in_another_variable_of_an_environment_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "made.env"
    file.write_text(f"JAVA_OPTS={JAVA_OPTS}\n{VARIABLE}=-Xa\n")
    options = {"compose_override": None, "environment_file": str(file)}
    assert run(**options)["foreign_truststore"] == "/x"
    assert f"{VARIABLE}=-Xa {P}={tmp_path}/mail/cacerts {P}Password=\n" in file.read_text()
    assert run(**options)["changed"] is False
    run(**options, state="absent")
    assert file.read_text() == f"JAVA_OPTS={JAVA_OPTS}\n{VARIABLE}=-Xa\n"
