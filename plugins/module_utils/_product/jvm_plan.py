# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files have to change for the JVM to use a truststore, and why there."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import (
    PATH_PROPERTY,
    TRUST_PREFIX,
    trust_properties,
)
from ansible_collections.stashops.mail.plugins.module_utils._product import env_file as env_files
from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs
from ansible_collections.stashops.mail.plugins.module_utils._product import start_script, systemd
from ansible_collections.stashops.mail.plugins.module_utils._product.process import Process
from ansible_collections.stashops.mail.plugins.module_utils._product.start_script import VARIABLE, Wanted

DROP_IN = "stash_mail.conf"


@dataclass
class Plan:
    """``changes`` is ``{path: (text before, text after)}``, None where there is no file."""

    method: str
    reason: str
    path: str
    install_dir: str | None
    script_path: str | None
    arguments: list[str] = field(default_factory=list)
    changes: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    # The truststores that we have set or shall set, and the last one set by others.
    our_paths: set[str] = field(default_factory=set)
    others_path: str | None = None

    def foreign_truststore(self, process: Process | None) -> str | None:
        """A truststore that somebody else has set, in the files or in the running process."""
        in_force = process.trust_arguments.get(PATH_PROPERTY) if process else None
        for path in (in_force, self.others_path):
            if path and path not in self.our_paths:
                return path
        return None


def make_plan(
    install_dir: str | None,
    service: str,
    method: str,
    wanted: Wanted | None,
    truststore: str | None,
    environment_file: str | None = None,
) -> Plan:
    """Compare what is with what is ``wanted``; None: our arguments shall not be there, by any method.

    ``environment_file`` is what a container gets its environment from, and then ``auto`` is ``environment``.

    :raises StashMailError: if the method is not possible here, or would have no effect.
    """
    install = installs.find_install(install_dir, service)
    # Without a service there is no drop-in.
    drop_in_path = f"{systemd.UNIT_PATHS[0]}/{systemd.unit_name(service)}.d/{DROP_IN}" if service else ""
    unit = systemd.find_unit(service, without=(drop_in_path,)) if service else None
    # Through a link, the file itself is edited and the link stays.
    script_path = _files.resolve(install.arguments_file) if install else None
    script = _files.read_text_if_there(script_path) if script_path else None
    drop_in = _files.read_text_if_there(drop_in_path) if drop_in_path else None
    env_file = _files.read_text_if_there(environment_file) if environment_file else None
    reason = "Nothing of ours is here."
    if environment_file and method in ("auto", "environment"):
        method, reason = "environment", "There is a file that a container gets its environment from."
    elif wanted is not None or install is not None or unit is not None:
        method, reason = _choose(method, install, unit, script, drop_in_path)

    plan = Plan(
        method=method,
        reason=reason,
        path=(
            environment_file
            if environment_file and method == "environment"
            else drop_in_path
            if method == "systemd" or not script_path
            else script_path
        ),
        install_dir=install.path if install else None,
        script_path=script_path,
    )
    outside = unit.environment[VARIABLE].value.split() if unit and VARIABLE in unit.environment else []
    new_script = start_script.without_block(script) if script is not None else None
    new_drop_in = None
    new_env_file = env_files.remove_arguments(env_file) if env_file is not None else None
    others = [*outside, *start_script.find_arguments(new_script or ""), *env_files.arguments(new_env_file or "")]
    plan.others_path = trust_properties(others).get(PATH_PROPERTY)
    was_ours = [
        *start_script.block_arguments(script or ""),
        *start_script.drop_in_arguments(drop_in or ""),
        *env_files.ours(env_file or ""),
    ]
    plan.our_paths = {argument.partition("=")[2] for argument in was_ours if argument.startswith(f"{TRUST_PREFIX}=")}
    if truststore:
        plan.our_paths.add(truststore)

    if wanted and method == "environment":
        new_env_file = env_files.set_arguments(env_file or "", wanted)
        plan.arguments = env_files.arguments(new_env_file)
    elif wanted and method == "systemd" and unit:
        new_drop_in = start_script.drop_in(unit, wanted)
        plan.arguments = start_script.drop_in_arguments(new_drop_in)
    elif wanted and script is not None:
        new_script = start_script.with_block(script, wanted, outside)
        plan.arguments = start_script.block_arguments(new_script)
    for path, before, after in (
        (script_path, script, new_script),
        (drop_in_path, drop_in, new_drop_in),
        (environment_file, env_file, new_env_file),
    ):
        if path and before != after:
            plan.changes[path] = (before, after)
    return plan


def _choose(
    method: str,
    install: installs.Install | None,
    unit: systemd.Unit | None,
    script: str | None,
    drop_in_path: str,
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
    if method == "environment":
        raise StashMailError(
            "method environment needs environment_file: the file that the container gets its environment from, such as "
            "the one of its --env-file."
        )
    obstacle = _obstacle(install, unit, script, drop_in_path)
    if method == "systemd":
        if obstacle:
            raise StashMailError(f"method systemd would have no effect: {obstacle} Use method auto.")
        return method, "It was asked for."
    if not obstacle and (install is None or install.layout == "start_webapp"):
        return "systemd", f"The service has a unit, and the start script leaves {VARIABLE} to the environment."
    if install is None or script is None:
        raise StashMailError(
            "No Stash or Bitbucket was found: neither a unit of the service nor an installation. "
            "Name them with service and install_dir, or for a container environment_file."
        )
    # Before 5.0 the start script hands no environment on to the product's account.
    return install.layout, obstacle or f"{os.path.basename(install.arguments_file)} is where this version sets them."


def _obstacle(
    install: installs.Install | None, unit: systemd.Unit | None, script: str | None, drop_in_path: str
) -> str:
    """Why a drop-in of the service would not reach the JVM; empty if it would."""
    if unit is None:
        return "The service has no systemd unit."
    if install and script is not None and start_script.is_set_by(script):
        return f"{install.arguments_file} sets {VARIABLE} itself, and that wins."
    by_file = unit.from_environment_file(VARIABLE)
    if by_file:
        return f"{by_file} sets {VARIABLE}, and an environment file wins over a drop-in."
    setting = unit.environment.get(VARIABLE)
    if setting and setting.path in _later(unit.drop_ins):
        return f"{setting.path} sets {VARIABLE}, and is read after {drop_in_path}."
    return ""


def _later(drop_ins: t.Iterable[str]) -> set[str]:
    return {path for path in drop_ins if os.path.basename(path) > DROP_IN}
