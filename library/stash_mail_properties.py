#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set properties in the file that Stash or Bitbucket reads when it starts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_properties
short_description: Set properties of Stash or Bitbucket, and leave the others alone
version_added: 1.0.0
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
  - stashops.mail.product
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._host import finish
from ansible_collections.stashops.mail.plugins.module_utils._product.argument_specs import PROPERTIES
from ansible_collections.stashops.mail.plugins.module_utils._product.properties_file import masked, run


def main() -> None:
    """Entry point."""
    # There may be a secret among the properties: what the module was called with is not for the system's log.
    module = AnsibleModule(PROPERTIES, supports_check_mode=True, no_log=True)
    params = dict(module.params)
    module.params["properties"] = masked(params["properties"])
    finish(module, run, params)


if __name__ == "__main__":
    main()
