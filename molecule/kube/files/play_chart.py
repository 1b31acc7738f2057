# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``helm upgrade`` of the vendor's chart comes to, for podman: the pod that the values describe, made anew.

    play_chart.py IMAGE SECRET VALUES...

Of the chart's templates this is what the values of stash_mail go through: the arguments of the JVM joined into one
variable (config-jvm.yaml), the volumes and their mounts (statefulset.yaml). The pod has its host's network.
"""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

NAME = "bitbucket"
HOME = "/var/atlassian/application-data/bitbucket"
ACCOUNTS = f"{HOME}/standin-users.json"
COMMAND = ["runuser", "-u", "atlbitbucket", "--", "/opt/atlassian/bitbucket/9.4.2/bin/_start-webapp.sh", "fg"]


def podman(*arguments: str, text: str = "") -> str:
    done = subprocess.run(
        ["podman", *arguments], check=True, stdout=subprocess.PIPE, input=text, text=True, timeout=120
    )
    return done.stdout


def merge(values: dict[str, Any], further: dict[str, Any]) -> dict[str, Any]:
    """As Helm does it with several files."""
    both = {**values, **further}
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(further.get(key), dict):
            both[key] = merge(value, further[key])
    return both


def render(image: str, values: dict[str, Any]) -> dict[str, Any]:
    """The pod, as the chart's templates have it."""
    product = values["bitbucket"]
    own_mounts = [{"name": "shared", "mountPath": f"{HOME}/shared"}, {"name": "accounts", "mountPath": ACCOUNTS}]
    own_volumes = [
        {"name": "shared", "persistentVolumeClaim": {"claimName": "shared"}},
        {"name": "accounts", "hostPath": {"path": "/srv/bitbucket/standin-users.json", "type": "File"}},
    ]
    arguments = " ".join(product.get("additionalJvmArgs", []))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME},
        "spec": {
            "hostNetwork": True,
            "containers": [
                {
                    "name": "bitbucket",
                    "image": image,
                    "command": COMMAND,
                    "env": [{"name": "JVM_SUPPORT_RECOMMENDED_ARGS", "value": arguments}],
                    "volumeMounts": own_mounts + product.get("additionalVolumeMounts", []),
                }
            ],
            "volumes": own_volumes + values.get("volumes", {}).get("additional", []),
        },
    }


def decode(secret: dict[str, Any]) -> None:
    """Podman before 4.4 puts the text of a Secret into its volume, and not what that stands for."""
    folder = Path(podman("volume", "inspect", "--format", "{{.Mountpoint}}", secret["metadata"]["name"]).strip())
    for key, text in secret["data"].items():
        if (folder / key).read_text("latin-1") == text:
            (folder / key).write_bytes(base64.b64decode(text))


def main() -> None:
    image, manifest, *files = sys.argv[1:]
    values: dict[str, Any] = {}
    for file in files:
        values = merge(values, yaml.safe_load(Path(file).read_text()) if Path(file).exists() else {})
    podman("pod", "rm", "--force", "--ignore", "--time", "0", NAME)
    documents = [render(image, values)]
    if Path(manifest).exists():
        secret = yaml.safe_load(Path(manifest).read_text())
        for kind in ("secret", "volume"):
            subprocess.run(["podman", kind, "rm", secret["metadata"]["name"]], capture_output=True, timeout=60)
        documents.insert(0, secret)
    podman("kube", "play", "--start=false", "-", text=yaml.safe_dump_all(documents))
    if len(documents) > 1:
        decode(documents[0])
    podman("pod", "start", NAME)


if __name__ == "__main__":
    main()
