#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask at once all that there is to know about a node's mail before anything is changed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_plan
short_description: Find out in one call what would be changed on a node, and whether it could send mail then
version_added: 1.0.0
author:
  - The stash_mail developers (@stashops)
description:
  - Asks in one call what the modules M(stashops.mail.stash_mail_info), M(stashops.mail.stash_mail_server),
    M(stashops.mail.stash_mail_status), M(stashops.mail.stash_mail_jvm), M(stashops.mail.stash_mail_kubernetes),
    M(stashops.mail.stash_mail_properties), M(stashops.mail.stash_mail_truststore), M(stashops.mail.stash_mail_probe),
    M(stashops.mail.stash_mail_send) and M(stashops.mail.stash_mail_notification) would say in check mode, and changes
    nothing.
  - Where all is as wanted, it can send the message that proves it in the same call, see O(proof).
  - A question is asked if its options are given. Its answer stands under the same name, and is what that module
    returns.
  - The mail server is judged by the very truststore that would be written, which need not be there yet.
  - A question that fails does not keep the others from being answered. Its answer then has C(failed), C(msg) and
    usually C(code), and the module fails at the end with all answers.
  - The module also fails where the answers together say that going on would do harm. See RV(refusals).
extends_documentation_fragment:
  - stashops.mail.attributes
  - stashops.mail.attributes.actiongroup
  - stashops.mail.questions
attributes:
  check_mode:
    support: full
    details: Never changes anything, so that it does the same in check mode, except for O(proof).
  diff_mode:
    support: full
    details: What would change stands in the answers, as C(diff).
  idempotent:
    support: N/A
    details: Never changes anything. Each run sends O(proof) where that is given and nothing differs.
options:
  judged_by:
    description:
      - The truststore that O(probe) is judged by, unless it names one itself.
      - With V(planned) it is the one of O(truststore), as it would be after the change, where that is asked for with
        O(truststore.state=present).
      - With V(planned) and without that it is the one of RV(jvm_truststore.afterwards), with V(in_force) that of
        RV(jvm_truststore.now).
    type: str
    choices: [planned, in_force]
    default: planned
  managed:
    description:
      - The truststore that the JVM is to use, as a path where that JVM is asked, in its container or on the host. Where
        neither O(jvm) nor O(kubernetes) is asked for, nothing else says so.
    type: dict
    suboptions:
      path:
        description: Its path.
        type: path
        required: true
      state:
        description: Whether the JVM is to use it, or no longer.
        type: str
        choices: [present, absent]
        default: present
  trials:
    description:
      - Further sets of certificates, each to be told whether a truststore of them would do. What the mail server
        presented to O(probe) is judged, no user name and no password is sent.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What its answer in RV(trials) is called.
        type: str
        required: true
      base:
        description:
          - What the certificates are added to, V(none) or V(auto), which is the bundle of the product's Java, or the
            path of a bundle.
        type: str
        default: none
      certificates:
        description: The certificates.
        type: list
        elements: dict
        required: true
        suboptions:
          pem:
            description:
              - PEM text, with one or more certificates.
              - Mutually exclusive with O(trials[].certificates[].path), and one of the two is required.
            type: str
          path:
            description: A file on the target with one or more certificates, in PEM, DER or PKCS7.
            type: path
          alias:
            description: The alias in the truststore.
            type: str
  logins:
    description:
      - Accounts of the mail server, each to be told whether it is accepted, in a conversation of its own in place of
        the one of O(probe), whose O(probe.username) and O(probe.password) are not used then.
      - An account that is refused is an answer in RV(logins), and no failure of the module.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What its answer in RV(logins) is called.
        type: str
        required: true
      username:
        description: User name.
        type: str
        required: true
      password:
        description: Password.
        type: str
        required: true
  restart:
    description:
      - How the product would be restarted, to be told if it cannot be. It is asked for only where O(jvm) or
        O(properties) are.
      - V(auto) stands for V(service) where a service runs the product, and for V(scripts) where none does.
      - With V(none) that is somebody else's matter.
    type: str
    choices: [auto, service, scripts, none]
    default: none
requirements:
  - The Python library C(cryptography) 3.2 or later on the target, for O(truststore) and for O(probe) unless
    O(probe.security=plain). Where it is missing, these are not asked, which is no failure.
seealso:
  - module: stashops.mail.stash_mail_info
  - module: stashops.mail.stash_mail_server
  - module: stashops.mail.stash_mail_status
  - module: stashops.mail.stash_mail_jvm
  - module: stashops.mail.stash_mail_kubernetes
  - module: stashops.mail.stash_mail_properties
  - module: stashops.mail.stash_mail_truststore
  - module: stashops.mail.stash_mail_probe
  - module: stashops.mail.stash_mail_send
  - module: stashops.mail.stash_mail_notification
"""

EXAMPLES = r"""
- name: Ask what would be changed
  stashops.mail.stash_mail_plan:
    server:
      url: http://localhost:7990
      url_username: admin
      url_password: "{{ vault_bitbucket_admin_password }}"
      host: mail.example.com
      port: 587
      username: bitbucket
      password: "{{ vault_mail_password }}"
      sender: bitbucket@example.com
    jvm:
      truststore: /etc/stash_mail/cacerts
    truststore:
      path: /etc/stash_mail/cacerts
      certificates:
        - pem: "{{ lookup('ansible.builtin.file', 'company-root-ca.pem') }}"
    probe:
      host: mail.example.com
      port: 587
      username: bitbucket
      password: "{{ vault_mail_password }}"
      sender: bitbucket@example.com
      recipient: ops@example.com
  register: plan

- name: Say what is not as it should be
  ansible.builtin.debug:
    msg: "{{ ['server', 'truststore', 'jvm'] | select('in', plan.planned) }}"

- name: Ask whether the mail server already presents what comes from the new CA
  stashops.mail.stash_mail_plan:
    probe:
      host: mail.example.com
      port: 587
      check_identity: false
    trials:
      - name: next
        certificates:
          - pem: "{{ lookup('ansible.builtin.file', 'next-root-ca.pem') }}"
  register: plan
  until: plan.trials.next.trusted
  retries: 3
  failed_when: plan.trials is not defined

- name: Ask which of two accounts the mail server accepts
  stashops.mail.stash_mail_plan:
    probe:
      host: mail.example.com
      port: 587
      sender: bitbucket@example.com
    logins:
      - {name: old, username: bitbucket, password: "{{ vault_mail_password }}"}
      - {name: new, username: bitbucket, password: "{{ vault_new_mail_password }}"}
  register: plan

- name: Show whether the new one is accepted, and why not
  ansible.builtin.debug:
    msg: "{{ plan.logins.new.accepted }}: {{ plan.logins.new.msg }}"
"""

RETURN = r"""
product:
  description:
    - What was found, as M(stashops.mail.stash_mail_info) returns it.
    - Where O(jvm) or O(properties) are given, C(found) says whether there is a product whose arguments can be set. One
      in a container need not be seen.
  type: dict
  returned: always
server:
  description: What would be written to the product, as M(stashops.mail.stash_mail_server) returns it in check mode.
  type: dict
  returned: if O(server) is given
status:
  description: What the node says of itself, as M(stashops.mail.stash_mail_status) returns it.
  type: dict
  returned: if O(status) is given
jvm:
  description:
    - What would become of the arguments, as M(stashops.mail.stash_mail_jvm) or
      M(stashops.mail.stash_mail_kubernetes) returns it in check mode.
  type: dict
  returned: if O(jvm) or O(kubernetes) is given
properties:
  description: What would become of them, as M(stashops.mail.stash_mail_properties) returns it in check mode.
  type: dict
  returned: if O(properties) is given
truststore:
  description:
    - What would become of the truststore, as M(stashops.mail.stash_mail_truststore) returns it in check mode.
    - Has C(skipped) and C(msg) where the target lacks C(cryptography).
  type: dict
  returned: if O(truststore) is given
probe:
  description:
    - What the mail server answered, as M(stashops.mail.stash_mail_probe) returns it.
    - Has C(skipped) and C(msg) where the target lacks C(cryptography), where there is no truststore to judge by since
      RV(truststore) failed, and where O(logins) were tried in its place.
  type: dict
  returned: if O(probe) is given
message:
  description: What became of the message, as M(stashops.mail.stash_mail_send) returns it.
  type: dict
  returned: if O(proof) is given, and it was sent or tried to be
trials:
  description:
    - For each of O(trials) whether it would do, by name.
    - Besides, V(planned), for the truststore of O(truststore), where O(judged_by=in_force) and what is in force does
      not do.
  type: dict
  returned: if the mail server has presented certificates, and there was something to try
  contains:
    <name>:
      description: One of them.
      type: dict
      contains:
        trusted:
          description: Whether the JVM would trust the mail server with it. None where that cannot be known.
          type: bool
        reason:
          description: Why.
          type: str
        delivers:
          description: Whether nothing about the certificate would keep the product from sending.
          type: bool
        outcome:
          description:
            - V(deliver), V(tls_untrusted), V(tls_protocol) or V(tls_identity).
            - V(unknown) where no JVM can be asked and OpenSSL may not agree with it.
            - V(failed) where it could not be told, as with certificates that cannot be read. Then there are C(failed)
              and C(msg), too, and the module fails.
          type: str
        jvm:
          description: The whole verdict, as C(jvm) of M(stashops.mail.stash_mail_probe).
          type: dict
        anchors:
          description: SHA-256 of the certificates given.
          type: list
          elements: str
logins:
  description: For each of O(logins) what the mail server said, by name.
  type: dict
  returned: if O(logins) are given and could be tried
  contains:
    <name>:
      description: One of them.
      type: dict
      contains:
        accepted:
          description:
            - Whether the mail server asked for the password and took it, and the sender and the recipient as far as
              they are given.
          type: bool
        outcome:
          description: How the conversation ended, one of those of M(stashops.mail.stash_mail_probe), or V(failed).
          type: str
        msg:
          description: What that means, or why it failed.
          type: str
send:
  description:
    - What M(stashops.mail.stash_mail_send) returns in check mode. Has C(skipped) and C(msg) where it was not asked.
  type: dict
  returned: if O(send) is given, unless the message of O(proof) was sent
notification:
  description:
    - What M(stashops.mail.stash_mail_notification) returns in check mode. Has C(skipped) and C(msg) where it was not
      asked.
  type: dict
  returned: if O(notification) is given
planned:
  description: Names of the questions whose answer is that something would be changed.
  type: list
  elements: str
  returned: always
  sample: [truststore, jvm]
failures:
  description: Names of the questions that failed.
  type: list
  elements: str
  returned: always
  sample: [server]
refusals:
  description:
    - Why not to go on, though each question was answered. One text for each reason.
    - The product was not found, or cannot be restarted by O(restart).
    - A truststore that somebody else has set would get lost.
    - The password would be given away, since O(probe.security=starttls_optional) and the server offers no STARTTLS.
  type: list
  elements: str
  returned: always
jvm_truststore:
  description: The truststores that the JVM uses, as paths where it is asked. None stands for its own.
  type: dict
  returned: always
  contains:
    now:
      description:
        - The one that the running process was told, or where none can be seen, the one that O(managed), O(jvm) or
          O(kubernetes) would set.
      type: str
    afterwards:
      description: The one that it uses once all is as wanted.
      type: str
restart:
  description: How the product would be restarted, V(service), V(scripts) or V(none).
  type: str
  returned: always
msg:
  description: Which questions failed and why, and RV(refusals).
  type: str
  returned: failure
code:
  description: The kind of failure, for programs, if one question alone has failed and has one.
  type: str
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._host import finish
from ansible_collections.stashops.mail.plugins.module_utils._plan.argument_specs import QUESTIONS, QUESTIONS_RULES
from ansible_collections.stashops.mail.plugins.module_utils._plan.masking import masked
from ansible_collections.stashops.mail.plugins.module_utils._plan.questions import run


def main() -> None:
    """Entry point."""
    # There may be a secret among the properties: what the module was called with is not for the system's log.
    module = AnsibleModule(QUESTIONS, supports_check_mode=True, no_log=True, **QUESTIONS_RULES)
    params = dict(module.params)
    module.params.update(masked(params))
    finish(module, run, params)


if __name__ == "__main__":
    main()
