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
from ansible_collections.stashops.mail.plugins.module_utils._java.run import output_of
from ansible_collections.stashops.mail.plugins.module_utils._product import env_file
from ansible_collections.stashops.mail.plugins.module_utils._product.start_script import (
    PATH_ARGUMENT,
    VARIABLE,
    find_arguments,
)
from ansible_collections.stashops.mail.plugins.module_utils._product.yaml_text import Replacing, load_yaml

HEADER = "# Written by Ansible (stash_mail) over what the project's other files say: changes in here are lost.\n"
PROJECT_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
# Of those that compose reads by itself, the first that is there.
_OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
_VALUE = re.compile(rf'^ +{VARIABLE}: (".*")$', re.MULTILINE)
_COMPOSE_FILE = re.compile(r"^[ \t]*(?:export[ \t]+)?COMPOSE_FILE[ \t]*=(.*)$", re.MULTILINE)
_FILLED_IN = re.compile(r"\$\{[^{}]*\}")
_LAST_VARIABLE = "_JAVA_OPTIONS"
_MAX_SIZE = 4 * 1024 * 1024
_SECONDS = 30.0
# Those that say what files mean together; podman-compose before 1.0.6 cannot.
_TOOLS = (("docker", "compose"), ("docker-compose",), ("podman-compose",))
# A container has its own of these, and z would give the host's another SELinux label.
_SYSTEM = re.compile(
    r"/[^/]*|/(?:bin|boot|dev|lib|lib32|lib64|proc|run|sbin|sys|usr)/.*|/etc/(?:ssl|pki|ca-certificates)(?:/.*)?|/home/[^/]*"
    r"|/var/(?:cache|lib|log|mail|opt|run|spool|tmp)"
)


class Service(t.NamedTuple):
    """What the project's files say of a service.

    The value of the variable, the truststore's arguments in other variables, what is mounted where (None: no folder of
    the host that can be told), and the project's folder.
    """

    name: str
    value: str
    outside: list[str]
    mounts: dict[str, str | None]
    folder: str


class Said(t.NamedTuple):
    """What a compose of this host says of a project's service: its environment, variables filled in."""

    tool: tuple[str, ...]
    files: list[str]
    name: str
    environment: dict[str, t.Any]

    def trust_arguments(self) -> list[str]:
        """The truststore's arguments in its environment, those of the variable last."""
        others = [value for name, value in self.environment.items() if name != VARIABLE]
        return [word for value in (*others, self.environment.get(VARIABLE)) for word in find_arguments(str(value))]


def render(service: Service, value: str, folder: str) -> str:
    """The override: the variable, and ``folder`` under its own path where the project does not mount it."""
    lines = [
        "services:",
        f"  {json.dumps(service.name)}:",
        "    environment:",
        f"      {VARIABLE}: {json.dumps(value)}",
    ]
    if not _is_mounted(service, folder):
        _check_folder(folder, service.folder)
        # z: where SELinux is, the container may read it. Elsewhere it says nothing.
        lines += ["    volumes:", f"      - {json.dumps(f'{folder}:{folder}:ro,z')}"]
    return HEADER + "\n".join(lines) + "\n"


def _is_mounted(service: Service, folder: str) -> bool:
    """Whether the project has this folder of the host in the container, under its own path."""
    around = [target for target in service.mounts if target == "/" or f"{folder}/".startswith(f"{target}/")]
    if not around:
        return False
    target = max(around, key=len)
    source = service.mounts[target]
    if source is not None:
        there = os.path.join(source, os.path.relpath(folder, target))
        if os.path.realpath(there) == os.path.realpath(folder):
            return True
    if target == folder:
        raise StashMailError(
            f"The service {service.name} has something else mounted at {folder}, the truststore's folder, "
            "which would be hidden: put the truststore into another folder."
        )
    return False


def _check_folder(folder: str, project: str) -> None:
    real = os.path.realpath(folder)
    why = ""
    if any(_SYSTEM.fullmatch(path) for path in (folder, real)):
        why = "a folder of the system"
    elif f"{os.path.realpath(project)}/".startswith(f"{real}/"):
        why = "the compose project's own, or around it"
    elif ":" in folder or "," in folder:
        why = "written with a : or a comma, by which compose separates a mount's parts"
    if why:
        raise StashMailError(
            f"The truststore's folder {folder} would be mounted into the container as a whole, and it is {why}: put "
            "the truststore into a folder of its own, such as stash_mail beside the compose files."
        )


def value_of(text: str) -> str:
    """The variable's value in an override of ours, empty in any other file."""
    found = _VALUE.search(text) if text.startswith(HEADER) else None
    value = json.loads(found[1]) if found else ""
    return str(value)


def project_files(override: str, named: t.Sequence[str]) -> list[str]:
    """The project's files without the override: those that are named, or those beside it that compose reads."""
    folder = os.path.dirname(override)
    found = list(named) or _listed(folder) or _usual(folder)
    files = [path for path in found if os.path.realpath(path) != os.path.realpath(override)]
    if not files:
        raise StashMailError(
            f"No compose file is beside {override}, and its service's other arguments are to be kept: name the "
            "project's files by compose_files (stash_mail_jvm_compose_files)."
        )
    return files


def _listed(folder: str) -> list[str]:
    """The files of COMPOSE_FILE in the project's ``.env``, empty without it."""
    settings = _files.read_text_if_there(os.path.join(folder, ".env")) or ""
    found = _COMPOSE_FILE.findall(settings)
    value = re.sub(r"\s#.*", "", found[-1]).strip().strip("\"'") if found else ""
    if "$" in value:
        raise StashMailError(
            f"COMPOSE_FILE in {folder}/.env is put together from other variables, which are not followed: name the "
            "project's files by compose_files (stash_mail_jvm_compose_files)."
        )
    return [os.path.normpath(os.path.join(folder, item)) for item in re.split(r"[:;,]", value) if item]


def _usual(folder: str) -> list[str]:
    def there(names: t.Sequence[str]) -> list[str]:
        return [path for path in (os.path.join(folder, name) for name in names) if os.path.isfile(path)]

    return [*there(PROJECT_FILES)[:1], *there(_OVERRIDES)] if there(PROJECT_FILES) else []


def is_read_by_itself(override: str, files: t.Sequence[str]) -> bool:
    """Whether compose reads the override without being told to: by its name, or as the last of COMPOSE_FILE."""
    folder, name = os.path.split(files[0])
    try:
        listed = _listed(folder)
    except StashMailError:
        return False
    if listed:
        return listed[-1] == override
    stem = os.path.join(folder, name.rpartition(".")[0])
    usual = [f"{stem}.override.{ending}" for ending in ("yml", "yaml")]
    # Of two, only one is read.
    is_only = not any(os.path.exists(path) for path in usual if path != override)
    return len(files) == 1 and name in PROJECT_FILES and override in usual and is_only


def ask(files: t.Sequence[str], name: str) -> Said | None:
    """What a compose of this host says of the service; None where none says anything."""
    for tool in _TOOLS:
        environment = _config(tool, files, name) if shutil.which(tool[0]) else None
        if environment is not None:
            return Said(tool, list(files), name, environment)
    return None


def check(said: Said, text: str, path: str) -> None:
    """Raise :class:`StashMailError` where the compose that has ``said`` something does not take ``text`` over that."""
    environment = _config(said.tool, said.files, said.name, text) or {}
    paths = [word for word in str(environment.get(VARIABLE)).split() if word.startswith(PATH_ARGUMENT)]
    if paths[-1:] != [PATH_ARGUMENT + path]:
        raise StashMailError(
            f"{' '.join(said.tool)} does not take the override over {', '.join(said.files)}, so nothing was written. "
            "See what it says of these by config; or use environment_file with an env_file of the service."
        )


def _config(tool: tuple[str, ...], files: t.Sequence[str], name: str, text: str = "") -> dict[str, t.Any] | None:
    """The service's environment by the tool's ``config``, ``text`` being the last file; None where it says none."""
    command = [*tool, *(word for file in files for word in ("--file", file))]
    if not text:
        out = _run([*command, "config"])
    elif tool == ("docker", "compose"):
        # One that is installed as a snap sees no file in /tmp.
        out = _run([*command, "--file", "-", "config"], text)
    else:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            out = _run([*command, "--file", file.name, "config"])
    try:
        found = load_yaml(out, tool[0], is_compose=True) if out else None
    except StashMailError:
        return None
    services = found.get("services") if isinstance(found, dict) else None
    service = services.get(name) if isinstance(services, dict) else None
    return _variables(service.get("environment")) if isinstance(service, dict) else None


def _run(command: t.Sequence[str], text: str = "") -> str:
    return output_of(command, os.environ, _SECONDS, text.encode("utf-8")).decode("utf-8", "replace")


def read_service(files: t.Sequence[str], name: str) -> Service:
    """What the project's files say of the service; :class:`StashMailError` where ours could not be added to that."""
    folder = os.path.dirname(files[0])
    variables: dict[str, t.Any] = {}
    env_files: list[t.Any] = []
    volumes: list[t.Any] = []
    given_by = files[0]
    is_there = False
    for path in files:
        services, is_anew = _taken(_load(path).get("services"))
        service, is_service_anew = _taken(services.get(name) if isinstance(services, dict) else None)
        if is_anew or is_service_anew:
            variables, env_files, volumes, is_there = {}, [], [], False
        if not isinstance(service, dict):
            continue
        is_there = True
        if "extends" in service:
            raise StashMailError(
                f"The service {name} in {path} extends another one, whose arguments are not followed: give the "
                f"variable {VARIABLE} to {name} itself, or use environment_file with an env_file of the service."
            )
        environment, is_anew = _taken(service.get("environment"))
        found = _variables(environment)
        given_by = path if VARIABLE in found else given_by
        variables = found if is_anew else {**variables, **found}
        further, is_anew = _taken(service.get("env_file"))
        env_files = [*([] if is_anew else env_files), *(further if isinstance(further, list) else [further])]
        further, is_anew = _taken(service.get("volumes"))
        volumes = [*([] if is_anew else volumes), *(further if isinstance(further, list) else [])]
    if not is_there:
        raise StashMailError(
            f"There is no service {name} in {', '.join(files)}: name it by compose_service "
            "(stash_mail_jvm_compose_service), and the project's files by compose_files."
        )
    variables = {variable: value for variable, value in variables.items() if not isinstance(value, Replacing)}
    if VARIABLE in variables and variables[VARIABLE] is None:
        raise StashMailError(
            f"{given_by} gives the service {name} the {VARIABLE} of whoever runs compose, which nobody else knows: "
            f"write its value there as ${{{VARIABLE}}}, or use environment_file with an env_file of the service."
        )
    outside = _read_env_files(env_files, folder, name, is_set=VARIABLE in variables)
    for variable, value in variables.items():
        words = find_arguments(str(value)) if variable != VARIABLE else []
        if words and variable == _LAST_VARIABLE:
            raise StashMailError(
                f"The project gives the service {name} a truststore, or its password or type, in {_LAST_VARIABLE}, and "
                "that wins over every argument: take it out, and name its certificates in certificates "
                "(stash_mail_certificates)."
            )
        outside += words
    return Service(name, str(variables.get(VARIABLE, "")), outside, _mounts(volumes, folder), folder)


def _load(path: str) -> dict[str, t.Any]:
    found = load_yaml(_files.read(path, _MAX_SIZE).decode("utf-8", "replace"), path, is_compose=True)
    if not isinstance(found, dict):
        raise StashMailError(f"{path} is no compose file: it holds no services.")
    return found


def _taken(found: t.Any) -> tuple[t.Any, bool]:
    """What a file says, and whether it takes the place of what those before it say."""
    return (found.content, True) if isinstance(found, Replacing) else (found, False)


def _variables(environment: t.Any) -> dict[str, t.Any]:
    """The variables by name, None for one that is handed on. A mapping and a list of NAME=value are both usual."""
    if isinstance(environment, list):
        items = [str(item).partition("=") for item in environment]
        return {variable: value if equals else None for variable, equals, value in items}
    return environment if isinstance(environment, dict) else {}


def _read_env_files(files: t.Sequence[t.Any], folder: str, name: str, is_set: bool) -> list[str]:
    """The truststore's arguments in other variables of the service's files, which may not set ours.

    ``is_set``: the service's ``environment:`` sets it, which wins.
    """
    outside: list[str] = []
    for item in files:
        file = item.get("path") if isinstance(item, dict) else item
        if not isinstance(file, str):
            continue
        file = os.path.join(folder, file)
        text = None if "$" in file else _files.read_text_if_there(file)
        if text is None and not is_set and not (isinstance(item, dict) and item.get("required") is False):
            raise StashMailError(
                f"The service {name} gets variables from {file}, which is not there or cannot be told, so that its "
                f"arguments cannot be kept: give it {VARIABLE} by environment, or name the file as it is."
            )
        if not is_set and env_file.arguments(text or ""):
            raise StashMailError(
                f"The service {name} gets {VARIABLE} from {file}: set environment_file "
                "(stash_mail_jvm_environment_file) to that file in place of the compose override, which would hide it."
            )
        outside += env_file.other_arguments(text or "")
    return outside


def _mounts(volumes: t.Sequence[t.Any], folder: str) -> dict[str, str | None]:
    """What is mounted, by its path in the container; a later one of the same path counts."""
    found: dict[str, str | None] = {}
    for item in volumes:
        if isinstance(item, dict):
            source, target = (item.get("source") if item.get("type") == "bind" else None), item.get("target")
        else:
            # A : in ${NAME:-x} separates nothing.
            parts = _FILLED_IN.sub("$", str(item)).split(":")
            source, target = (parts[0], parts[1]) if len(parts) > 1 else (None, parts[0])
            # Else it is the name of a volume.
            source = source if source and source.startswith((".", "/")) else None
        if isinstance(target, str) and target.startswith("/"):
            is_known = isinstance(source, str) and "$" not in source and not source.startswith("~")
            found[os.path.normpath(target)] = os.path.join(folder, str(source)) if is_known else None
    return found
