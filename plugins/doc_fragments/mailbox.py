# SPDX-FileCopyrightText: The stash_mail developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that look into a mailbox."""

from __future__ import annotations

# The two protocols' options are alike but for these words.
_OPTIONS = """
  {name}:
    description:
{description}
      - Mutually exclusive with O({other}).
    type: dict
    suboptions:
      host:
        description: Host name or IP address of the {NAME} server.
        type: str
        required: true
      port:
        description: TCP port. Left out, it is {tls_port} with O({name}.security={name}s), otherwise {port}.
        type: int
      security:
        description: How the connection is encrypted.
        type: str
        choices: [starttls, {name}s, plain]
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
          - Path of a PEM file on the target with what vouches for the {NAME} server.
          - Left out, it is what O(truststore) holds. The server's name is checked in any case.
        type: path
"""
_IMAP = """
      - The recipient's mailbox over IMAP, to see the message arrive. It is logged in there before anything is sent.
      - Nothing in the mailbox is changed, no message is marked as read.
"""
_MAILBOX = """
      mailbox:
        description: Name of the mailbox.
        type: str
        default: INBOX
"""
_POP3 = """
      - The recipient's mailbox over POP3, to see the message arrive. It is logged in there before anything is sent, and
        then once a second, or as seldom as the server's C(LOGIN-DELAY) asks for.
      - Only the newest 50 messages are looked at. None is fetched as a whole or deleted.
"""


def _protocol(name: str, other: str, port: int, tls_port: int, description: str) -> str:
    words = {"name": name, "NAME": name.upper(), "other": other, "port": port, "tls_port": tls_port}
    return _OPTIONS.strip("\n").format(description=description.strip("\n"), **words) + "\n"


class ModuleDocFragment:
    """Documentation of ``_mailbox.options``."""

    # With its type, since ansible-test takes a plain assignment for a text in YAML.
    DOCUMENTATION: str = (
        "options:\n"
        + _protocol("imap", "pop3", 143, 993, _IMAP)
        + _MAILBOX.lstrip("\n")
        + _protocol("pop3", "imap", 110, 995, _POP3)
    )
