# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of a container that a compose project makes: the file over the project's own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product import compose, systemd
from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs
from ansible_collections.stashops.mail.plugins.modules import stash_mail_jvm

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


def test_the_later_of_two_files_counts(run: Run, tmp_path: Path) -> None:
    later = tmp_path / "site.yaml"
    later.write_text(f"services: {{bitbucket: {{environment: {{{VARIABLE}: -Xlater}}}}}}")
    run(compose_files=[str(tmp_path / "compose.yaml"), str(later)])
    assert written(tmp_path)["services"]["bitbucket"]["environment"][VARIABLE].startswith("-Xlater -D")


@pytest.mark.parametrize("takes", ["nothing", "its own", "both", "both, and drops ours"])
def test_compose_itself_has_to_take_it(takes: str) -> None:
    override = compose.render(compose.Service("bitbucket", "", []), f"{P}=/x", "/srv")

    def tool(command: list[str]) -> tuple[int, str, str]:
        is_over = command.count("--file") > 1
        if takes == "nothing" or (takes == "its own" and is_over):
            return 1, "", "no"
        return 0, f"{P}=/x" if is_over and takes == "both" else "services:", ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
        if takes in ("nothing", "both"):
            compose.check(tool, ["/c.yaml"], override)
        else:
            with pytest.raises(StashMailError, match="does not take the override"):
                compose.check(tool, ["/c.yaml"], override)


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
def test_a_real_compose_gives_the_container_all_of_it(run: Run, tmp_path: Path) -> None:
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
