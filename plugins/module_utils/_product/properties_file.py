# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product's file of properties: found, read, compared, written."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs
from ansible_collections.stashops.mail.plugins.module_utils._product import process as processes
from ansible_collections.stashops.mail.plugins.module_utils._product import properties as properties_file
from ansible_collections.stashops.mail.plugins.module_utils._product import systemd
from ansible_collections.stashops.mail.plugins.module_utils._secrets import MASK, MASK_CHANGED, is_secret

LIMIT = 4 * 1024 * 1024


def check_properties(given: t.Mapping[str, t.Any], state: str) -> dict[str, str | None]:
    """The wanted values by key, None for none; raises :class:`StashMailError` for what is no property."""
    wanted: dict[str, str | None] = {}
    for key, value in given.items():
        if not key or re.search(r"[\s\x00-\x1f\x7f]", key):
            raise StashMailError(f"properties: {key!r} is no name of a property: it is empty or holds a blank.")
        if state == "absent" or value is None:
            wanted[key] = None
        elif isinstance(value, bool):
            wanted[key] = str(value).lower()
        elif isinstance(value, (str, int, float)):
            wanted[key] = str(value)
        else:
            raise StashMailError(f"properties: {key} is a {type(value).__name__}: give a text, a number or a boolean.")
    return wanted


def find_path(
    params: t.Mapping[str, t.Any], install: installs.Install | None, process: processes.Process | None
) -> str:
    """The product's file of properties; raises :class:`StashMailError` where it cannot be."""
    path = params["path"]
    if not path:
        home = installs.find_home(params["home"], install, params["service"], process)
        if home is None:
            raise StashMailError(
                "No home folder of the product was found: name it with home, or the file itself with path."
            )
        name = "stash-config.properties" if install and install.product == "stash" else "bitbucket.properties"
        path = os.path.join(installs.find_shared_home(home, install, params["service"], process), name)
    if not os.path.isdir(os.path.dirname(path)):
        raise StashMailError(
            f"The folder of {path} is not there: the product makes it when it first starts. Start it, or correct home."
        )
    return str(path)


def path_inside(process: processes.Process, name: str) -> str:
    """Where a product in a container has its file of properties."""
    home = process.property("bitbucket.home") or process.property("stash.home") or ""
    shared = process.property("bitbucket.shared.home") or os.path.join(home, "shared")
    return os.path.join(shared, name)


def restart_needed(path: str, changed: bool, process: processes.Process | None) -> bool:
    """Whether ``process`` has not read the file as it is."""
    if changed or process is None:
        return changed
    return os.path.exists(path) and os.stat(path).st_mtime > process.started


def diff(path: str, keys: t.Sequence[str], before: t.Mapping[str, str], after: t.Mapping[str, str]) -> dict[str, str]:
    """The properties of ``keys`` before and after, secrets masked."""

    def shown(properties: t.Mapping[str, str], mark: str) -> str:
        return "".join(f"{key}={mark if is_secret(key) else properties[key]}\n" for key in keys if key in properties)

    # A secret that changes shall be seen to, too.
    both = {"before": shown(before, MASK), "after": shown(after, MASK_CHANGED)}
    return {"before_header": path, "after_header": path, **both}


def write(host: Host, path: str, text: str) -> None:
    """Replace the file; a new one gets its folder's owner, who is the product's account."""
    prepare = _files.keep_context(host.module, path)
    data = text.encode(properties_file.ENCODING)
    _files.replace(path, data, mode=0o640, owner_of_folder=True, prepare=prepare, in_place=True)


def run(host: Host, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do what the parameters of stash_mail_properties ask for; returns its result; raises :class:`StashMailError`."""
    wanted = check_properties(params["properties"], params["state"])
    params = {**params, "service": systemd.find_service(params["service"])}
    install = installs.find_install(params["install_dir"], params["service"])
    process = processes.find_process(install.path if install else None, params["service"])
    path = find_path(params, install, process)
    if process is None and install is None:
        # What it says of paths would be the container's.
        process = processes.find_contained(lambda contained: (path_inside(contained, os.path.basename(path)), path))
    data = _files.read_if_there(path, LIMIT)
    text = (data or b"").decode(properties_file.ENCODING)
    changed_text = properties_file.change(text, wanted)
    before, after = properties_file.read(text), properties_file.read(changed_text)
    keys = [key for key in wanted if before.get(key) != after.get(key)]
    changed = changed_text != text
    result: dict[str, t.Any] = {
        "changed": changed,
        "path": path,
        "keys": keys,
        "restart_needed": restart_needed(path, changed, process),
    }
    if host.shows_diff:
        result["diff"] = diff(path, keys, before, after)
    if changed and not host.check_mode:
        if params["backup"] and data is not None:
            result["backup_file"] = _files.backup(path, _files.keep_context(host.module, path))
        write(host, path, changed_text)
    return result


def masked(properties: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The option ``properties`` as it may be shown, with its secrets masked."""
    return {key: MASK if is_secret(key) else value for key, value in properties.items()}
