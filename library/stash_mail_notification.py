#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have the running Stash or Bitbucket send a message of its own and see it arrive."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_notification
short_description: Have the running Stash or Bitbucket send a message of its own and see it arrive
version_added: 1.0.0
author:
  - The stash_mail developers (@stashops)
description:
  - Where M(stashops.mail.stash_mail_send) sends as Bitbucket would, this module makes Bitbucket itself send, with the
    settings and the truststore that its process uses at this moment. No REST call sends a test message, so the one
    documented way is taken - a user is created with a notification, which mails a link for choosing a password, and is
    deleted again.
  - The message is then looked for in the recipient's mailbox, and what Bitbucket writes into its mail log meanwhile is
    brought into the result, since Bitbucket drops a message that it cannot send and tells of it nowhere else.
extends_documentation_fragment:
  - stashops.mail.attributes
  - stashops.mail.attributes.actiongroup
  - stashops.mail.bitbucket
  - stashops.mail.bitbucket.https
  - stashops.mail.mailbox
  - stashops.mail.behind
attributes:
  check_mode:
    support: full
    details:
      No user is created and nothing is sent. What can be checked without that is, that Bitbucket answers, its account
      may manage users as far as that can be seen, the mail log can be read and the mailbox can be opened.
  diff_mode:
    support: none
    details: A message is an event, there is nothing to compare.
  idempotent:
    support: none
    details: Every run has a message sent.
options:
  url_username:
    description: Name of a user with the global permission Admin, or System admin.
    type: str
    default: ""
  timeout:
    description:
      - Seconds that the requests to Bitbucket may take together up to the creation of the user.
      - Deleting the user is tried three times, with as many seconds each, after O(deadline) if need be.
    type: float
    default: 30
  recipient:
    description:
      - Who gets the message. Its mailbox should be yours, since the link in the message is good for choosing the
        password of the user for as long as the user is there, which is until the message has arrived or O(deadline)
        is over.
    type: str
    required: true
  home:
    description:
      - The product's home folder. Its mail log is C(log/atlassian-bitbucket-mail.log) there, or
        C(log/atlassian-stash-mail.log).
      - The module M(stashops.mail.stash_mail_info) finds it.
    type: path
  log_path:
    description: Path of the mail log, if it is somewhere else. It wins over O(home).
    type: path
  truststore:
    description:
      - Path of a truststore, JKS or PKCS12, with what vouches for the mailbox's server where O(imap.ca) or O(pop3.ca)
        is not given. Without it that is what the host's system trusts.
      - With O(behind) it is a path there.
      - What Bitbucket's mail server has to present is not looked at here. That is Bitbucket's own matter.
    type: path
  truststore_password:
    description: Password of O(truststore), if it needs one.
    type: str
  deadline:
    description:
      - Seconds for the message to arrive, counted from the start of the module.
      - Bitbucket may need a minute or more to give a mail server up that does not answer, before it logs that.
      - Where neither O(imap) nor O(pop3) is given, the log is always watched until the end of it.
    type: float
    default: 120
notes:
  - The user is deleted whatever happens, at a failure, at the end of the deadline, and when the module is ended by
    C(SIGTERM), C(SIGINT) or C(SIGHUP). Where it cannot be deleted, the module fails and names the user. What an earlier
    run has left, killed by C(SIGKILL) for example, is named in a warning.
  - The user's name is V(stash-mail-verify-) and 16 random hexadecimal digits, and it is checked that there is none.
  - What stays behind is what Bitbucket notes of any user that was there, in its audit log and its logs, and the
    message.
  - The user gets no group and no permission (C(addToDefaultGroup=false)). The vendor's published API does not say
    whether such a user takes a seat of the licence for the seconds that it exists. A user without permissions should
    not, but with no free seat see that it does not matter to you.
  - Bitbucket needs a user directory that it may write. Where there are external directories only, it refuses to
    create the user, and the module fails without a change.
  - The product's message has a Message-ID of the product's. It is known by the user's name in it. Where a
    message to the recipient arrives that does not have the name, it is taken after 10 seconds, with a warning.
requirements:
  - The Python library C(cryptography) 3.2 or later on the target where O(truststore), O(imap.ca) or O(pop3.ca) is used.
seealso:
  - module: stashops.mail.stash_mail_send
  - module: stashops.mail.stash_mail_server
  - module: stashops.mail.stash_mail_info
"""

EXAMPLES = r"""
- name: Have Bitbucket send a message and wait until it is in the mailbox
  stashops.mail.stash_mail_notification:
    url: http://localhost:7990
    url_username: admin
    url_password: "{{ vault_bitbucket_admin_password }}"
    recipient: ops@example.com
    home: /var/atlassian/application-data/bitbucket
    truststore: /etc/stash_mail/cacerts
    imap:
      host: mail.example.com
      username: ops
      password: "{{ vault_imap_password }}"

- name: Without a mailbox, see whether Bitbucket logs an error within three minutes
  stashops.mail.stash_mail_notification:
    url: https://bitbucket.example.com
    url_username: admin
    url_password: "{{ vault_bitbucket_admin_password }}"
    recipient: ops@example.com
    home: /var/atlassian/application-data/bitbucket
    deadline: 180
"""

RETURN = r"""
outcome:
  description:
    - V(delivered), the message was seen in the mailbox.
    - V(no_error), no mailbox was given, and Bitbucket has logged no error of it before O(deadline) was over.
    - V(failed), Bitbucket has logged that it could not send it. The module fails.
    - V(missing), it did not arrive, and Bitbucket has logged no error of it. The module fails.
    - V(not_sent), Bitbucket was not made to send it. The module fails.
  type: str
  returned: always, except in check mode
  sample: delivered
code:
  description:
    - What went wrong, for programs.
    - V(failed) and V(missing), as RV(outcome).
    - V(user_left), the user could not be deleted again.
    - V(no_mail_server), Bitbucket has no mail server configured.
    - V(no_admin), the account may not manage users.
    - V(blind), none of O(imap), O(pop3), O(home) and O(log_path) is given.
    - V(interrupted), the module was ended by a signal.
    - Others name what was wrong with Bitbucket's answer, such as V(unauthorised) or V(connection_refused).
  type: str
  returned: failure, as far as there is one
user:
  description: The user that was created, V(none) if none was.
  type: dict
  returned: always, except in check mode
  contains:
    name:
      description: Its name.
      type: str
    deleted:
      description: Whether it is certain that it is gone.
      type: bool
seconds:
  description: Seconds from Bitbucket's answer to the arrival, V(none) if that was not seen.
  type: float
  returned: always, except in check mode
names_user:
  description: Whether the message names the user, so that it is certainly the one.
  type: bool
  returned: if a message arrived
message_id:
  description: Its Message-ID.
  type: str
  returned: if a message arrived
sender:
  description: Its sender, the header From.
  type: str
  returned: if a message arrived
subject:
  description: Its subject.
  type: str
  returned: if a message arrived
received:
  description: Its Received headers, the last hop first.
  type: list
  elements: str
  returned: if a message arrived
log_path:
  description: The mail log, V(none) if it was not looked into.
  type: str
  returned: always, except in check mode
log_errors:
  description:
    - The errors and warnings that Bitbucket has written into its mail log since the module began, with their causes and
      without the stacks, 20 at most. They may be about other messages.
  type: list
  elements: str
  returned: always, except in check mode
earlier_error:
  description: The last error before that, which may have the same reason, since Bitbucket does not log each.
  type: str
  returned: if the message did not arrive and no error was logged
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.argument_specs import (
    NOTIFICATION,
    NOTIFICATION_RULES,
)
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.notify import run
from ansible_collections.stashops.mail.plugins.module_utils._host import finish


def main() -> None:
    """Entry point."""
    finish(AnsibleModule(NOTIFICATION, supports_check_mode=True, **NOTIFICATION_RULES), run)


if __name__ == "__main__":
    main()
