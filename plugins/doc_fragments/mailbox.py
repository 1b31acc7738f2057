# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that look into a mailbox."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of ``_mailbox_options.ARGUMENTS``."""

    DOCUMENTATION = r"""
options:
  imap:
    description:
      - The recipient's mailbox over IMAP, to see the message arrive. It is logged in there before anything is sent.
      - Nothing in the mailbox is changed, no message is marked as read.
      - Mutually exclusive with O(pop3).
    type: dict
    suboptions:
      host:
        description: Host name or IP address of the IMAP server.
        type: str
        required: true
      port:
        description: TCP port. Left out, it is 993 with O(imap.security=imaps), otherwise 143.
        type: int
      security:
        description: How the connection is encrypted.
        type: str
        choices: [starttls, imaps, plain]
        default: starttls
      username:
        description: User name.
        type: str
        required: true
      password:
        description: Password. One that is not ASCII needs a server that offers the mechanism PLAIN.
        type: raw
        required: true
      mailbox:
        description: Name of the mailbox.
        type: str
        default: INBOX
      ca:
        description:
          - Path of a PEM file on the target with what vouches for the IMAP server.
          - Left out, it is what O(truststore) holds. The server's name is checked in any case.
        type: path
  pop3:
    description:
      - The recipient's mailbox over POP3, to see the message arrive. It is logged in there before anything is sent, and
        then once a second, or as seldom as the server's C(LOGIN-DELAY) asks for.
      - Only the newest 50 messages are looked at. None is fetched as a whole or deleted.
      - Mutually exclusive with O(imap).
    type: dict
    suboptions:
      host:
        description: Host name or IP address of the POP3 server.
        type: str
        required: true
      port:
        description: TCP port. Left out, it is 995 with O(pop3.security=pop3s), otherwise 110.
        type: int
      security:
        description: How the connection is encrypted.
        type: str
        choices: [starttls, pop3s, plain]
        default: starttls
      username:
        description: User name.
        type: str
        required: true
      password:
        description: Password. One that is not ASCII needs a server that offers the mechanism PLAIN.
        type: raw
        required: true
      ca:
        description:
          - Path of a PEM file on the target with what vouches for the POP3 server.
          - Left out, it is what O(truststore) holds. The server's name is checked in any case.
        type: path
"""
