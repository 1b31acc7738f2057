# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a compose project gives its service, and a file over that, as docker compose and podman-compose read them.

An override replaces a variable of the project's ``environment:``, so the other arguments are repeated in it as they
are written there: what compose fills in, it fills in for the override too. The file is ours as a whole, and plain
enough to be written and read back without a YAML library; the project's own files are only read, by PyYAML.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product import env_file
from ansible_collections.stashops.mail.plugins.module_utils._product.start_script import VARIABLE
from ansible_collections.stashops.mail.plugins.module_utils._product.yaml_text import load_yaml

HEADER = "# Written by Ansible (stash_mail) over what the project's other files say: changes in here are lost.\n"
PROJECT_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_VALUE = re.compile(rf'^ +{VARIABLE}: (".*")$', re.MULTILINE)
_MAX_SIZE = 4 * 1024 * 1024
# Those that say what files mean together; podman-compose before 1.0.6 cannot.
_TOOLS = (("docker", "compose"), ("docker-compose",), ("podman-compose",))


RunCommand = t.Callable[[t.List[str]], t.Tuple[int, str, str]]


class Service(t.NamedTuple):
    """What the project's files say of a service: the value of the variable, and the folders mounted into it."""

    name: str
    value: str
    targets: list[str]


def render(service: Service, value: str, folder: str) -> str:
    """The override: the variable, and ``folder`` under its own path where the project does not mount it."""
    lines = [
        "services:",
        f"  {json.dumps(service.name)}:",
        "    environment:",
        f"      {VARIABLE}: {json.dumps(value)}",
    ]
    if not any(folder == target or folder.startswith(f"{target}/") for target in service.targets):
        # z: where SELinux is, the container may read it. Elsewhere it says nothing.
        lines += ["    volumes:", f"      - {json.dumps(f'{folder}:{folder}:ro,z')}"]
    return HEADER + "\n".join(lines) + "\n"


def value_of(text: str) -> str:
    """The variable's value in an override of ours, empty in any other file."""
    found = _VALUE.search(text) if text.startswith(HEADER) else None
    value = json.loads(found[1]) if found else ""
    return str(value)


def project_files(override: str, named: t.Sequence[str]) -> list[str]:
    """The project's files: those that are named, or the one beside the override by a usual name."""
    if named:
        return list(named)
    folder = os.path.dirname(override)
    for name in PROJECT_FILES:
        if os.path.isfile(os.path.join(folder, name)):
            return [os.path.join(folder, name)]
    raise StashMailError(
        f"No compose file is beside {override}, and its service's other arguments are to be kept: name the project's "
        "files by compose_files (stash_mail_jvm_compose_files)."
    )


def is_read_by_itself(override: str, files: t.Sequence[str]) -> bool:
    """Whether compose reads the override without being told to: by its name, or by COMPOSE_FILE of the project."""
    folder, name = os.path.split(files[0])
    settings = _files.read_text_if_there(os.path.join(folder, ".env")) or ""
    named = re.search(r"^COMPOSE_FILE=(.*)$", settings, re.MULTILINE)
    if named:
        listed = re.split(r"[:;,]", named[1].strip().strip("\"'"))
        return override in {os.path.normpath(os.path.join(folder, item)) for item in listed}
    stem = os.path.join(folder, name.rpartition(".")[0])
    usual = [f"{stem}.override.{ending}" for ending in ("yml", "yaml")]
    # Of two, only one is read.
    is_only = not any(os.path.exists(path) for path in usual if path != override)
    return len(files) == 1 and name in PROJECT_FILES and override in usual and is_only


def check(run_command: RunCommand, files: t.Sequence[str], text: str) -> None:
    """Raise :class:`StashMailError` where a compose of this host takes the project's files, and not with ``text``."""
    for tool in _TOOLS:
        command = [*tool, *(word for file in files for word in ("--file", file))]
        if not shutil.which(tool[0]) or run_command([*command, "config"])[0]:
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            code, out, _errors = run_command([*command, "--file", file.name, "config"])
        # Lines may be folded, and a $ is doubled in what is shown.
        if code or _last_argument(text) not in out:
            raise StashMailError(
                f"{' '.join(tool)} does not take the override over {', '.join(files)}, so nothing was written. See "
                "what it says of these by config; or use environment_file with an env_file of the service."
            )
        return


def _last_argument(text: str) -> str:
    return value_of(text).split()[-1]


def read_service(files: t.Sequence[str], name: str) -> Service:
    """What the project's files say of the service; :class:`StashMailError` where ours could not be added to that."""
    value: str | None = None
    targets: list[str] = []
    is_there = False
    for path in files:
        services = _load(path).get("services")
        service = services.get(name) if isinstance(services, dict) else None
        if not isinstance(service, dict):
            continue
        is_there = True
        if "extends" in service:
            raise StashMailError(
                f"The service {name} in {path} extends another one, whose arguments are not followed: give the "
                f"variable {VARIABLE} to {name} itself, or use environment_file with an env_file of the service."
            )
        found = _variable(service.get("environment"), path, name)
        value = value if found is None else found
        if found is None and value is None:
            _check_env_files(service.get("env_file"), path, name)
        targets += _targets(service.get("volumes"))
    if not is_there:
        raise StashMailError(
            f"There is no service {name} in {', '.join(files)}: name it by compose_service "
            "(stash_mail_jvm_compose_service), and the project's files by compose_files."
        )
    return Service(name, value or "", targets)


def _load(path: str) -> dict[str, t.Any]:
    found = load_yaml(_files.read(path, _MAX_SIZE).decode("utf-8", "replace"), path)
    if not isinstance(found, dict):
        raise StashMailError(f"{path} is no compose file: it holds no services.")
    return found


def _variable(environment: t.Any, path: str, name: str) -> str | None:
    """The variable's value, None where it is not set. A mapping and a list of NAME=value are both usual."""
    given = environment
    if isinstance(environment, list):
        items = [str(item).partition("=") for item in environment]
        given = {variable: value if equals else None for variable, equals, value in items}
    if not isinstance(given, dict) or VARIABLE not in given:
        return None
    if given[VARIABLE] is None:
        raise StashMailError(
            f"{path} gives the service {name} the {VARIABLE} of whoever runs compose, which nobody else knows: write "
            f"its value there as ${{{VARIABLE}}}, or use environment_file with an env_file of the service."
        )
    return str(given[VARIABLE])


def _check_env_files(files: t.Any, path: str, name: str) -> None:
    for item in files if isinstance(files, list) else [files]:
        file = item.get("path") if isinstance(item, dict) else item
        if not isinstance(file, str):
            continue
        file = os.path.join(os.path.dirname(path), file)
        if env_file.arguments(_files.read_text_if_there(file) or ""):
            raise StashMailError(
                f"The service {name} gets {VARIABLE} from {file}: set environment_file "
                "(stash_mail_jvm_environment_file) to that file in place of the compose override, which would hide it."
            )


def _targets(volumes: t.Any) -> list[str]:
    found = []
    for item in volumes if isinstance(volumes, list) else []:
        target = item.get("target") if isinstance(item, dict) else [*str(item).split(":"), ""][1]
        if isinstance(target, str) and target.startswith("/"):
            found.append(target.rstrip("/") or "/")
    return found
