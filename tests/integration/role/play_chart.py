# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``helm upgrade`` of the vendor's chart comes to, for podman: the pod that the values describe, made anew.

    play_chart.py POD IMAGE SETTINGS USERS SECRET VALUES...

Of the chart's templates this is what the values of stash_mail go through: the arguments of the JVM joined into one
variable (config-jvm.yaml), the volumes and their mounts (statefulset.yaml). The pod has this machine's network.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.integration.role.contained import START


def podman(*arguments: str) -> str:
    return subprocess.run(["podman", *arguments], check=True, capture_output=True, text=True, timeout=120).stdout


def merge(values: dict[str, Any], further: dict[str, Any]) -> dict[str, Any]:
    """As Helm does it with several files."""
    both = {**values, **further}
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(further.get(key), dict):
            both[key] = merge(value, further[key])
    return both


def render(name: str, image: str, settings: str, users: str, values: dict[str, Any]) -> dict[str, Any]:
    """The pod, as the chart's templates have it."""
    product = values["bitbucket"]
    given = {"JVM_SUPPORT_RECOMMENDED_ARGS": " ".join(product.get("additionalJvmArgs", []))}
    given |= {"SETTINGS": settings, "USERS": users}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "hostNetwork": True,
            "containers": [
                {
                    "name": "bitbucket",
                    "image": image,
                    "command": ["sh", "-c", START],
                    "env": [{"name": key, "value": value} for key, value in given.items()],
                    "volumeMounts": product.get("additionalVolumeMounts", []),
                }
            ],
            "volumes": values.get("volumes", {}).get("additional", []),
        },
    }


def decode(secret: dict[str, Any]) -> None:
    """Podman before 4.4 puts the text of a Secret into its volume, and not what that stands for."""
    folder = Path(podman("volume", "inspect", "--format", "{{.Mountpoint}}", secret["metadata"]["name"]).strip())
    for key, text in secret["data"].items():
        if (folder / key).read_text("latin-1") == text:
            (folder / key).write_bytes(base64.b64decode(text))


def remove(name: str) -> None:
    """Remove the pod and what a former play has made of its Secret."""
    subprocess.run(["podman", "pod", "rm", "--force", "--time", "0", name], capture_output=True, timeout=120)


def main() -> None:
    name, image, settings, users, manifest, *files = sys.argv[1:]
    values: dict[str, Any] = {}
    for file in files:
        values = merge(values, yaml.safe_load(Path(file).read_text()) if Path(file).exists() else {})
    pod = render(name, image, Path(settings).read_text(), Path(users).read_text(), values)
    remove(name)
    documents = [pod]
    if Path(manifest).exists():
        secret = yaml.safe_load(Path(manifest).read_text())
        for kind in ("secret", "volume"):
            subprocess.run(["podman", kind, "rm", secret["metadata"]["name"]], capture_output=True, timeout=60)
        documents = [secret, pod]
    text = yaml.safe_dump_all(documents)
    Path(settings).with_name("pod.yaml").write_text(text)
    podman("kube", "play", "--start=false", str(Path(settings).with_name("pod.yaml")))
    if len(documents) > 1:
        decode(documents[0])
    podman("pod", "start", name)
    print(json.dumps(values))


if __name__ == "__main__":
    main()
