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

# A word as a shell reads it: quoted or not, or pieces of both. No quoted piece goes on in the next line, for a quote
# that was opened before the name is closed somewhere, and would open a piece here.
_WORD = r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\\.|[^\s"'\\])+"""
# The beginnings of names are bounded, or stay outside, for else a long word would be searched from each of its letters.
_START, _END = r"[\w.-]{0,100}?", r"[\w.-]{0,100}"
# Compiled when first used, which most runs never do.
_MASKED = (
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


# A password that has so many characters is no word of ours, but for the codes; and one of fewer is in every text.
_STRONG = 8
_WORD_LENGTH = 4
_OUR_KEY = re.compile(r"[a-z_]+|sha256|oauth2_\w+")
# Under these a result has words of ours, by which something is decided.
CODES = frozenset(
    "auth_type check code method outcome security stage state status step style would".split()  # noqa: SIM905
)
# Under these it has sentences, and what others said.
SENTENCES = frozenset(
    "banner cause detail disagreement earlier_error error exception log log_errors meaning msg problem reason "  # noqa: SIM905
    "received remedy reply subject summary text transcript".split()
)


def is_secret(name: str) -> bool:
    """Whether the value of a property, variable or option of this name is to be hidden."""
    return bool(re.search(NAMES, name, re.IGNORECASE))


def mask(text: str, mark: str = MASK) -> str:
    """Return a text of others, such as a line of a script, with the values of secrets in it replaced by ``mark``.

    What counts is the name before a value, or a URL's place for an account. Where the text leaves open how far a value
    goes, rather too much is hidden.
    """
    for pattern in _MASKED:
        text = re.sub(pattern, lambda match: match.group("before") + mark, text, flags=re.IGNORECASE)
    return text


def mask_argument(argument: str, mark: str = MASK) -> str:
    """Return one argument of a command, whole and without a shell's quotes, as it may be shown."""
    name, equals, _value = argument.partition("=")
    return name + equals + mark if equals and is_secret(name) else mask(argument, mark)


def without(text: str, secrets: t.Iterable[str]) -> str:
    """Return ``text`` with every one of ``secrets`` replaced, in any spelling in which we send them."""
    for spelling in _longest_first(secrets):
        text = text.replace(spelling, MASK)
    return text


def _longest_first(secrets: t.Iterable[str]) -> list[str]:
    # One may be a part of another.
    found = {spelling for secret in secrets if secret for spelling in _spellings(secret)}
    return sorted(found, key=lambda item: (-len(item), item))


class Redactor:
    """The last look at a whole result before it is shown: secrets go, and nothing goes by which something is decided.

    What other machines say is masked where it comes in, in full. Here a password is told from the same word as our own:
    a code such as ``deliver_plaintext`` under a key such as ``outcome``, and what is in ``given`` (what the user has
    written openly, such as a host's name) stay as they are, numbers too. A short password is replaced as a whole word
    only, and a very short one in sentences only: without that nothing of a result would be left.
    """

    def __init__(self, secrets: t.Iterable[str], given: t.Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if secret}
        self._given = {text for text in given if text}
        self._strong = _longest_first(secret for secret in known if len(secret) >= _STRONG)
        self._words = _whole_words(secret for secret in known if _WORD_LENGTH <= len(secret) < _STRONG)
        self._in_sentences = _whole_words(secret for secret in known if len(secret) < _WORD_LENGTH)
        self._in_keys = [word for word in (*self._strong, *known) if not _OUR_KEY.fullmatch(word)]

    def text(self, text: str) -> str:
        """Return a sentence, or whatever else is for people only, without the secrets."""
        return self._masked(text, self._strong, self._words, self._in_sentences)

    def value(self, value: t.Any, key: str = "") -> t.Any:
        """Return a result, with all that is in it, without the secrets. ``key`` is what it stands under."""
        if isinstance(value, str):
            if value in self._given or key in CODES:
                return value
            return self.text(value) if key in SENTENCES else self._masked(value, self._strong, self._words)
        if isinstance(value, t.Mapping):
            return {self._key(str(name)): self.value(item, str(name)) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item, key) for item in value]
        return value

    def _key(self, key: str) -> str:
        for word in self._in_keys if key not in self._given else ():
            key = key.replace(word, MASK) if len(word) >= _WORD_LENGTH else key
        return key

    @staticmethod
    def _masked(text: str, plain: t.Sequence[str], *patterns: re.Pattern[str] | None) -> str:
        for spelling in plain:
            text = text.replace(spelling, MASK)
        for pattern in patterns:
            text = pattern.sub(MASK, text) if pattern else text
        return text


def _whole_words(secrets: t.Iterable[str]) -> re.Pattern[str] | None:
    words = "|".join(re.escape(word) for word in sorted(secrets, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)") if words else None


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


def harmless(value: t.Any) -> t.Any:
    """Return a whole result, with all that is in it, as :func:`printable` would; but lines and tabs stay."""
    if isinstance(value, str):
        lines = value.split("\n") if not value.isprintable() else [value]
        return "\n".join("\t".join(printable(part) for part in line.split("\t")) for line in lines)
    if isinstance(value, dict):
        return {harmless(name): harmless(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [harmless(item) for item in value]
    return value


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
