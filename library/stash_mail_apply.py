#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change in one call what a node's plan has found to differ."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_apply
short_description: Change in one call what differs on a node, and send the message that proves it
version_added: 1.0.0
author:
  - The stash_mail developers (@stashops)
description:
  - Does in one call what the modules M(stashops.mail.stash_mail_truststore), M(stashops.mail.stash_mail_properties),
    M(stashops.mail.stash_mail_jvm), M(stashops.mail.stash_mail_server) and M(stashops.mail.stash_mail_send) do, in this
    order, so that the JVM is never pointed at a file that is not there.
  - A change is made if its options are given. What it came to stands under the same name, and is what that module
    returns, without what Ansible adds to a result that has a path.
  - The first that fails ends the module with its message. What was done before it stays, and is told and returned.
  - Nothing is restarted. A JVM that is to use a new truststore has to be, between O(jvm) and O(server).
  - M(stashops.mail.stash_mail_plan) tells beforehand what would differ. It finds out by itself what its questions leave
    open, such as the home and the Java of the product, and this module does no more than the single modules do.
extends_documentation_fragment:
  - stashops.mail.attributes
  - stashops.mail.attributes.files
  - stashops.mail.attributes.actiongroup
  - stashops.mail.questions.changes
attributes:
  check_mode:
    support: full
    details: No message is sent, the mailbox is opened only.
  diff_mode:
    support: full
    details: Those of the single modules, one after the other. Ansible shows none of a task that failed.
  idempotent:
    support: partial
    details:
      - With O(server.update_password=always) each run writes the settings.
      - Each run sends the message of O(send), which does not count as a change.
  safe_file_operations:
    support: full
requirements:
  - The Python library C(cryptography) 3.2 or later on the target, for certificates in O(truststore), and for O(send)
    unless O(send.security=plain).
seealso:
  - module: stashops.mail.stash_mail_plan
  - module: stashops.mail.stash_mail_truststore
  - module: stashops.mail.stash_mail_properties
  - module: stashops.mail.stash_mail_jvm
  - module: stashops.mail.stash_mail_server
  - module: stashops.mail.stash_mail_send
"""

EXAMPLES = r"""
- name: Build the truststore, and point the JVM at it
  stashops.mail.stash_mail_apply:
    truststore:
      path: /etc/stash_mail/cacerts
      certificates:
        - pem: "{{ lookup('ansible.builtin.file', 'company-root-ca.pem') }}"
    jvm:
      truststore: /etc/stash_mail/cacerts
  register: node

- name: Restart Bitbucket if its process does not use the truststore as it is now
  ansible.builtin.systemd_service:
    name: atlbitbucket
    state: restarted
    daemon_reload: true
  when: node.jvm.restart_needed

- name: Write the settings, and see a message arrive
  stashops.mail.stash_mail_apply:
    server:
      url: http://localhost:7990
      url_username: admin
      url_password: "{{ vault_bitbucket_admin_password }}"
      host: mail.example.com
      port: 587
      username: bitbucket
      password: "{{ vault_mail_password }}"
      sender: bitbucket@example.com
    send:
      host: mail.example.com
      port: 587
      username: bitbucket
      password: "{{ vault_mail_password }}"
      truststore: /etc/stash_mail/cacerts
      sender: bitbucket@example.com
      recipient: ops@example.com
"""

RETURN = r"""
truststore:
  description: What became of the truststore, as M(stashops.mail.stash_mail_truststore) returns it.
  type: dict
  returned: if O(truststore) is given, and nothing before it has failed
properties:
  description: What became of the properties, as M(stashops.mail.stash_mail_properties) returns it.
  type: dict
  returned: if O(properties) is given, and nothing before it has failed
jvm:
  description: What became of the JVM's arguments, as M(stashops.mail.stash_mail_jvm) returns it.
  type: dict
  returned: if O(jvm) is given, and nothing before it has failed
server:
  description: What became of the settings, as M(stashops.mail.stash_mail_server) returns it.
  type: dict
  returned: if O(server) is given, and nothing before it has failed
send:
  description: What became of the message, as M(stashops.mail.stash_mail_send) returns it.
  type: dict
  returned: if O(send) is given, and nothing before it has failed
msg:
  description:
    - What has failed and what to do, as its module says it, and what had been changed before that.
    - The answer that failed has C(failed), and its own C(msg).
  type: str
  returned: failure
code:
  description: The kind of failure, for programs.
  type: str
  returned: failure, if it has one
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._host import finish
from ansible_collections.stashops.mail.plugins.module_utils._plan.argument_specs import CHANGES, CHANGES_RULES
from ansible_collections.stashops.mail.plugins.module_utils._plan.changes import run
from ansible_collections.stashops.mail.plugins.module_utils._plan.masking import masked


def main() -> None:
    """Entry point."""
    # There may be a secret among the properties: what the module was called with is not for the system's log.
    module = AnsibleModule(CHANGES, supports_check_mode=True, no_log=True, **CHANGES_RULES)
    params = dict(module.params)
    module.params.update(masked(params))
    finish(module, run, params)


if __name__ == "__main__":
    main()
