# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files have to change for the JVM to use a truststore, and why there."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs
from ansible_collections.stashops.mail.plugins.module_utils._product import shell, start_script, systemd
from ansible_collections.stashops.mail.plugins.module_utils._product.places import (
    DropIn,
    EnvironmentFile,
    Place,
    StartScript,
    difference,
    last_path,
)
from ansible_collections.stashops.mail.plugins.module_utils._product.process import Process
from ansible_collections.stashops.mail.plugins.module_utils._product.start_script import (
    PATH_ARGUMENT,
    VARIABLE,
    TruststoreArguments,
)

DROP_IN = "stash_mail.conf"
_SETS = re.compile(rf"(?<![\w${{]){VARIABLE}=|\b(?:unset\s|env\s+-)[^\n;&|]{{0,200}}?\b{VARIABLE}\b")
_EXTENDS = re.compile(rf"(?<![\w${{]){VARIABLE}=[^\n;]{{0,1000}}?\$\{{?{VARIABLE}\b")
# su without a dash keeps the environment; daemon is the function of Red Hat's init scripts.
_NEW_ENVIRONMENT = re.compile(
    r"(?<![\w-])(?:(?:su|runuser)\b[^\n;|&]{0,200}?\s(?:-|-[fmpPT]*l[cfgGmpPsTw]*|--login)(?=[\s\"']|$)"
    r"|(?:sudo|doas)\s(?!\s*(?:-E|--preserve-env)\b)|env\s+(?:-i|-|--ignore-environment)\s"
    r"|daemon\b[^\n;|&]{0,200}?\s--user\b|setpriv\b[^\n;|&]{0,200}?\s--reset-env\b|systemd-run\s)",
    re.MULTILINE,
)
# Variables whose names are known when it runs: export $(xargs <file), eval "$line".
_COMPUTES = re.compile(r"(?<![\w-])(?:export|eval|declare|typeset|env)\s+(?:-\w+\s+)*[\"']?[$`]")

# What a wrapper reads in: beside itself, by a path as a shell leaves it; and what in one only a shell could tell.
_BESIDE = re.compile(rf"(?:{shell.OPEN}/|\./)?([^/{shell.OPEN}]+)")
_UNKNOWN = frozenset(f"{shell.OPEN}{shell.MAYBE}*?[")
# Every shell has them, and no file says what they are.
_OF_A_LOGIN = dict.fromkeys(("HOME", "USER", "LOGNAME", "PWD", "OLDPWD"), f"/{shell.OPEN}")
_MAX_SCRIPTS = 50


class Request(t.NamedTuple):
    """What is asked for. ``wanted`` None: our arguments shall not be there, in any place.

    ``environment_file`` is what a container gets its environment from, and then ``auto`` is ``environment``;
    ``compose_override`` is a file over those of a compose project, and then it is ``compose``. ``compose_shown`` are
    the truststore's arguments that compose itself says of the service. ``is_here``: whether an installation is to be
    looked for on this host.
    """

    install_dir: str | None
    service: str
    method: str
    wanted: TruststoreArguments | None
    truststore: str | None
    environment_file: str | None = None
    compose_override: str | None = None
    compose_files: t.Sequence[str] = ()
    compose_service: str = "bitbucket"
    compose_shown: t.Sequence[str] = ()
    is_here: bool = True


@dataclass
class ArgumentsPlan:
    """``changes`` is ``{path: (text before, text after)}``, None where there is no file."""

    method: str
    reason: str
    path: str
    install_dir: str | None
    script_path: str | None
    places: list[Place] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    changes: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    # The truststores that we have set or shall set, and the last one set by others.
    our_paths: set[str] = field(default_factory=set)
    others_path: str | None = None

    def foreign_truststore(self, process: Process | None) -> str | None:
        """A truststore that somebody else has set, in the files or in the running process."""
        in_force = process.truststore.argument if process and process.truststore else None
        for path in (in_force, self.others_path):
            if path and path not in self.our_paths:
                return path
        return None

    def differences(self) -> list[dict[str, str]]:
        """What changes in each place, as ``--diff`` shows it: our part only, secrets masked."""
        return [difference(place, self.changes[place.path][1]) for place in self.places if place.path in self.changes]


def make_plan(request: Request, process: Process | None = None) -> ArgumentsPlan:
    """Compare what is with what is wanted. ``process`` is the running product.

    :raises StashMailError: if the method is not possible here, or would have no effect.
    """
    install = installs.find_install(request.install_dir, request.service) if request.is_here else None
    # Without a service there is no drop-in.
    drop_in_path = _drop_in_path(request.service) if request.service else ""
    unit = systemd.find_unit(request.service, without=(drop_in_path,)) if request.service else None
    script = _start_script(install, unit, request.service)
    places: dict[str, Place] = {}
    if script:
        places["script"] = script
    if drop_in_path:
        places["systemd"] = DropIn(drop_in_path, _files.read_text_if_there(drop_in_path), unit)
    if request.environment_file:
        places["environment"] = EnvironmentFile(
            request.environment_file, _files.read_text_if_there(request.environment_file)
        )

    if request.compose_override:
        places["compose"] = _compose_override(request, request.compose_override)

    method, reason = request.method, "No managed arguments are here."
    if request.environment_file and method in ("auto", "environment"):
        method, reason = "environment", "There is a file that a container gets its environment from."
    elif request.compose_override and method in ("auto", "compose"):
        method, reason = "compose", _how_read(request, request.compose_override)
    elif request.wanted is not None or install is not None or unit is not None:
        method, reason = _choose(method, install, unit, script, request)
    chosen = places.get(method) or (places.get("script") or places.get("systemd"))

    others = [word for place in places.values() for word in place.others()]
    plan = ArgumentsPlan(
        method=method,
        reason=reason,
        path=chosen.path if chosen else "",
        install_dir=install.path if install else None,
        script_path=script.path if script else None,
        places=list(places.values()),
        others_path=last_path(others),
    )
    was_ours = [word for place in plan.places for word in place.managed()]
    plan.our_paths = {word[len(PATH_ARGUMENT) :] for word in was_ours if word.startswith(PATH_ARGUMENT)}
    if request.truststore:
        plan.our_paths.add(request.truststore)
    others += start_script.unseen(process.arguments if process else (), plan.our_paths, [*others, *was_ours])
    for place in plan.places:
        after = place.without_managed()
        if request.wanted and place is chosen:
            after = place.with_managed(request.wanted, others)
            plan.arguments = place.arguments(after)
        if place.before != after:
            plan.changes[place.path] = (place.before, after)
    return plan


def _drop_in_path(service: str) -> str:
    return f"{systemd.UNIT_PATHS[0]}/{systemd.unit_name(service)}.d/{DROP_IN}"


def _start_script(install: installs.Install | None, unit: systemd.Unit | None, service: str) -> StartScript | None:
    if install is None:
        return None
    environment = unit.variables() if unit else installs.variables(service)
    setting = unit.environment.get(VARIABLE) if unit else None
    # Through a link, the file itself is edited and the link stays.
    path = _files.resolve(install.arguments_file)
    counted = setting.value.split() if setting else []
    return StartScript(path, _files.read_text_if_there(path), install.layout, environment, counted)


def _compose_override(request: Request, path: str) -> Place:
    # Few have one, and it is a lot of code.
    from ansible_collections.stashops.mail.plugins.module_utils._product import compose
    from ansible_collections.stashops.mail.plugins.module_utils._product.compose_override import ComposeOverride

    service = None
    if request.wanted:
        service = compose.read_service(compose.project_files(path, request.compose_files), request.compose_service)
    return ComposeOverride(path, _files.read_text_if_there(path), service, request.compose_shown)


def _how_read(request: Request, path: str) -> str:
    if request.wanted is None:
        return "There is a compose project."
    from ansible_collections.stashops.mail.plugins.module_utils._product import compose

    files = compose.project_files(path, request.compose_files)
    if compose.is_read_by_itself(path, files):
        return "There is a compose project, which reads the override by itself."
    given = " ".join(f"--file {file}" for file in [*files, path])
    return f"There is a compose project. Compose reads the override only if it is told to: {given}, or COMPOSE_FILE."


def _choose(
    method: str,
    install: installs.Install | None,
    unit: systemd.Unit | None,
    script: StartScript | None,
    request: Request,
) -> tuple[str, str]:
    """The method and the reason for it."""
    if method in ("start_webapp", "setenv"):
        if install is None or script is None:
            raise StashMailError(f"method {method}: no installation was found. Name its folder with install_dir.")
        if install.layout != method:
            raise StashMailError(
                f"method {method} does not fit {install.path}, whose arguments stand in "
                f"{install.arguments_file}: use method {install.layout}, or auto."
            )
        return method, "It was asked for."
    if method == "compose":
        raise StashMailError(
            "method compose needs compose_override: the file to write, beside those of the compose project."
        )
    if method == "environment":
        raise StashMailError(
            "method environment needs environment_file: the file that the container gets its environment from, such as "
            "the one of its --env-file."
        )
    obstacle = _obstacle(install, unit, script, request.service)
    if method == "systemd":
        if obstacle:
            raise StashMailError(f"method systemd would have no effect: {obstacle} Use method auto.")
        if script and request.wanted:
            script.check_heard()
        return method, "It was asked for."
    if not obstacle and (install is None or install.layout == "start_webapp"):
        if script and request.wanted:
            script.check_heard()
        return "systemd", f"The service has a unit, and the start script leaves {VARIABLE} to the environment."
    if install is None or script is None:
        raise StashMailError(
            "No Stash or Bitbucket was found: neither a unit of the service nor an installation. "
            "Name them with service and install_dir, or for a container environment_file or compose_override."
        )
    # Before 5.0 the start script hands no environment on to the product's account.
    return install.layout, obstacle or f"{os.path.basename(install.arguments_file)} is where this version sets them."


def _obstacle(
    install: installs.Install | None, unit: systemd.Unit | None, script: StartScript | None, service: str
) -> str:
    """Why a drop-in of the service would not reach the JVM; empty if it would."""
    if unit is None:
        return "The service has no systemd unit."
    if install and script and start_script.is_set_by(script.before or ""):
        return f"{install.arguments_file} sets {VARIABLE} itself, and that wins."
    by_file = unit.from_environment_file(VARIABLE)
    if by_file:
        return f"{by_file} sets {VARIABLE}, and an environment file wins over a drop-in."
    return _overruled(service) or _not_passed_on(unit, service) or _set_on_the_way(install)


def _overruled(service: str) -> str:
    """Which of the unit's files would undo a drop-in of ours, and how; empty if none does."""
    path = _drop_in_path(service)
    unit = systemd.find_unit(service, trial=(path, f"[Service]\nEnvironment={VARIABLE}=x\n"))
    if unit is None or path not in unit.drop_ins:
        return ""
    if VARIABLE in unit.unset:
        return f"{unit.unset[VARIABLE]} takes {VARIABLE} out of the environment (UnsetEnvironment)."
    setting = unit.environment.get(VARIABLE)
    if setting is None:
        return f"{unit.reset_by} empties the environment, and is read after {path}."
    return "" if setting.path == path else f"{setting.path} sets {VARIABLE}, and is read after {path}."


def _not_passed_on(unit: systemd.Unit, service: str) -> str:
    """What between systemd and the start script keeps the variable from it; empty if nothing does."""
    texts = [("ExecStart", command) for command in systemd.commands(unit)]
    texts += [(path, installs.read_text(path)) for path in installs.find_wrappers(service)]
    for path, text in texts:
        if _sets(text):
            return f"{path} sets {VARIABLE} itself, and that wins."
        if _NEW_ENVIRONMENT.search(_code(text)):
            return f"{path} starts the product with an environment of its own (su -, sudo or env -i)."
        if _COMPUTES.search(_code(text)):
            return f"{path} exports what a command or a file gives it, which could be {VARIABLE}."
        for other, settings in _read_in(text, path, unit.variables()):
            if settings is None:
                return f"{path} reads in a file of which cannot be told what it sets, and that could be {VARIABLE}."
            if _sets(settings):
                return f"{other}, which {path} reads in, sets {VARIABLE} itself, and that wins."
    return ""


def _set_on_the_way(install: installs.Install | None) -> str:
    """Which other script of the product sets the variable; empty if none does."""
    paths = _files.matching(install.path, "bin", "*.sh") if install else []
    ours = [path for path in paths if os.path.basename(path).startswith(("start-", "set-", "setenv"))]
    for path in ours[:_MAX_SCRIPTS]:
        if _sets(installs.read_text(path)):
            return f"{path} sets {VARIABLE} itself, and that wins."
    return ""


def _sets(text: str) -> bool:
    """Whether a script drops the value that the variable had."""
    code = _code(text)
    return _SETS.search(code) is not None and _EXTENDS.search(code) is None


def _code(text: str) -> str:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return "\n".join(lines).replace("\\\n", "")


def _read_in(script: str, path: str, environment: t.Mapping[str, str]) -> t.Iterator[tuple[str, str | None]]:
    """The files that a wrapper reads in, such as /etc/default/bitbucket, with their texts; None: it cannot be told."""
    found: dict[str, str | None] = {}

    def read(word: str) -> str:
        # Of $(dirname "$0")/settings, the file beside the wrapper is taken.
        beside = os.path.isabs(path) and _BESIDE.fullmatch(word)
        other = os.path.join(os.path.dirname(path), beside.group(1)) if beside else word
        text = None
        # Which one it is may depend on what only a shell knows: a branch, the script's own name, a folder's files.
        if os.path.isabs(other) and not set(other) & _UNKNOWN:
            with contextlib.suppress(StashMailError):
                text = _files.read_text_if_there(other, installs.MAX_SCRIPT)
                # What is named and not there sets nothing.
                text = None if text is None and beside else text or ""
        found[other] = text
        return text or ""

    shell.read(script, {**_OF_A_LOGIN, **environment}, read)
    yield from found.items()
