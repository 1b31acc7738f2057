#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configure the mail server that Stash, Bitbucket Server or Bitbucket Data Center sends through."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_server
version_added: 1.0.0
short_description: Configure the mail server of Stash or Bitbucket
description:
  - Writes the mail server settings of Stash, Bitbucket Server or Bitbucket Data Center over its REST API, or removes
    them.
  - What was written is read back. The module fails if a setting did not stick, and says in what state Bitbucket then
    is.
  - In a cluster the settings are kept in the shared database, so one run for all nodes is enough.
author:
  - The stash_mail developers (@stashops)
extends_documentation_fragment:
  - stashops.mail.attributes
  - stashops.mail.attributes.actiongroup
  - stashops.mail.bitbucket
  - stashops.mail.bitbucket.https
attributes:
  check_mode:
    support: full
    details: Bitbucket is asked and nothing is written, neither there nor to O(password_state_path).
  diff_mode:
    support: full
    details: Passwords are shown as words such as C(<different-password>), never as values.
  idempotent:
    support: partial
    details: With O(update_password=always) each run writes, and so reports a change.
options:
  url_username:
    description:
      - Name of a user with the global permission System admin (SYS_ADMIN). The permission Admin is not enough.
    type: str
    default: ""
  timeout:
    description:
      - Seconds that all requests of a run may take together.
      - After a failed write the same time is given once more, to find out and put right what it has left, and again
        to report it.
    type: float
    default: 30
  state:
    description:
      - V(present) makes the settings as given by the other options.
      - V(absent) removes the mail server and the sender's address. Bitbucket then sends no mail. An OAuth 2.0
        configuration is removed too.
    type: str
    choices: [present, absent]
    default: present
  host:
    description:
      - Host name or IP address of the mail server. Required with O(state=present).
    type: str
  port:
    description:
      - TCP port of the mail server. Often 25 or 587, and 465 with O(security=smtps).
    type: int
    default: 25
  security:
    description:
      - How the connection to the mail server is protected.
      - V(plain) is never encrypted.
      - V(starttls_optional) is encrypted if the mail server offers STARTTLS, and is otherwise in plain text.
      - V(starttls_required) sends nothing unless the mail server offers STARTTLS.
      - V(smtps) is TLS from the first byte.
    type: str
    choices: [plain, starttls_optional, starttls_required, smtps]
    default: starttls_required
  auth_type:
    description:
      - How Bitbucket logs in at the mail server.
      - V(basic) is with O(username) and O(password), or not at all where both are empty.
      - V(oauth2) is with a token, which Bitbucket gets from a provider and renews by itself. It takes Bitbucket 10 or
        later. Provider and token are set up in Bitbucket's administration before, and named here by their ids.
      - A configuration of the other kind is replaced by V(oauth2) since that was asked for. By V(basic) it is only with
        O(overwrite_oauth2=true).
    type: str
    choices: [basic, oauth2]
    default: basic
  oauth2_provider_id:
    description: Id of an OAuth 2.0 provider that Bitbucket has. Required with O(auth_type=oauth2).
    type: str
    default: ''
  oauth2_token_id:
    description: Id, not value, of a token that Bitbucket has of that provider. Required with O(auth_type=oauth2).
    type: str
    default: ''
  username:
    description:
      - Name to log in with at the mail server. Empty, together with O(password), for a mail server that asks for
        none.
      - With O(auth_type=oauth2) this is usually the address of the mailbox.
    type: str
    default: ''
  password:
    description:
      - Password of O(username). Empty with O(auth_type=oauth2).
      - It is text or a whole number. A list and the like are refused.
    type: raw
    default: ''
  sender:
    description:
      - Address that Bitbucket's mail comes from. Required with O(state=present).
    type: str
  update_password:
    description:
      - When the password alone is a reason to write. If another setting differs, all are written, the password with
        them, since REST replaces the settings as a whole.
      - V(on_change) writes if the password is not the one written last. Where that is not known, it writes once. This
        is so at the first run, and where O(password_state_path) was lost.
      - V(always) writes at each run.
      - V(on_create) never writes for the password alone. It is set where no mail server is configured yet, or where
        another setting, such as O(username), differs.
      - With O(auth_type=oauth2) the two ids are treated in the same way, but only where Bitbucket does not show them.
        Ids that it shows are compared like any other setting.
    type: str
    choices: [on_change, always, on_create]
    default: on_change
  password_state_path:
    description:
      - File on the host where the module runs that remembers which password was written last, for each O(url).
      - It holds no password but a fingerprint, PBKDF2-HMAC-SHA256 with 600000 iterations and a random salt, bound to
        O(url), O(username) and O(host). A weak password can still be guessed from it, so it has mode 0600.
      - With O(auth_type=oauth2) it remembers the ids in the same way, where Bitbucket does not show them.
      - A folder that is missing is made with mode 0700. A file there that is not of this module is kept with
        C(.damaged) added to its name.
    type: path
    default: /var/lib/stash_mail/passwords.json
  overwrite_oauth2:
    description:
      - Whether a configuration for OAuth 2.0, which Bitbucket 10 and later can have, is replaced by one with
        O(auth_type=basic).
      - Otherwise the module fails when it finds one.
    type: bool
    default: false
notes:
  - Bitbucket's published API does not say whether the password is returned when the settings are read. If it is, it
    is compared and goes no further. If it is not, a password that somebody changed in Bitbucket's own pages cannot be
    noticed with O(update_password=on_change). Use O(update_password=always) where that may happen.
  - Bitbucket's published API does not say which versions hyphenate the names of the settings. Both spellings are
    read, and the one that Bitbucket shows is written. Where none is shown, as on an instance without a mail server,
    it is learnt by writing settings that cannot leak anything (SMTPS, no user name), and nothing of them remains.
  - Bitbucket's published API does not say whether the ids of an OAuth 2.0 configuration are returned when the settings
    are read. If they are, they are compared. If not, they are treated as the password is.
  - Bitbucket's published API does not say what it makes of STARTTLS required but not used. That is read as V(unknown)
    and written anew.
  - If a write fails and no mail server was configured before, that state is restored. Otherwise the old settings
    cannot be restored, for their password is not known, and the message says what Bitbucket holds.
  - No REST call sends a test message. Use M(stashops.mail.stash_mail_probe) before this module and
    M(stashops.mail.stash_mail_send) after it.
  - A user name or password that is wrong is told from a missing permission by Bitbucket's error message, or where
    that does not tell by C(GET /rest/api/latest/profile/recent/repos), which any user may call.
seealso:
  - module: stashops.mail.stash_mail_probe
  - module: stashops.mail.stash_mail_truststore
  - name: Bitbucket Data Center REST API
    description: The vendor's reference, see System Maintenance.
    link: https://developer.atlassian.com/server/bitbucket/rest/
"""

EXAMPLES = r"""
- name: Send through a relay that requires STARTTLS and a login
  stashops.mail.stash_mail_server:
    url: https://bitbucket.example.com
    url_username: admin
    url_password: "{{ vault_bitbucket_admin_password }}"
    host: smtp.example.com
    port: 587
    security: starttls_required
    username: bitbucket
    password: "{{ vault_mail_password }}"
    sender: bitbucket@example.com

- name: Send through the local relay without login
  stashops.mail.stash_mail_server:
    url: http://localhost:7990
    url_username: admin
    url_password: "{{ vault_bitbucket_admin_password }}"
    host: localhost
    security: plain
    sender: bitbucket@example.com

- name: Write the password at each run, from the controller, to a Bitbucket with a certificate of a private CA
  stashops.mail.stash_mail_server:
    url: https://bitbucket.example.com/bitbucket
    url_username: admin
    url_password: "{{ vault_bitbucket_admin_password }}"
    ca_path: /etc/ssl/certs/private-ca.pem
    host: smtp.example.com
    port: 465
    security: smtps
    username: bitbucket
    password: "{{ vault_mail_password }}"
    sender: bitbucket@example.com
    update_password: always
  delegate_to: localhost

- name: Send by OAuth 2.0, as set up in Bitbucket 10 or later before
  stashops.mail.stash_mail_server:
    url: https://bitbucket.example.com
    url_username: admin
    url_password: "{{ vault_bitbucket_admin_password }}"
    host: smtp.example.com
    port: 587
    username: bitbucket@example.com
    auth_type: oauth2
    oauth2_provider_id: 6b0f5a1c-provider
    oauth2_token_id: 91d3c7e2-token
    sender: bitbucket@example.com

- name: Stop Bitbucket from sending mail
  stashops.mail.stash_mail_server:
    url: http://localhost:7990
    url_username: admin
    url_password: "{{ vault_bitbucket_admin_password }}"
    state: absent
"""

RETURN = r"""
mail_server:
  description: The settings before and after the run, without the password. In check mode, those that would be after it.
  returned: success
  type: dict
  contains:
    before:
      description: The settings as found. V(null) if none were.
      type: dict
      returned: success
      sample: null
    after:
      description: The settings as read back. V(null) with O(state=absent).
      type: dict
      returned: success
      contains:
        host:
          description: The mail server.
          type: str
          returned: if a mail server is configured
        port:
          description: Its TCP port.
          type: int
          returned: if a mail server is configured
        security:
          description: One of the choices of O(security), or V(unknown) if the settings found are none of them.
          type: str
          returned: if a mail server is configured
        username:
          description: The user name, empty if none is used.
          type: str
          returned: if a mail server is configured
        sender:
          description: The sender's address.
          type: str
          returned: always
        auth_type:
          description: V(BASIC), or V(OAUTH2) in Bitbucket 10 and later.
          type: str
          returned: if a mail server is configured
        oauth2_provider_id:
          description: Id of the provider. V(null) in what was found, if Bitbucket does not show it.
          type: str
          returned: if C(auth_type) is V(OAUTH2)
        oauth2_token_id:
          description: Id of the token. V(null) in what was found, if Bitbucket does not show it.
          type: str
          returned: if C(auth_type) is V(OAUTH2)
      sample:
        host: smtp.example.com
        port: 587
        security: starttls_required
        username: bitbucket
        sender: bitbucket@example.com
        auth_type: BASIC
style:
  description:
    - How this Bitbucket spells the names of its settings, V(camel) as in C(useStartTls) or V(hyphen) as in
      C(use-start-tls).
    - V(null) if it showed none.
  returned: success
  type: str
  sample: camel
password_changed:
  description:
    - Whether the password differs from the one before. V(null) if that is not known, with O(state=absent) and with
      O(auth_type=oauth2).
  returned: success
  type: bool
  sample: false
msg:
  description: Why it was written or not, or what is wrong and what to do.
  returned: always
  type: str
  sample: "Written since these differ: host, port."
code:
  description: The kind of failure, for programs.
  returned: if Bitbucket was the reason for the failure
  type: str
  sample: no_sys_admin
not_stuck:
  description: The settings that were not as written when read back.
  returned: if a setting did not stick
  type: list
  elements: str
  sample: [security]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.argument_specs import MAIL_SERVER
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.mail_server import run
from ansible_collections.stashops.mail.plugins.module_utils._host import finish


def main() -> None:
    """Entry point."""
    finish(AnsibleModule(MAIL_SERVER, supports_check_mode=True), run)


if __name__ == "__main__":
    main()
