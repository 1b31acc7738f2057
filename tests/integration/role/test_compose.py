# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A product in a container of a compose project, recreated by podman-compose with the file that the role writes."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.role.contained import START, Contained, image, new_name, provision, take_back
from tests.integration.role.play_chart import podman
from tests.jvm import images

pytestmark = [
    pytest.mark.skipif(bool(images.missing_images()), reason=images.missing_images() or "-"),
    pytest.mark.skipif(shutil.which("podman-compose") is None, reason="podman-compose is not installed"),
    pytest.mark.timeout(images.BUILD_SECONDS + 600),
]


class Project(Contained):
    """A service whose arguments stand in its ``environment:``."""

    def __init__(self, folder: Path) -> None:
        name = new_name()
        image()
        # Podman-compose 1.0 takes network_mode and a network, which podman refuses. With one address for containers,
        # the next one has it, too.
        net = f"10.{random.randrange(90, 200)}.{random.randrange(256)}"  # noqa: S311 - no secret
        podman("network", "create", "--subnet", f"{net}.0/30", name)
        super().__init__(folder, name, f"{net}.1")
        self.settings["stash_mail_bitbucket_url"] = f"http://{net}.2:{self.port}"
        environment = {"JVM_SUPPORT_RECOMMENDED_ARGS": "-Dkept=1 -Dcost=$$5", "SETTINGS": self.settings_text}
        service = {
            "image": image(),
            "container_name": self.container,
            "command": ["sh", "-c", START.replace("$", "$$")],
            "environment": environment | {"USERS": self.users_text},
        }
        networks = {"default": {"name": name, "external": True}}
        self.file, self.override = folder / "compose.yaml", folder / "compose.override.yaml"
        self.file.write_text(yaml.safe_dump({"services": {"bitbucket": service}, "networks": networks}))
        again = "podman-compose down --timeout 1 >/dev/null 2>&1; exec podman-compose up --detach"
        self.command = ["sh", "-c", again]
        self.settings |= {
            "stash_mail_jvm_compose_override": str(self.override),
            "stash_mail_truststore_path": str(folder / "mail" / "cacerts"),
        }

    def remove(self) -> None:
        down = ["podman-compose", "down", "--timeout", "1"]
        subprocess.run(down, cwd=self.folder, capture_output=True, timeout=120)
        subprocess.run(["podman", "network", "rm", "--force", self.container], capture_output=True, timeout=60)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    with made.running():
        yield made


def test_from_no_mail_to_a_message_and_back(project: Project) -> None:
    before = project.file.read_bytes()
    code, output = project.run("--check", "--diff")
    assert code == 0, output
    assert not project.override.exists()

    ours = f"-Djavax.net.ssl.trustStore={project.folder}/mail/cacerts"
    provision(project, "-Dkept=1", "-Dcost=$5", ours)
    take_back(project)
    assert not project.override.exists()
    assert project.file.read_bytes() == before
