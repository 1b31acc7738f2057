# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""execution-environment.yml built by ansible-builder, and the playbooks run in it as AWX does.

ansible-runner starts the image by podman with the project, the inventory, an SSH key and files of variables in one
folder, which is all that the run sees. It reaches a lab's host by SSH. ``make test-execution-environment`` runs this.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests import awx
from tests.lab import leaks
from tests.lab.images.build import CONTAINERS_CONF, REPOSITORY
from tests.lab.lab import ROOT, Lab
from tests.lab.test_scenarios import LOGS, SCENARIO_SECONDS, fail, molecule, run

ASKED = os.environ.get("STASH_MAIL_EXECUTION_ENVIRONMENT", "") not in ("", "0")
# A lab of its own beside those of the scenarios.
LAB = "ee"
BASE = "ee_base"
DIST = ROOT / ".cache/dist/execution-environment"
RUN_SECONDS = 600
# As AWX sets it for a project with our ansible.cfg (RunJob.build_env).
AWX_ENVIRONMENT = {
    "ANSIBLE_COLLECTIONS_PATH": (
        "/runner/requirements_collections:collections:~/.ansible/collections:/usr/share/ansible/collections"
    ),
    "ANSIBLE_ROLES_PATH": (
        "/runner/requirements_roles:roles:~/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles"
    ),
    "ANSIBLE_HOST_KEY_CHECKING": "False",
}
NEXT = "Next#{{ password }}%of+the+sender"

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not ASKED, reason="make test-execution-environment runs this"),
]


def done(command: list[str], **options: Any) -> str:
    """Run to the end; the test fails with the output where that is not 0."""
    ended: subprocess.CompletedProcess[str] = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, check=False, **options
    )
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout[-6000:]}"
    return ended.stdout


@pytest.fixture(scope="module")
def programs() -> Path:
    """The folder of ansible-builder and ansible-runner, installed from the hash-checked pins."""
    done(["make", ".cache/builder/bin/ansible-builder"], timeout=900)
    return ROOT / ".cache/builder/bin"


@pytest.fixture(scope="module")
def image(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image, built where there is none of this content: on Debian's packages in place of a registry's image."""
    built = subprocess.run(
        [sys.executable, str(ROOT / "tests/lab/images/build.py"), BASE],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=1800,
    )
    base = json.loads(built.stdout)[BASE]
    os.environ["CONTAINERS_CONF"] = str(CONTAINERS_CONF)
    done(["make", "execution-environment-files"], timeout=300)
    with tarfile.open(DIST / "stashops-mail.tar.gz") as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers() if member.isfile()}
        content = [(name, file.read()) for name, file in sorted(files.items()) if file]
    definition = [(ROOT / name).read_bytes() for name in ("execution-environment.yml", "requirements/ee.txt")]
    digest = hashlib.sha256(repr([base, definition, content]).encode()).hexdigest()
    tag = f"{REPOSITORY}/execution-environment:{digest[:16]}"
    if subprocess.run(["podman", "image", "exists", tag]).returncode == 0:
        return tag
    # How this machine reaches a package index, for the build alone.
    folder = tmp_path_factory.mktemp("build")
    volumes = []
    if certificates := os.environ.get("PIP_CERT"):
        (folder / "pip.conf").write_text("[global]\ncert = /run/pip_cert\n")
        volumes = [f"--volume={folder}/pip.conf:/etc/pip.conf:ro", f"--volume={certificates}:/run/pip_cert:ro"]
    began = time.monotonic()
    done(
        [
            *(str(programs / "ansible-builder"), "build", "--file", "execution-environment.yml"),
            *("--context", str(folder / "context"), "--tag", tag, "--build-arg", f"EE_BASE_IMAGE={base}"),
            *("--container-runtime", "podman", "--verbosity", "2"),
            *("--extra-build-cli-args", " ".join(["--pull=never", "--network=host", *volumes])),
        ],
        timeout=1200,
    )
    print(f"built {tag} in {time.monotonic() - began:.0f} s")
    return tag


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab whose Bitbucket host is reached by SSH."""
    create, destroy = LOGS / f"create-{LAB}.log", LOGS / f"destroy-{LAB}.log"
    state = pytest.MonkeyPatch()
    state.setattr("tests.lab.lab.STATE", ROOT / ".cache/molecule" / LAB)
    try:
        run(LAB, molecule("destroy"), destroy, SCENARIO_SECONDS)
        if status := run(LAB, molecule("create"), create, SCENARIO_SECONDS):
            fail(LAB, "Creating the lab", status, create)
        with contextlib.closing(Lab.load()) as made:
            # Its image has it for a run at each connection, see tests/lab/playbooks/inventory/group_vars.
            made.host("bitbucket").check_output("systemctl start ssh.service")
            yield made
    finally:
        state.undo()
        run(LAB, molecule("destroy"), destroy, SCENARIO_SECONDS)


@dataclass
class Jobs:
    """Launches jobs as AWX does, each in a folder of its own."""

    lab: Lab
    image: str
    programs: Path
    folder: Path
    output: str = ""

    def launch(
        self,
        name: str,
        playbook: str,
        *,
        survey: dict[str, Any] | None = None,
        accounts: dict[str, dict[str, str]],
    ) -> Job:
        private = self.folder / name
        for part in ("inventory", "env", "project"):
            (private / part).mkdir(parents=True, mode=0o700)
        if playbook.startswith("playbooks/"):
            # A project's update is a clone.
            archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
            subprocess.run(["tar", "-x", "-C", str(private / "project")], input=archive.stdout, check=True)
        else:
            # A project of the user's own, with what the image has.
            ours = f"stashops.mail.{playbook.removesuffix('.yml')}"
            (private / "project" / playbook).write_text(f"- import_playbook: {ours}\n")
        lab = self.lab
        host = {
            "ansible_host": "bitbucket.stashops.test",
            "ansible_user": "deploy",
            "stash_mail_bitbucket_url": "http://127.0.0.1:7990",
            "stash_mail_host": lab.mail_host,
            "stash_mail_port": 587,
            "stash_mail_security": "starttls_required",
            "stash_mail_sender": lab.sender,
            "stash_mail_certificates": [{"pem": lab.certificate("ca")}],
        }
        (private / "inventory/hosts.json").write_text(json.dumps({"bitbucket": {"hosts": {"node1": host}}}))
        key = (lab_state() / "ssh/id_ed25519").read_text()
        (private / "env/ssh_key").write_text(key)
        (private / "env/envvars").write_text(json.dumps(AWX_ENVIRONMENT))
        files = [survey or {}, *(awx.inject(awx.credential_type(kind), **inputs) for kind, inputs in accounts.items())]
        arguments = []
        for number, variables in enumerate(files):
            path = private / f"env/extra_{number}"
            path.touch(mode=0o600)
            path.write_text(awx.dump(variables), "utf-8")
            arguments.append(f"-e @/runner/env/extra_{number}")
        began = time.monotonic()
        ended = subprocess.run(
            [
                *(str(self.programs / "ansible-runner"), "run", str(private), "--ident", "job"),
                *("--playbook", playbook, "--cmdline", " ".join(arguments)),
                *("--process-isolation", "--process-isolation-executable", "podman"),
                *("--container-image", self.image, "--container-option=--pull=never"),
                # As AWX does it: the user who has started it, whom podman takes for root.
                "--container-option=--user=root",
                f"--container-option=--network={network(lab)}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
            env={**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}"},
        )
        print(f"{name}: {time.monotonic() - began:.0f} s")
        self.output += ended.stdout
        return Job(ended.returncode, ended.stdout, private)


@dataclass(frozen=True)
class Job:
    """What a job left."""

    code: int
    output: str
    private: Path

    def stats(self) -> dict[str, Any]:
        """What AWX shows as its artifacts: what ``set_stats`` said, from the job's events."""
        for file in (self.private / "artifacts/job/job_events").glob("*.json"):
            event = json.loads(file.read_text())
            if event["event"] == "playbook_on_stats":
                return dict(event["event_data"].get("artifact_data", {}))
        raise AssertionError(f"no statistics\n{self.output}")


def lab_state() -> Path:
    return ROOT / ".cache/molecule" / LAB


def network(lab: Lab) -> str:
    container = lab.containers["bitbucket"]
    return container.removesuffix("-bitbucket")


@pytest.fixture(scope="module")
def jobs(lab: Lab, image: str, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    made = Jobs(lab, image, programs, tmp_path_factory.mktemp("jobs"))
    yield made
    assert leaks.in_text(made.output, [*lab.passwords(), NEXT]) == []


@pytest.fixture
def accounts(lab: Lab) -> dict[str, dict[str, str]]:
    return {
        "stash_mail mail server": {"username": lab.sender, "password": lab.password("sender")},
        "stash_mail Bitbucket administrator": {"username": "sysadmin", "password": lab.password("sysadmin")},
        "stash_mail mailbox": {
            "recipient": lab.recipient,
            "host": lab.mail_host,
            "security": "starttls",
            "username": lab.recipient,
            "password": lab.password("recipient"),
        },
    }


def test_image_has_the_collection_and_no_more(image: str) -> None:
    listed = done(
        ["podman", "run", "--rm", "--network=none", image, "ansible-galaxy", "collection", "list", "--format=json"]
    )
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text("utf-8"))["version"]
    assert list(json.loads(listed[listed.index("{") :]).values()) == [{"stashops.mail": {"version": version}}]
    # Nothing of how it was built.
    assert (
        done(
            ["podman", "run", "--rm", "--network=none", image, "sh", "-c", "cat /etc/pip.conf; ls /output || :"]
        ).count("cert")
        == 0
    )


def test_provision(lab: Lab, jobs: Jobs, accounts: dict[str, dict[str, str]]) -> None:
    job = jobs.launch(
        "provision", "playbooks/provision.yml", survey={"stash_mail_verify_notification": "true"}, accounts=accounts
    )
    assert job.code == 0, job.output
    assert job.stats() == {"mail_provision": {"failed": {}}}
    settings = lab.mail_server()
    assert settings
    assert settings["hostname"] == lab.mail_host
    assert len(lab.find("SUBJECT", "[stash_mail] Test of", wanted=1)) == 1


def test_check_with_its_reports(jobs: Jobs, accounts: dict[str, dict[str, str]]) -> None:
    """By the image's own collection; the reports are in the folder that the runner keeps."""
    survey = {"stash_mail_check_message": "true", "stash_mail_report_dir": "/runner/artifacts/reports"}
    job = jobs.launch("check", "check.yml", survey=survey, accounts=accounts)
    assert job.code == 0, job.output
    reports = job.private / "artifacts/reports"
    assert sorted(file.name for file in reports.iterdir()) == [
        f"stash_mail.{kind}" for kind in ("html", "json", "prom", "xml")
    ]
    report = json.loads((reports / "stash_mail.json").read_text())
    jsonschema.validate(report, json.loads((ROOT / "docs/report.schema.json").read_text()))
    assert job.stats()["mail_check"]["counts"] == report["counts"]
    assert report["counts"]["failed"] == 0, report


def test_rotation_of_a_password(lab: Lab, jobs: Jobs, accounts: dict[str, dict[str, str]]) -> None:
    """One that the mail server does not take changes nothing, and what it said is not shown."""
    before = lab.state()
    accounts["stash_mail next mail account"] = {"username": lab.sender, "password": NEXT}
    refused = jobs.launch("refused", "playbooks/rotate_credentials.yml", accounts=accounts)
    assert refused.code != 0
    assert "nothing has been changed" in " ".join(refused.output.split())
    assert lab.state() == before
    users = lab_state() / "mail/users"
    digest = hashlib.sha256(NEXT.encode()).hexdigest()
    lines = users.read_text().splitlines()
    users.write_text(
        "".join(
            f"{lab.sender}:{{SHA256.HEX}}{digest}\n" if line.startswith(lab.sender) else f"{line}\n" for line in lines
        )
    )
    rotated = jobs.launch("rotated", "playbooks/rotate_credentials.yml", accounts=accounts)
    assert rotated.code == 0, rotated.output
    # From now on it is the account's.
    accounts["stash_mail mail server"]["password"] = NEXT
    del accounts["stash_mail next mail account"]
    again = jobs.launch("again", "playbooks/provision.yml", accounts=accounts)
    assert again.code == 0, again.output
    assert "changed=0" in again.output
