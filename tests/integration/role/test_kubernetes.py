# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A product in a pod: the Secret and the values that the role writes, played by podman, and the JVM that reads them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.role import play_chart
from tests.integration.role.contained import Contained, image, new_name, provision, take_back
from tests.integration.role.test_phases import shown
from tests.jvm import images

pytestmark = [
    pytest.mark.skipif(bool(images.missing_images()), reason=images.missing_images() or "-"),
    pytest.mark.skipif(
        shutil.which("catatonit") is None, reason="catatonit is not installed, which podman's pods need"
    ),
    pytest.mark.timeout(images.BUILD_SECONDS + 600),
]


class Pod(Contained):
    """By the values of the vendor's chart."""

    def __init__(self, folder: Path) -> None:
        self.name, self.dir, self.site = new_name(), folder / "kubernetes", folder / "values.yaml"
        super().__init__(folder, f"{self.name}-bitbucket")
        self.site.write_text(yaml.safe_dump({"bitbucket": {"additionalJvmArgs": ["-Dkept=1"], "x": {"y": 1}}}))
        (folder / "standin.json").write_text(self.settings_text)
        (folder / "users.json").write_text(self.users_text)
        self.command = [sys.executable, "-m", "tests.integration.role.play_chart", self.name, image()]
        self.command += [str(folder / "standin.json"), str(folder / "users.json"), str(self.dir / "secret.yaml")]
        self.command += [str(self.site), str(self.dir / "values.yaml")]
        self.settings |= {
            "stash_mail_deployment": "kubernetes",
            "stash_mail_kubernetes_dir": str(self.dir),
            "stash_mail_kubernetes_values_files": [str(self.site)],
            "stash_mail_kubernetes_name": self.name,
        }

    def remove(self) -> None:
        play_chart.remove(self.name)
        for kind in ("secret", "volume"):
            subprocess.run(["podman", kind, "rm", self.name], capture_output=True, timeout=60)


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    made = Pod(tmp_path)
    with made.running():
        yield made


def test_from_no_mail_to_a_message_and_back(pod: Pod) -> None:
    site = pod.site.read_bytes()
    code, output = pod.run("--check", "--diff")
    assert code == 0, output
    assert not pod.dir.exists()

    provision(pod, "-Dkept=1", "-Djavax.net.ssl.trustStore=/var/stash_mail/cacerts")
    take_back(pod)
    assert not (pod.dir / "secret.yaml").exists()
    assert not (pod.dir / "values.yaml").exists()
    assert pod.site.read_bytes() == site


def test_additional_certificates_of_the_chart_are_refused_beforehand(pod: Pod) -> None:
    pod.site.write_text(yaml.safe_dump({"bitbucket": {"additionalCertificates": {"secretName": "own-ca"}}}))
    code, output = pod.run()
    assert code != 0
    assert "the last one wins: the managed truststore would have no effect" in shown(output)
    assert "leave stash_mail_certificates empty" in shown(output)
    assert not pod.dir.exists()
