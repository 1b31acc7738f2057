#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Point the JVM of Stash or Bitbucket at a truststore."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_jvm
short_description: Point the JVM of Stash or Bitbucket at a truststore
version_added: 1.0.0
author:
  - The stash_mail developers (@stashops)
description:
  - Sets C(-Djavax.net.ssl.trustStore) among the product's JVM arguments, E(JVM_SUPPORT_RECOMMENDED_ARGS), and tells
    whether the running process has yet to be restarted for it.
  - All other arguments stay, in their order. In a start script nothing that is there is touched; the
    managed arguments stand in a block after it. In the systemd drop-in the arguments of the unit and of its other
    drop-ins are repeated.
  - Nothing is restarted and systemd is not reloaded - a change where RV(method=systemd) needs a C(daemon-reload).
extends_documentation_fragment:
  - stashops.mail.attributes
  - stashops.mail.attributes.files
  - stashops.mail.attributes.actiongroup
  - stashops.mail.product
  - stashops.mail.behind
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows the truststore's arguments only, with passwords masked.
  idempotent:
    support: full
  safe_file_operations:
    support: full
    details: A start script is replaced only after C(sh -n) has accepted the new one.
options:
  truststore:
    description:
      - Absolute path of the truststore. It need not be there yet.
      - Required for O(state=present).
    type: path
  truststore_type:
    description:
      - The truststore's format.
      - It is written only where another C(-Djavax.net.ssl.trustStoreType) stands already, since that would make the JVM
        refuse the file. JVMs tell the two formats apart by themselves.
    type: str
    choices: [jks, pkcs12]
    default: jks
  truststore_password:
    description:
      - The truststore's password.
      - Leave it out. Truststores as M(stashops.mail.stash_mail_truststore) writes them are read without one, and as a
        JVM argument it shows in the list of processes.
    type: str
  method:
    description:
      - Where the arguments are set.
      - V(systemd) writes C(stash_mail.conf), a drop-in of the service. It survives an upgrade of the product.
      - V(start_webapp) writes to C(bin/_start-webapp.sh), for Bitbucket 5 and later.
      - V(setenv) writes to C(bin/setenv.sh), for Stash and Bitbucket 4.
      - V(environment) writes to O(environment_file), for a container from the vendor's image, which knows no other way.
        The container has to be recreated to read it; a mere restart keeps the old environment.
      - V(compose) writes O(compose_override), for a container of a compose project whose C(environment) gives the
        arguments. It has to be recreated, too.
      - V(auto) takes V(environment) where there is an O(environment_file), and V(compose) where there is an
        O(compose_override).
      - V(auto) takes the drop-in where the service has a unit and the product would hear it. Where the start script
        sets the variable itself, or an environment file, a later drop-in or a wrapper does, or where a wrapper logs in
        as another account, only the script's value counts, and V(auto) takes the script.
      - Scripts are read and never run. An argument that would override the managed ones ends the task before
        anything has changed.
    type: str
    choices: [auto, systemd, start_webapp, setenv, environment, compose]
    default: auto
  environment_file:
    description:
      - File on the container's host with C(NAME=value) lines that the container gets its environment from, such as with
        C(--env-file), by C(env_file) of a compose file, or as C(EnvironmentFile) of a unit. Created if it is missing.
      - The line as it was is kept in a comment, and put back by O(state=absent).
      - O(truststore) is its path in the container. Mount the folder that it is in under the same path, not the file,
        since a mounted file stays the old one when it is replaced.
    type: path
  compose_override:
    description:
      - Compose file to write over those of a project, such as C(compose.override.yaml) beside its C(compose.yaml).
      - The whole file is managed - one that this module has not written is refused, and O(state=absent) removes it.
      - It gives the service E(JVM_SUPPORT_RECOMMENDED_ARGS), in which the project's other arguments are repeated, and
        mounts the folder of O(truststore) under its own path where the project does not. That has to be a folder of its
        own.
      - A new one gets the owner and the mode of the project's first file.
      - Where a C(docker compose), C(docker-compose) or C(podman-compose) of this host can say what the files mean
        together, it has to take the file before it is written.
      - The project's files are read by Python's C(yaml), which this host has to have.
    type: path
  compose_files:
    description:
      - The project's own files, in their order. O(compose_override) among them is left out.
      - Empty for those that compose reads beside O(compose_override) - by E(COMPOSE_FILE) in the project's C(.env), or
        by their usual names.
    type: list
    elements: path
    default: []
  compose_service:
    description: The product's service in the compose project.
    type: str
    default: bitbucket
  state:
    description:
      - V(present) sets the arguments.
      - V(absent) removes what this module has set, by whatever method, and so restores what was there.
    type: str
    choices: [present, absent]
    default: present
  backup:
    description: Whether to keep a copy, with a timestamp in its name, of each file that is changed.
    type: bool
    default: false
seealso:
  - module: stashops.mail.stash_mail_truststore
  - module: stashops.mail.stash_mail_info
"""

EXAMPLES = r"""
- name: Let Bitbucket trust what is in the managed truststore
  stashops.mail.stash_mail_jvm:
    truststore: /etc/stash_mail/cacerts
  register: jvm

- name: Restart Bitbucket if its process does not use the truststore as it is now
  ansible.builtin.systemd_service:
    name: atlbitbucket
    state: restarted
    daemon_reload: true
  when: jvm.restart_needed

- name: Let Bitbucket in a container trust what is in the managed truststore
  stashops.mail.stash_mail_jvm:
    truststore: /srv/bitbucket/stash_mail/cacerts
    environment_file: /srv/bitbucket/bitbucket.env

- name: The same for a service of a compose project
  stashops.mail.stash_mail_jvm:
    truststore: /srv/bitbucket/stash_mail/cacerts
    compose_override: /srv/bitbucket/compose.override.yaml

- name: Back to the JVM's own truststore
  stashops.mail.stash_mail_jvm:
    state: absent
"""

RETURN = r"""
path:
  description: The file that holds the managed arguments, or would hold them.
  type: str
  returned: success
  sample: /etc/systemd/system/atlbitbucket.service.d/stash_mail.conf
method:
  description: The method taken.
  type: str
  returned: success
method_reason:
  description: Why that method was taken.
  type: str
  returned: success
  sample: The service has a unit, and bin/_start-webapp.sh leaves the variable to the environment.
arguments:
  description:
    - The arguments that the managed drop-in, block or file gives after the run. Passwords are masked.
    - Empty for O(state=absent). For RV(method=environment) and RV(method=compose) all arguments that the file gives.
  type: list
  elements: str
  returned: success
restart_needed:
  description:
    - Whether the product has to be restarted for the wanted truststore to be in force.
    - True where the running process has other truststore arguments, or started before the truststore was last written.
    - Where no process can be seen, this is whether anything changed. One in a container is seen if the folder of
      O(truststore) is mounted there under its own path.
  type: bool
  returned: success
foreign_truststore:
  description:
    - A truststore that somebody else has set and that the managed one replaces, V(none) if there is none.
    - Its certificates are lost for the product, unless the new truststore was built on it.
  type: str
  returned: success
process:
  description: The running product, as M(stashops.mail.stash_mail_info) returns it. V(none) if it does not run.
  type: dict
  returned: success
backup_files:
  description: The copies made.
  type: list
  elements: str
  returned: if O(backup=true) and something changed
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._host import finish
from ansible_collections.stashops.mail.plugins.module_utils._product.argument_specs import JVM, JVM_RULES
from ansible_collections.stashops.mail.plugins.module_utils._product.arguments import run


def main() -> None:
    """Entry point."""
    finish(AnsibleModule(JVM, supports_check_mode=True, **JVM_RULES), run)


if __name__ == "__main__":
    main()
