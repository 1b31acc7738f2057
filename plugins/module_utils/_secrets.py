# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text as it may be shown: without secrets, and without what a terminal would obey.

Decide first, mask last: a secret may be any text, ``plain`` or ``e`` too, so what has been masked tells nothing.
"""

from __future__ import annotations

import re
import typing as t

MASK = "********"
# Stands for a secret that differs from the one before it, so that a difference shows that there is one.
MASK_CHANGED = "<different-secret>"
# Names of properties, variables and options whose values are secrets.
NAMES = r"pass(?:word|wd|phrase|code|(?![a-z]))|pwd|secret|token|credential|(?:api|access|private)[._-]?key"
_NAMES = re.compile(NAMES, re.IGNORECASE)

# A word as a shell reads it: quoted or not, or pieces of both. No quoted piece goes on in the next line, for a quote
# that was opened before the name is closed somewhere, and would open a piece here.
_WORD = r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\\.|[^\s"'\\])+"""
# The beginnings of names are bounded, or stay outside, for else a long word would be searched from each of its letters.
_START, _END = r"[\w.-]{0,100}?", r"[\w.-]{0,100}"
_MASKED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # "-Dname=two words", quoted as a whole: up to the closing quote, or to the next argument.
        rf"""(?P<before>(?P<quote>["'])-?{_START}(?:{NAMES}){_END}=)(?!["'\\])"""
        r"""(?:\\.|(?!(?P=quote))[^\\\n])*?(?=(?P=quote)|\s+-|\n|$)""",
        # name=value, name="two words", name=\"two words\"
        rf"""(?P<before>(?:{NAMES}){_END}=)(?:\\(?P<quote>["'])(?:(?!\\(?P=quote))[^\n])*\\(?P=quote)|{_WORD})""",
        # "name": "value", as in JSON
        rf"""(?P<before>["']{_START}(?:{NAMES}){_END}["']\s*:\s*)(?:"(?:\\.|[^"\\])*"|'[^']*'|[^\s,"'\]}}]+)""",
        # --name value, -storepass value
        rf"(?P<before>(?<![\w-])--?{_START}(?:{NAMES}){_END}[ \t]+)(?!-){_WORD}",
        # https://account:password@host
        r"""(?P<before>://)[^\s/"'<>]+(?=@)""",
        r"""(?P<before>Authorization["']?\s*[:=]\s*["']?(?:Basic|Bearer)\s+)[^\s"']+""",
    )
)


def is_secret(name: str) -> bool:
    """Whether the value of a property, variable or option of this name is to be hidden."""
    return bool(_NAMES.search(name))


def mask(text: str, mark: str = MASK) -> str:
    """Return a text of others, such as a line of a script, with the values of secrets in it replaced by ``mark``.

    What counts is the name before a value, or a URL's place for an account. Where the text leaves open how far a value
    goes, rather too much is hidden.
    """
    for pattern in _MASKED:
        text = pattern.sub(lambda match: match.group("before") + mark, text)
    return text


def mask_argument(argument: str, mark: str = MASK) -> str:
    """Return one argument of a command, whole and without a shell's quotes, as it may be shown."""
    name, equals, _value = argument.partition("=")
    return name + equals + mark if equals and is_secret(name) else mask(argument, mark)


def without(text: str, secrets: t.Iterable[str]) -> str:
    """Return ``text`` with every one of ``secrets`` replaced, in any spelling in which we send them."""
    found: set[str] = set()
    for secret in secrets:
        if secret:
            found.update(_spellings(secret))
    # The longest first: one may be a part of another.
    for spelling in sorted(found, key=lambda item: (-len(item), item)):
        text = text.replace(spelling, MASK)
    return text


def of_account(user: str, password: str) -> list[str]:
    """Return what is secret of an account: the password, and what holds it together with the user's name.

    For :func:`without`. That is HTTP's Basic (``user:password``), and SASL's PLAIN with the user's name as the one to
    act for, or with none.
    """
    if not password:
        return []
    return [password, f"{user}:{password}", f"\0{user}\0{password}", f"{user}\0{user}\0{password}"]


def printable(text: str) -> str:
    """Return a text that came from outside as one line that a terminal shows and does not obey.

    Blanks of all kinds become spaces. What cannot be printed, such as escape sequences, marks that turn the direction
    of writing, and halves of surrogate pairs, is written as ``\\x1b`` or ``\\u202e``.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _spellings(secret: str) -> set[str]:
    import base64
    import json
    import urllib.parse

    raw = secret.encode("utf-8", "surrogateescape")
    encoded = base64.b64encode(raw).decode("ascii")
    quoted = urllib.parse.quote(raw, safe="")
    found = {
        secret,
        printable(secret),
        encoded,
        encoded.rstrip("="),
        base64.urlsafe_b64encode(raw).decode("ascii").rstrip("="),
        quoted,
        re.sub("%[0-9A-F]{2}", lambda match: match.group().lower(), quoted),
        urllib.parse.quote(raw),
        urllib.parse.quote_plus(raw),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        # As Python's repr shows it, in an exception's text for one.
        repr(secret)[1:-1],
        repr(raw)[2:-1],
        secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;"),
    }
    return {spelling for spelling in found if spelling}
