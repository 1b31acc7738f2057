#!/usr/bin/python
# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send one test message with Bitbucket's mail settings and see it arrive."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stash_mail_send
short_description: Send a test message with Bitbucket's mail settings and see it arrive
version_added: 1.0.0
author:
  - The stash_mail developers (@stashops)
description:
  - Hands one message over to the mail server, as Stash or Bitbucket would with these settings, and nothing where the
    product's JVM would refuse the server. With O(imap) or O(pop3) it is then looked for in the recipient's mailbox by
    its Message-ID. Without them the best outcome is V(accepted).
  - The message is handed over once. Where the connection breaks after that, the outcome is V(unknown), and it is never
    sent again by itself. What O(greylist_wait) tries again has not been handed over.
extends_documentation_fragment:
  - stashops.mail.attributes
  - stashops.mail.attributes.actiongroup
  - stashops.mail.connection
  - stashops.mail.mailbox
attributes:
  check_mode:
    support: full
    details: The mail server is not contacted. The options are checked, and the mailbox is opened and left as it is.
  diff_mode:
    support: none
    details: A message is an event, there is nothing to compare.
  idempotent:
    support: none
    details: Every run sends a message.
options:
  sender:
    description: The sender, as Bitbucket would use it.
    type: str
    required: true
  recipient:
    description:
      - Who gets the message, one address or several.
      - A server may refuse some of several recipients, see O(partial_refusal).
      - An address that is not ASCII is taken here, unlike in O(sender), and refused where the server does not offer
        SMTPUTF8. Bitbucket's own mail library uses SMTPUTF8 only where C(mail.mime.allowutf8) is set in its session,
        which a warning says. A domain that is not ASCII can also be given in its C(xn--) form, which needs no SMTPUTF8.
    type: list
    elements: str
    required: true
  partial_refusal:
    description:
      - What it is if the server refuses some of several recipients. The others get the message in any case.
      - V(fail), a failure that says who got the message and who did not.
      - V(warn), a warning.
      - It is always a failure, and nothing is sent, if all recipients are refused.
    type: str
    choices: [fail, warn]
    default: fail
  trusted_chain:
    description:
      - SHA-256 of the certificates that this mail server has just presented and the JVM has accepted, its own first, as
        C(chain) of M(stashops.mail.stash_mail_probe) returned it for the same O(host), O(port), O(security),
        O(truststore) and Java.
      - If the server presents exactly these, the JVM is not started for them a second time, which takes longer than
        all the rest. Whoever presents them has the key that belongs to them, since the handshake would fail otherwise.
      - Anything else that it presents is judged as if this option were empty, before the password is sent.
    type: list
    elements: str
    default: []
  hello:
    description:
      - What to call this host in EHLO, as RV(hello) of M(stashops.mail.stash_mail_probe).
      - If empty, the JVM is asked how it would call itself.
    type: str
    default: ""
  jvm_arguments:
    description:
      - Further arguments of the product's JVM, as O(stashops.mail.stash_mail_probe#module:jvm_arguments).
    type: list
    elements: str
    default: []
  dsn:
    description:
      - The events for which the mail servers are asked to send a delivery status notification (RFC 3461) to O(sender).
      - Where the server does not offer that, the message is sent without it, with a warning.
    type: list
    elements: str
    choices: [success, failure, delay]
    default: []
requirements:
  - The Python library C(cryptography) 3.2 or later on the target, unless O(security=plain).
seealso:
  - module: stashops.mail.stash_mail_probe
"""

EXAMPLES = r"""
- name: Send a test message and wait until it is in the mailbox
  stashops.mail.stash_mail_send:
    host: mail.example.com
    port: 587
    security: starttls_required
    username: bitbucket
    password: "{{ vault_mail_password }}"
    sender: bitbucket@example.com
    recipient: ops@example.com
    truststore: /etc/stash_mail/cacerts
    deadline: 60
    imap:
      host: mail.example.com
      username: ops
      password: "{{ vault_imap_password }}"

- name: Send to several, be told of the delivery, and see it arrive over POP3
  stashops.mail.stash_mail_send:
    host: mail.example.com
    security: smtps
    port: 465
    sender: bitbucket@example.com
    recipient:
      - ops@example.com
      - oncall@example.com
    partial_refusal: warn
    dsn: [success, failure]
    truststore: /etc/stash_mail/cacerts
    pop3:
      host: mail.example.com
      security: pop3s
      username: ops
      password: "{{ vault_pop3_password }}"

- name: Only hand a test message over
  stashops.mail.stash_mail_send:
    host: mail.example.com
    sender: bitbucket@example.com
    recipient: ops@example.com
"""

RETURN = r"""
message_id:
  description: The message's Message-ID, to be looked for in logs and mailboxes.
  type: str
  returned: always, except in check mode
  sample: <173212345.1.stash_mail@example.com>
outcome:
  description:
    - V(delivered), the message was seen in the mailbox.
    - V(accepted), the server took it. The module fails if O(imap) or O(pop3) is given and it did not arrive in time.
    - V(refused), it was not handed over.
    - V(unknown), it was handed over and the server's answer is missing. It may arrive or not.
  type: str
  returned: always, except in check mode
code:
  description:
    - What went wrong, one of the codes of M(stashops.mail.stash_mail_probe), or one of those that follow.
    - V(accepted), the message did not arrive in time.
    - V(partly_refused), some of the recipients were refused, and the others have the message.
    - V(unknown), as RV(outcome).
  type: str
  returned: failure
seconds:
  description: Seconds from handing it over to its arrival, V(none) if that was not seen.
  type: float
  returned: always, except in check mode
recipients:
  description: What the server said to each recipient. It may still have refused the message itself, see RV(outcome).
  type: list
  elements: dict
  returned: always, except in check mode
  contains:
    address:
      description: The recipient.
      type: str
    accepted:
      description: Whether the server took the recipient. V(none) if it was not asked.
      type: bool
    reply:
      description: The server's answer.
      type: str
    code:
      description: V(recipient_refused), or V(deferred) for a refusal that may pass, such as by greylisting.
      type: str
      returned: if it was refused
dsn_requested:
  description: Whether notifications were asked for, which the server has to offer.
  type: bool
  returned: if O(dsn) is given and the server could be asked
reply:
  description: The server's answer to the message.
  type: str
  returned: when the server took it
received:
  description: The message's Received headers, the last hop first.
  type: list
  elements: str
  returned: when it was seen in the mailbox
cause:
  description: What the code stands for.
  type: str
  returned: failure
meaning:
  description: What that means for Bitbucket.
  type: str
  returned: failure
remedy:
  description: What to do next.
  type: str
  returned: failure
log:
  description: The text that would stand in Bitbucket's log, as far as it is known.
  type: str
  returned: failure
banner:
  description: The server's greeting.
  type: str
  returned: always, except in check mode
hello:
  description: The name given in EHLO, which is what JavaMail would give, or the host name where no Java could be asked.
  type: str
  returned: always, except in check mode
capabilities:
  description: What the server offers, after TLS where TLS was spoken.
  type: list
  elements: str
  returned: always, except in check mode
authenticated:
  description: Whether the server took O(username) and O(password), V(none) where there are none.
  type: bool
  returned: always, except in check mode
tls:
  description: Version and cipher of the TLS connection, V(none) without one.
  type: dict
  returned: always, except in check mode
chain:
  description: The certificates that the server presented, as M(stashops.mail.stash_mail_probe) returns them.
  type: list
  elements: dict
  returned: always, except in check mode
chain_complete:
  description: Whether RV(chain) is all that the server presented. V(none) without TLS.
  type: bool
  returned: always, except in check mode
jvm:
  description:
    - What the product's JVM makes of the certificate, as M(stashops.mail.stash_mail_probe) returns it.
    - If O(trusted_chain) was presented, C(method) is V(known), and there are only C(trusted) and C(reason) besides.
  type: dict
  returned: always, except in check mode
deferrals:
  description: The server's answers to the tries before the last one, see O(greylist_wait).
  type: list
  elements: str
  returned: always, except in check mode
steps:
  description: The parts of the conversation, as M(stashops.mail.stash_mail_probe) returns them.
  type: list
  elements: dict
  returned: always, except in check mode
transcript:
  description: The conversation, with everything between AUTH and its answer, and the message itself, left out.
  type: list
  elements: str
  returned: always, except in check mode
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._host import finish
from ansible_collections.stashops.mail.plugins.module_utils._smtp.argument_specs import SEND, SEND_RULES
from ansible_collections.stashops.mail.plugins.module_utils._smtp.delivery import run


def main() -> None:
    """Entry point."""
    finish(AnsibleModule(SEND, supports_check_mode=True, **SEND_RULES), run)


if __name__ == "__main__":
    main()
