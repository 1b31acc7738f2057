#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set properties in the file that Stash or Bitbucket reads when it starts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_properties
short_description: Set properties of Stash or Bitbucket, and leave the others alone
version_added: 0.1.0
author:
  - The stash_mail developers (@stashops)
description:
  - Sets properties in C(shared/bitbucket.properties) in the product's home, in Stash C(shared/stash-config.properties).
  - Everything else in the file stays byte for byte - other properties, comments, their order, line ends and encoding. A
    property that is there keeps its place and the way its separator is written. A new one comes at the end.
  - The file is read as Java reads it, with escapes, continued lines and repeated keys, of which the last one counts.
  - The product reads it when it starts. Nothing is restarted, RV(restart_needed) says whether it has to be.
extends_documentation_fragment:
  - stashops.mail.attributes
  - stashops.mail.attributes.files
  - stashops.mail.attributes.actiongroup
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the properties asked for only, masked where the key says C(password), C(secret) or C(token).
  idempotent:
    support: full
  safe_file_operations:
    support: full
    details: Owner, group and mode are kept. A new file gets those of its folder, and the mode C(0640).
options:
  properties:
    description:
      - The properties by their keys.
      - One whose value is empty (V(null)) is taken out. With O(state=absent) the values do not count.
    type: dict
    required: true
  path:
    description: The file. Left out, it is the one of the product that is found.
    type: path
  home:
    description:
      - The product's home folder. Left out, it is found as M(stashops.mail.stash_mail_info) does.
    type: path
  install_dir:
    description:
      - The installation's folder. Left out, it is found as M(stashops.mail.stash_mail_info) does.
    type: path
  service:
    description: Name of the service that runs the product. Empty if none does.
    type: str
    default: atlbitbucket
  state:
    description: V(present) sets the properties, V(absent) takes them out, so that the product's defaults count.
    type: str
    choices: [present, absent]
    default: present
  backup:
    description: Whether to keep a copy of the file, with a timestamp in its name, where it is changed.
    type: bool
    default: false
seealso:
  - module: stashops.mail.stash_mail_jvm
  - module: stashops.mail.stash_mail_info
"""

EXAMPLES = r"""
- name: Give the mail server more time
  stashops.mail.stash_mail_properties:
    properties:
      mail.timeout.connect: 120
      mail.timeout.send: 120
  register: properties

- name: Restart Bitbucket if it has not read them
  ansible.builtin.systemd_service:
    name: atlbitbucket
    state: restarted
  when: properties.restart_needed

- name: Back to the product's own default
  stashops.mail.stash_mail_properties:
    properties:
      mail.timeout.connect:
"""

RETURN = r"""
path:
  description: The file.
  type: str
  returned: success
  sample: /var/atlassian/application-data/bitbucket/shared/bitbucket.properties
keys:
  description: The properties that changed.
  type: list
  elements: str
  returned: success
  sample: [mail.timeout.connect]
restart_needed:
  description:
    - Whether the product has to be restarted to read the file as it is, or would be after a run in check mode.
    - True where its process started before the file was last written, by whomever.
    - Where no process can be seen, this is whether anything changed.
  type: bool
  returned: success
backup_file:
  description: The copy made.
  type: str
  returned: if O(backup=true) and something changed
"""

import os
import re
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs
from ansible_collections.stashops.mail.plugins.module_utils._product import process as processes
from ansible_collections.stashops.mail.plugins.module_utils._product import properties as properties_file

LIMIT = 4 * 1024 * 1024
SECRET = re.compile("password|passwd|secret|token", re.IGNORECASE)
MASK = "********"


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
        return "".join(
            f"{key}={mark if SECRET.search(key) else properties[key]}\n" for key in keys if key in properties
        )

    # A secret that changes shall be seen to, too.
    both = {"before": shown(before, MASK), "after": shown(after, "<different-secret>")}
    return {"before_header": path, "after_header": path, **both}


def write(module: AnsibleModule, path: str, text: str) -> None:
    """Replace the file; a new one gets its folder's owner, who is the product's account."""
    is_new = not os.path.exists(path)

    def prepare(temporary: str) -> None:
        if is_new:
            folder = os.stat(os.path.dirname(path))
            os.chown(temporary, folder.st_uid, folder.st_gid)
        if module.selinux_enabled():
            context = module.selinux_default_context(path) if is_new else module.selinux_context(path)
            module.set_context_if_different(temporary, context, False)

    _files.replace(path, text.encode(properties_file.ENCODING), mode=0o640, prepare=prepare, in_place=True)


def run(module: AnsibleModule, given: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do what the module's parameters ask for; returns its result."""
    params = module.params
    wanted = check_properties(given, params["state"])
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
    if module._diff:
        result["diff"] = diff(path, keys, before, after)
    if changed and not module.check_mode:
        if params["backup"] and data is not None:
            result["backup_file"] = module.backup_local(path)
        write(module, path, changed_text)
    return result


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "properties": {"type": "dict", "required": True},
            "path": {"type": "path"},
            "home": {"type": "path"},
            "install_dir": {"type": "path"},
            "service": {"type": "str", "default": "atlbitbucket"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "backup": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
        # There may be a secret among the properties: what the module was called with is not for the system's log.
        no_log=True,
    )
    given = dict(module.params["properties"])
    module.params["properties"] = {key: MASK if SECRET.search(key) else value for key, value in given.items()}
    try:
        module.exit_json(**run(module, given))
    except StashMailError as error:
        module.fail_json(msg=str(error), **error.details)


if __name__ == "__main__":
    main()
