# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JVM's arguments for the truststore: as they are, as they are wanted, and the difference written."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import AFTER_THE_COMMAND, PATH_PROPERTY
from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs
from ansible_collections.stashops.mail.plugins.module_utils._product import process as processes
from ansible_collections.stashops.mail.plugins.module_utils._product import start_script, systemd
from ansible_collections.stashops.mail.plugins.module_utils._product.argument_specs import METHODS_OF_CONTAINERS
from ansible_collections.stashops.mail.plugins.module_utils._product.jvm_plan import ArgumentsPlan, Request, make_plan
from ansible_collections.stashops.mail.plugins.module_utils._secrets import mask_argument, printable

if t.TYPE_CHECKING:
    from ansible_collections.stashops.mail.plugins.module_utils._product.compose import Said


def restart_needed(
    plan: ArgumentsPlan, wanted: start_script.TruststoreArguments | None, process: processes.Process | None
) -> bool:
    """Whether ``process`` runs with another truststore than it would after a restart."""
    if process is None:
        return bool(plan.changes)
    in_force = process.trust_arguments
    if wanted is None:
        return in_force.get(PATH_PROPERTY, "") in plan.our_paths
    if not wanted.is_met_by(in_force):
        return True
    try:
        return os.stat(wanted.path).st_mtime > process.started
    except OSError:
        return True  # It is still to be written, and the JVM has started without it.


def check_not_overruled(
    plan: ArgumentsPlan, wanted: start_script.TruststoreArguments | None, process: processes.Process | None
) -> None:
    """Raise :class:`StashMailError` where the process has a truststore that wins over all arguments of ours."""
    given = process.truststore if process else None
    if wanted is None or process is None or given is None or given.argument == wanted.path:
        return
    if given.source.endswith(AFTER_THE_COMMAND):
        raise StashMailError(
            f"The running product gets truststore {printable(given.argument)} from {printable(given.source)} of its "
            "environment, which wins over every argument of the JVM: the managed truststore would have no effect. Take "
            "-Djavax.net.ssl.trustStore out of that variable and restart the product, or name the managed truststore "
            "there by hand."
        )
    if f"{start_script.PATH_ARGUMENT}{wanted.path}" in process.arguments and not plan.changes:
        raise StashMailError(
            f"The running product was given the managed truststore, and after it {printable(given.argument)} by "
            f"{printable(given.source)}, which wins. Take that out where it is set, such as in the options for JMX "
            "over SSL, or in a script that starts the product; then restart the product once by hand."
        )


def apply(host: Host, params: t.Mapping[str, t.Any], plan: ArgumentsPlan) -> list[str]:
    """Write the plan's changes; returns the backups made."""
    backups = []
    for path, (before, after) in plan.changes.items():
        keep_context = _files.keep_context(host.module, path)
        if params["backup"] and before is not None:
            backups.append(_files.backup(path, keep_context))
        if after is None:
            _files.remove(path, with_empty_folder=True)
            continue
        is_script = path == plan.script_path
        # A password must not be readable for all; the script has to stay so for the product's account.
        mode = None if is_script else (0o600 if start_script.PASSWORD_ARGUMENT in after else 0o644)
        if path == params["environment_file"]:
            mode = 0o600 if before is None else None  # There may be other secrets in it.
        prepare = _with_mode(keep_context, mode)
        if path == params["compose_override"]:
            from ansible_collections.stashops.mail.plugins.module_utils._product import compose

            # It repeats the project's arguments, so it is for those who may read the project.
            like = compose.project_files(path, params["compose_files"])[0] if before is None else None
            prepare = _like(keep_context, like)
        data = after.encode(*_files.TEXT)
        if is_script:
            check_syntax(host, path, data)
        _files.make_folder(os.path.dirname(path))
        _files.replace(path, data, mode=0o600, prepare=prepare, in_place=True)
    return backups


def _with_mode(keep_context: _files.Prepare, mode: int | None) -> _files.Prepare:
    def prepare(file: _files.Opened) -> None:
        keep_context(file)
        if mode is not None:
            os.fchmod(file.descriptor, mode)

    return prepare


def _like(keep_context: _files.Prepare, other: str | None) -> _files.Prepare:
    """What gives a new file the mode of ``other``, and its owner where we may."""

    def prepare(file: _files.Opened) -> None:
        keep_context(file)
        if other is None:
            return
        with contextlib.suppress(OSError):
            about = os.stat(other)
            if os.geteuid() == 0:
                os.fchown(file.descriptor, about.st_uid, about.st_gid)
            os.fchmod(file.descriptor, about.st_mode & 0o666)

    return prepare


def check_syntax(host: Host, path: str, data: bytes) -> None:
    """Raise :class:`StashMailError` where a shell refuses the script; nothing of its text is shown."""
    code, _out, errors = host.module.run_command(["sh", "-n"], data=data, binary_data=True)
    if code:
        line = re.search(r":\s*(?:line )?(\d+):", errors)
        where = f", at line {line[1]}" if line else ""
        raise StashMailError(
            f"{path} was left as it is: sh -n refuses the new one{where}. "
            "See whether the script is whole: sh -n on the file as it is tells."
        )


def _ask_compose(params: t.Mapping[str, t.Any]) -> Said | None:
    from ansible_collections.stashops.mail.plugins.module_utils._product import compose

    files = compose.project_files(params["compose_override"], params["compose_files"])
    return compose.ask(files, params["compose_service"])


def run(host: Host, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do what the parameters of stash_mail_jvm ask for; returns its result, or raises :class:`StashMailError`."""
    wanted = None
    if params["state"] == "present":
        wanted = start_script.check_arguments(
            start_script.TruststoreArguments(
                params["truststore"] or "", params["truststore_password"] or "", params["truststore_type"]
            )
        )
    if params["behind"]:
        from ansible_collections.stashops.mail.plugins.module_utils._product import behind

        # Whatever else runs on this host is another one.
        service, process = "", behind.find_if_there(params["behind"])[0].process
    else:
        service = systemd.find_service(params["service"])
        install = installs.find_install(params["install_dir"], service)
        process = processes.find_process(install.path if install else None, service)
    is_contained = params["method"] in ("auto", *METHODS_OF_CONTAINERS) and (
        params["environment_file"] or params["compose_override"]
    )
    if process is None and is_contained and params["truststore"]:
        folder = os.path.dirname(params["truststore"])
        process = processes.find_contained(lambda contained: (folder, folder))
    said = _ask_compose(params) if wanted and params["compose_override"] else None
    plan = make_plan(
        Request(
            install_dir=params["install_dir"],
            service=service,
            is_here=not params["behind"],
            method=params["method"],
            wanted=wanted,
            truststore=params["truststore"],
            environment_file=params["environment_file"],
            compose_override=params["compose_override"],
            compose_files=params["compose_files"],
            compose_service=params["compose_service"],
            compose_shown=said.trust_arguments() if said else (),
        ),
        process,
    )
    check_not_overruled(plan, wanted, process)
    override = plan.changes.get(params["compose_override"], (None, None))[1]
    if override and said and wanted:
        from ansible_collections.stashops.mail.plugins.module_utils._product import compose

        compose.check(said, override, wanted.path)
    result: dict[str, t.Any] = {
        "changed": bool(plan.changes),
        "path": plan.path,
        "method": plan.method,
        "method_reason": plan.reason,
        "arguments": [mask_argument(argument) for argument in plan.arguments],
        "restart_needed": restart_needed(plan, wanted, process),
        "foreign_truststore": plan.foreign_truststore(process),
        "process": processes.describe(process),
    }
    if host.shows_diff:
        result["diff"] = plan.differences()
    if plan.changes and not host.check_mode:
        backups = apply(host, params, plan)
        if backups:
            result["backup_files"] = backups
    return result
