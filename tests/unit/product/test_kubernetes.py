# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for the vendor's Helm chart: the Secret with the truststore, and the values beside a site's own."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_collections.stashops.mail.plugins.module_utils._product import behind
from ansible_collections.stashops.mail.plugins.module_utils._product.process import of_words
from ansible_collections.stashops.mail.plugins.modules import stash_mail_kubernetes

from tests.ansible_module import patch_module_args

P = "-Djavax.net.ssl.trustStore"
CHART = json.loads((Path(__file__).parent / "data" / "chart.json").read_text())["values"]
NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 253}
# Of Kubernetes' API reference: what a Secret, a Volume of one, and a VolumeMount are.
SECRET = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "data"],
    "additionalProperties": False,
    "properties": {
        "apiVersion": {"const": "v1"},
        "kind": {"const": "Secret"},
        "type": {"type": "string"},
        "metadata": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": NAME,
                "namespace": NAME,
                "labels": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 63}},
            },
            "additionalProperties": False,
        },
        "data": {
            "type": "object",
            "propertyNames": {"pattern": "^[-._a-zA-Z0-9]+$"},
            "additionalProperties": {"type": "string", "pattern": "^[A-Za-z0-9+/]*={0,2}$"},
        },
    },
}
VOLUME = {
    "type": "object",
    "required": ["name", "secret"],
    "additionalProperties": False,
    "properties": {
        "name": {**NAME, "maxLength": 63},
        "secret": {
            "type": "object",
            "required": ["secretName"],
            "additionalProperties": False,
            "properties": {"secretName": NAME, "optional": {"type": "boolean"}},
        },
    },
}
MOUNT = {
    "type": "object",
    "required": ["name", "mountPath"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string"},
        "mountPath": {"type": "string", "pattern": "^/[^:]+$"},
        "readOnly": {"type": "boolean"},
    },
}

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "cacerts").write_bytes(b"\xfe\xed\xfe\xed of ours")

    def call(site: Any = None, **options: Any) -> dict[str, Any]:
        files = []
        for number, values in enumerate(site if isinstance(site, list) else [site] if site else []):
            path = tmp_path / f"site{number}.yaml"
            path.write_text(values if isinstance(values, str) else yaml.safe_dump(values))
            files.append(str(path))
        arguments = {
            "truststore": str(tmp_path / "cacerts"),
            "manifest": str(tmp_path / "made" / "secret.yaml"),
            "values": str(tmp_path / "made" / "values.yaml"),
            "values_files": files,
            "_ansible_diff": True,
            **options,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            stash_mail_kubernetes.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


def made(tmp_path: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((tmp_path / "made" / f"{name}.yaml").read_text())
    return found


def keys(values: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The paths of all that a chart's values hold, lists as a whole."""
    if not isinstance(values, dict):
        return {path}
    return {found for key, value in values.items() for found in keys(value, (*path, key))}


def test_what_is_written_and_removed(run: Run, tmp_path: Path) -> None:
    checked = run(_ansible_check_mode=True)
    assert not (tmp_path / "made").exists()
    result = run(namespace="bitbucket")
    assert (result["changed"], result["method"], result["restart_needed"]) == (True, "helm", True)
    assert checked["diff"][0] == result["diff"][0]
    secret, values = made(tmp_path, "secret"), made(tmp_path, "values")
    jsonschema.validate(secret, SECRET)
    assert base64.b64decode(secret["data"]["cacerts"]) == (tmp_path / "cacerts").read_bytes()
    assert secret["metadata"]["namespace"] == "bitbucket"
    jsonschema.validate(values["volumes"]["additional"], {"type": "array", "items": VOLUME})
    jsonschema.validate(values["bitbucket"]["additionalVolumeMounts"], {"type": "array", "items": MOUNT})
    assert keys(values) <= keys(CHART), "the chart has no such key, and Helm would say nothing of it"
    sha256 = hashlib.sha256((tmp_path / "cacerts").read_bytes()).hexdigest()
    assert values["bitbucket"]["additionalJvmArgs"] == [
        f"{P}=/var/stash_mail/cacerts",
        f"-Dstash_mail.truststore.sha256={sha256}",
    ]
    assert run(namespace="bitbucket")["changed"] is False

    # Another truststore changes an argument, for which the chart rolls the pods.
    (tmp_path / "cacerts").write_bytes(b"other")
    assert run(namespace="bitbucket")["changed"] is True
    assert made(tmp_path, "values")["bitbucket"]["additionalJvmArgs"] != values["bitbucket"]["additionalJvmArgs"]

    assert run(state="absent", _ansible_check_mode=True)["changed"] is True
    assert run(state="absent")["changed"] is True
    assert list((tmp_path / "made").iterdir()) == []
    assert run(state="absent")["changed"] is False


def test_a_secret_that_was_not_applied_is_no_other_and_yet_as_if_it_were(run: Run, tmp_path: Path) -> None:
    """By its file alone the next call would find all as wanted, and nobody would apply it."""
    assert run(applied=False)["changed"] is True
    unapplied = made(tmp_path, "secret")
    checked = run(applied=False, _ansible_check_mode=True)
    assert (checked["changed"], checked["restart_needed"]) == (True, True)
    assert run(applied=False)["changed"] is True
    assert run()["changed"] is True
    assert made(tmp_path, "secret") == unapplied
    # It is applied: so it stays.
    for applied in (True, False):
        assert run(applied=applied)["changed"] is False
    assert run(applied=False, state="absent")["changed"] is True
    assert list((tmp_path / "made").iterdir()) == []


def test_what_the_site_has_is_repeated(run: Run, tmp_path: Path) -> None:
    """Helm takes a list from the last file that has it."""
    mount, volume = {"name": "x", "mountPath": "/x"}, {"name": "x", "emptyDir": {}}
    first = {
        "bitbucket": {"additionalJvmArgs": ["-Dreplaced=1"], "additionalVolumeMounts": [mount], "replicas": 2},
        "volumes": {"additional": [volume]},
    }
    second = {"bitbucket": {"additionalJvmArgs": ["-Xa -Xb", "-Dx.token=s3cret"], "replicas": None}}
    result = run([first, second])
    values = made(tmp_path, "values")
    assert values["bitbucket"]["additionalJvmArgs"][:3] == ["-Xa", "-Xb", "-Dx.token=s3cret"]
    assert values["bitbucket"]["additionalVolumeMounts"][0] == mount
    assert values["volumes"]["additional"][0] == volume
    assert "s3cret" not in json.dumps(result)
    # A site that has copied ours into its own file gets them once.
    assert run([first, second, values])["changed"] is False
    assert made(tmp_path, "values") == values


def test_a_truststore_of_the_site_is_told_and_replaced(run: Run, tmp_path: Path) -> None:
    site = {"bitbucket": {"additionalJvmArgs": [f"{P}=/theirs", f"{P}Password=s3cret", "-Xa"]}}
    result = run(site)
    assert result["foreign_truststore"] == "/theirs"
    assert made(tmp_path, "values")["bitbucket"]["additionalJvmArgs"][:2] == [f"{P}=/var/stash_mail/cacerts", "-Xa"]
    assert "s3cret" not in json.dumps(result)


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ({"bitbucket": {"additionalCertificates": {"secretName": "ca"}}}, "the last one wins"),
        (
            {"bitbucket": {"additionalCertificates": {"secretList": [{"name": "ca", "keys": ["a"]}]}}},
            "the last one wins",
        ),
        (
            {
                "bitbucket": {
                    "additionalEnvironmentVariables": [{"name": "JVM_SUPPORT_RECOMMENDED_ARGS", "value": "-Xa"}]
                }
            },
            "wins over bitbucket.additionalJvmArgs",
        ),
        (
            {"bitbucket": {"additionalEnvironmentVariables": [{"name": "_JAVA_OPTIONS", "value": f"{P}=/x"}]}},
            "wins over every argument",
        ),
        (
            {"bitbucket": {"additionalVolumeMounts": [{"name": "x", "mountPath": "/var/stash_mail"}]}},
            "set mount_path to another folder",
        ),
        (
            {"bitbucket": {"additionalEnvironmentVariables": [{"name": "_JAVA_OPTIONS", "value": f"{P}Password=x"}]}},
            "wins over every argument",
        ),
        (
            {"bitbucket": {"additionalVolumeMounts": [{"name": "x", "mountPath": "/var/stash_mail/"}]}},
            "set mount_path to another folder",
        ),
        (
            {"volumes": {"additional": [{"name": "stash-mail-truststore", "emptyDir": {}}]}},
            "set name (stash_mail_kubernetes_name) to another one",
        ),
        (
            {"volumes": {"additional": [{"name": "stash-mail-truststore", "secret": {"secretName": "x"}}]}},
            "set name (stash_mail_kubernetes_name) to another one",
        ),
        ("bitbucket: [", "is no YAML, at line"),
        (f"bitbucket: {'[' * 5000}", "is no YAML"),
        ("bitbucket: !override {}", "is no YAML, at line"),
        ("- bitbucket", "holds no values of a chart"),
    ],
)
def test_refused_before_anything_is_written(run: Run, tmp_path: Path, site: Any, message: str) -> None:
    assert message in run(site)["msg"]
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "Stash_Mail"}, "is no name in Kubernetes"),
        ({"namespace": "a b"}, "is no name in Kubernetes"),
        ({"mount_path": "relative"}, "is not an absolute path"),
        ({"mount_path": "/var/ssl/"}, "name another folder"),
        ({"mount_path": "//var/./ssl"}, "name another folder"),
        ({"mount_path": "//"}, "name a folder in it"),
        ({"values_files": None}, "or set it to [] where there are none"),
    ],
)
def test_options_that_cannot_be(run: Run, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    assert message in run(**options)["msg"]
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("value", [f"{P}=/x {P}Password=s3cret {P}Type=pkcs12", f"-Da=b '{P}=/x' {P}Password=s3cret"])
def test_a_truststore_in_another_variable_does_not_meet_ours(run: Run, tmp_path: Path, value: str) -> None:
    """Its path loses against ours, and its password and type would stay."""
    site = {"bitbucket": {"additionalEnvironmentVariables": [{"name": "JAVA_OPTS", "value": value}, {"name": "X"}]}}
    result = run(site)
    assert result["foreign_truststore"] == "/x"
    words = made(tmp_path, "values")["bitbucket"]["additionalJvmArgs"]
    kind = [f"{P}Type=jks"] if "pkcs12" in value else []
    assert words[:-1] == [f"{P}=/var/stash_mail/cacerts", f"{P}Password=", *kind]
    assert "s3cret" not in json.dumps(result)


def test_a_truststore_of_the_image_does_not_meet_ours(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_the_image = [f"{P}=/x", f"{P}Password=s3cret"]
    words = of_the_image

    def product(_command: object) -> behind.Product:
        facts = {"pid": 1, "executable": "/java", "working_dir": "/", "uid": 1, "started": 0.0}
        return behind.Product(of_words(["java", "-Dbitbucket.home=/x", *words], {}, facts), "x")

    monkeypatch.setattr(behind, "find", product)
    result = run(behind=["x"])
    assert result["foreign_truststore"] == "/x"
    given = made(tmp_path, "values")["bitbucket"]["additionalJvmArgs"]
    assert given[:-1] == [f"{P}=/var/stash_mail/cacerts", f"{P}Password="]
    words = [*of_the_image, *given]
    result = run(behind=["x"])
    assert (result["changed"], result["restart_needed"]) == (False, False)


def test_our_own_former_folder_is_no_foreign_truststore(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"{P}=/theirs", *run()["arguments"]]

    def product(_command: object) -> behind.Product:
        facts = {"pid": 1, "executable": "/java", "working_dir": "/", "uid": 1, "started": 0.0}
        return behind.Product(of_words(["java", "-Dbitbucket.home=/x", *words], {}, facts), "x")

    monkeypatch.setattr(behind, "find", product)
    for _again in range(2):
        result = run(behind=["x"], mount_path="/srv/mail/")
        assert (result["foreign_truststore"], result["restart_needed"]) == (None, True)
        assert f"{P}=/srv/mail/cacerts" in result["arguments"]
    assert run(behind=["x"], state="absent", mount_path="/srv/mail")["restart_needed"] is True
    words.append(f"{P}=/y")
    assert run(behind=["x"], mount_path="/srv/mail")["foreign_truststore"] == "/y"


def test_ours_among_the_sites_files(run: Run, tmp_path: Path) -> None:
    run({"bitbucket": {"additionalJvmArgs": ["-Xa"]}})
    # As the site has it now; ours still has the former one.
    (tmp_path / "site0.yaml").write_text("bitbucket: {additionalJvmArgs: [-Xb]}\n")
    run(values_files=[str(tmp_path / "site0.yaml"), f"{tmp_path}/made/../made/values.yaml"])
    assert made(tmp_path, "values")["bitbucket"]["additionalJvmArgs"][0] == "-Xb"


def test_values_are_taken_as_helm_takes_them(run: Run, tmp_path: Path) -> None:
    mounts = "[{name: x, mountPath: /x, subPath: 12:30, readOnly: true}, {name: y, mountPath: /y, subPath: 2026-13-45}]"
    run(f"bitbucket: {{additionalVolumeMounts: {mounts}, additionalJvmArgs: [-Dx=1, 0x10, 1.5]}}")
    values = made(tmp_path, "values")["bitbucket"]
    assert [mount.get("subPath") for mount in values["additionalVolumeMounts"]] == ["12:30", "2026-13-45", None]
    assert values["additionalVolumeMounts"][0]["readOnly"] is True
    assert values["additionalJvmArgs"][:3] == ["-Dx=1", "16", "1.5"]


def test_the_certificates_that_are_off(run: Run) -> None:
    off: dict[str, Any] = {
        "bitbucket": {"additionalCertificates": {"secretName": None, "secretList": [], "customCmd": "x"}}
    }
    on = {"bitbucket": {"additionalCertificates": {"secretName": "ca"}}}
    assert run(off)["changed"] is True
    assert run([on, {"bitbucket": {"additionalCertificates": {"secretName": None}}}])["changed"] is False


def test_a_truststore_that_no_secret_takes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cacerts").write_bytes(bytes(1024 * 1024 + 1))
    assert "a Secret takes 1048576" in run()["msg"]


def test_files_of_others_are_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "values.yaml").write_text("bitbucket: {}\n")
    assert "was not written by stash_mail and would be overwritten" in run()["msg"]
    assert run(state="absent")["changed"] is False
    assert (tmp_path / "made" / "values.yaml").read_text() == "bitbucket: {}\n"
    assert not (tmp_path / "made" / "secret.yaml").exists()


def test_the_process_says_whether_to_roll(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given = words = run()["arguments"]

    def product(_command: object) -> behind.Product:
        facts = {"pid": 1, "executable": "/java", "working_dir": "/", "uid": 1, "started": 0.0}
        return behind.Product(of_words(["java", "-Dbitbucket.home=/x", *words], {}, facts), "x")

    monkeypatch.setattr(behind, "find", product)
    cases = ((given, False), ([given[0]], True), ([*given, f"{P}=/y"], True), ([*given, f"{P}Password=y"], True))
    for others, needed in (*cases, ([], True)):
        words = others
        assert run(behind=["x"])["restart_needed"] is needed
    words = given
    assert run(behind=["x"], state="absent")["restart_needed"] is True
