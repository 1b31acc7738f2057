# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Java's properties files, changed where they have to be and nowhere else.

Read as ``java.util.Properties`` does: natural lines that a backslash continues, ``=``, ``:`` or blanks between key and
value, escapes, the last of several that counts. The text is the file in ISO 8859-1, so that every byte survives;
what is written into it is ASCII, which reads the same whichever encoding a reader takes the file for.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

ENCODING = "iso-8859-1"
_BLANKS = " \t\f"
_NATURAL = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPES = {character: f"\\{letter}" for letter, character in _ESCAPED.items()}


@dataclass(frozen=True)
class Line:
    """A logical line. ``raw`` is all of it as it stands, line ends included.

    ``key`` is None for comments and blank lines. ``head`` is what stands before the value: indentation, key and
    separator. ``open`` is a last line that a backslash would continue.
    """

    raw: str
    key: str | None = None
    value: str = ""
    head: str = ""
    end: str = ""
    open: bool = False


def parse(text: str) -> list[Line]:
    """The logical lines of a file; their ``raw`` together are ``text``.

    :raises StashMailError: at an escape that Java refuses, and with it the whole file.
    """
    lines: list[Line] = []
    raw = logical = first = indentation = ""
    is_continued = False
    for number, (content, end) in enumerate(_natural_lines(text), start=1):
        raw += content + end
        stripped = content.lstrip(_BLANKS)
        # A comment is none where it continues a line, and is never continued.
        if not logical and (not stripped or stripped[0] in "#!"):
            lines.append(Line(raw))
            raw, is_continued = "", False
            continue
        is_continued = _is_continued(stripped)
        part = stripped[:-1] if is_continued else stripped
        if not logical:
            first, indentation = part, content[: len(content) - len(stripped)]
        logical += part
        if not is_continued:
            lines.append(_line(raw, logical, first, indentation, end, number))
            raw = logical = ""
    if logical:
        lines.append(_line(raw, logical, first, indentation, "", text.count("\n") + 1, is_open=True))
    elif raw:
        lines.append(Line(raw, open=True))
    return lines


def read(text: str) -> dict[str, str]:
    """The properties as Java would see them; of several with one key the last counts."""
    return {line.key: line.value for line in parse(text) if line.key is not None}


def change(text: str, wanted: t.Mapping[str, str | None]) -> str:
    """``text`` with the properties set to what is wanted, None for none; those that are so already stay as written.

    A property that is there keeps its place and its separator, a new one comes at the end.

    :raises StashMailError: if Java would refuse the file.
    """
    lines = parse(text)
    last = {line.key: position for position, line in enumerate(lines) if line.key is not None}
    kept = []
    for position, line in enumerate(lines):
        if line.key is None or line.key not in wanted:
            kept.append(line.raw)
            continue
        value = wanted[line.key]
        if value is None:
            continue
        counts = position == last[line.key]
        kept.append(f"{line.head}{escape_value(value)}{line.end}" if counts and value != line.value else line.raw)
    changed = "".join(kept)
    for key, value in wanted.items():
        if value is not None and key not in last:
            changed += f"{_separation(changed)}{escape_key(key)}={escape_value(value)}{_line_end(text)}"
    return changed


def escape_key(key: str) -> str:
    """A key as it is written."""
    escaped = re.sub(r"[ =:]", r"\\\g<0>", _escape(key))
    return f"\\{escaped}" if escaped[:1] in ("#", "!") else escaped


def escape_value(value: str) -> str:
    """A value as it is written, behind whichever separator."""
    escaped = _escape(value)
    return f"\\{escaped}" if escaped[:1] in (" ", "=", ":") else escaped


def _natural_lines(text: str) -> t.Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        match = _NATURAL.match(text, position)
        if match is None:  # It matches everywhere.
            return
        yield match.group(1), match.group(2)
        position = match.end()


def _is_continued(content: str) -> bool:
    return (len(content) - len(content.rstrip("\\"))) % 2 == 1


def _line(raw: str, logical: str, first: str, indentation: str, end: str, number: int, is_open: bool = False) -> Line:
    key_end, value_start = _split(logical)
    key, value = (_unescape(part, number) for part in (logical[:key_end], logical[value_start:]))
    if value_start > len(first):  # The key is spread over lines.
        head = f"{escape_key(key)}="
    else:
        head = first[:value_start] + ("=" if value_start == key_end else "")
    return Line(raw, key, value, indentation + head, end, is_open)


def _split(logical: str) -> tuple[int, int]:
    """Where the key ends and where the value starts."""
    position = 0
    while position < len(logical) and logical[position] not in f"=:{_BLANKS}":
        position += 2 if logical[position] == "\\" else 1
    key_end = min(position, len(logical))
    rest = logical[key_end:]
    separator = re.match(rf"[{_BLANKS}]*[=:]?[{_BLANKS}]*", rest)
    return key_end, key_end + (separator.end() if separator else 0)


def _escape(text: str) -> str:
    escaped = []
    for character in text:
        if character == "\\":
            escaped.append("\\\\")
        elif character in _ESCAPES:
            escaped.append(_ESCAPES[character])
        elif " " <= character <= "~":
            escaped.append(character)
        else:
            units = character.encode("utf-16-be", "surrogatepass")
            escaped += [f"\\u{units[i]:02X}{units[i + 1]:02X}" for i in range(0, len(units), 2)]
    return "".join(escaped)


def _unescape(text: str, number: int) -> str:
    if "\\" not in text:
        return text
    found = []
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if character != "\\":
            found.append(character)
            continue
        character = text[position : position + 1]
        position += 1
        if character == "u":
            digits = text[position : position + 4]
            if not re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                raise StashMailError(
                    f"Around line {number} stands \\u without four hexadecimal digits. The product cannot read "
                    "such a file either: a backslash that means itself is written as two."
                )
            found.append(chr(int(digits, 16)))
            position += 4
        else:
            found.append(_ESCAPED.get(character, character))
    # Characters beyond the first 65536 are two escapes.
    return "".join(found).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _separation(text: str) -> str:
    """What has to stand before a line that is appended."""
    if not text:
        return ""
    end = _line_end(text)
    is_open = parse(text)[-1].open
    if text[-1] in "\r\n":
        # A line feed right behind a carriage return would be one line end with it.
        end = "\r" if (text[-1], end) == ("\r", "\n") else end
        return end if is_open else ""
    # The empty line is what the backslash continues with.
    return end * 2 if is_open else end


def _line_end(text: str) -> str:
    match = re.search(r"\r\n|\r|\n", text)
    return match.group() if match else "\n"
