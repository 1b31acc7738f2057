# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets the test message: the addresses, and what the server says to each.

An address that is not ASCII is taken here, unlike everywhere else: such recipients exist, and what stands in their way
is worth knowing. Whether it may be sent is for the server to say (RFC 6531), and what Bitbucket would do with it is
another matter: JavaMail does not use SMTPUTF8 unless ``mail.mime.allowutf8`` is set in its session.
"""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._inputs import check_address


class Recipient:
    """One recipient. ``accepted`` is None until the server has answered; ``code`` tells why it refused."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.accepted: bool | None = None
        self.reply = ""
        self.code = ""

    def as_dict(self) -> dict[str, t.Any]:
        """Return it as a part of the module's result."""
        found: dict[str, t.Any] = {"address": self.address, "accepted": self.accepted, "reply": self.reply}
        return {**found, "code": self.code} if self.code else found


def check_recipients(addresses: t.Sequence[str], option: str = "recipient") -> list[str]:
    """Return the addresses, each once; raise ``StashMailError`` naming ``option`` where one is none, or none is."""
    if not addresses:
        raise StashMailError(f"{option} is empty: give a mail address.")
    for address in addresses:
        _check(address, option)
    return list(dict.fromkeys(addresses))


def _check(address: str, option: str) -> None:
    if address.isascii():
        check_address(address, option)
        return
    for position, character in enumerate(address, start=1):
        if not character.isprintable():
            raise StashMailError(
                f"{option} holds a character that cannot be printed (U+{ord(character):04X}) at position {position}. "
                "Remove it."
            )
    # The same form, and the same lengths in bytes, as an ASCII address.
    try:
        check_address("".join(c if c.isascii() else "x" * len(c.encode("utf-8")) for c in address), option)
    except StashMailError:
        raise StashMailError(
            f"{option} {address!r} is not a mail address: give it bare, as user@example.com, without a display name."
        ) from None


def xtext(text: str) -> str:
    """Return ``text``, ASCII, as a parameter of MAIL and RCPT (RFC 3461, section 4)."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text)
