# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truststore among the JVM's arguments in a file of environment variables, which a container is made with.

``NAME=value`` lines, as docker, podman, compose and systemd read them. They differ in quotes, continued lines and what
a second line for one name does; so the one line is changed in place, and where they would disagree about it, refused.
A comment above it holds the line as it was, from which it is put back.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product.start_script import (
    VARIABLE,
    TruststoreArguments,
    find_arguments,
    trust_arguments,
)

_CHANGED = "# Changed by Ansible (stash_mail). This was: "
_ADDED = "# Added by Ansible (stash_mail)."
_ADDED_AND_END = "# Added by Ansible (stash_mail), behind a last line without its end."
_HEAD = re.compile(rf"[ \t]*(?:export[ \t]+)?{VARIABLE}=")
# A section of a unit, a key of YAML that holds others, JSON.
_OTHER = re.compile(r"\[[A-Z][A-Za-z]*\]|[A-Za-z][\w.-]{0,100}:|[{}]")
_FIRST = re.compile(r"(?:export\s+)?[A-Za-z_][\w.-]*(?:=|$)")
_TRUST = re.compile(r"(?<!\S)-Djavax\.net\.ssl\.trustStore(?:Password|Type)?=\S*")


class Place(t.NamedTuple):
    """Where the variable is set: its line and the line of our comment, None for none."""

    line: int | None
    comment: int | None


def check(path: str, text: str) -> None:
    """Raise :class:`StashMailError` where the file is something else, such as a compose file or a unit."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and line.strip()[0] not in "#;"]
    is_other = any(_OTHER.fullmatch(line) for line in lines) or (lines and not _FIRST.match(lines[0]))
    if is_other or path.endswith((".yml", ".yaml", ".json", ".service", ".container")):
        raise StashMailError(
            f"environment_file {path} is no file of NAME=value lines, but something like a compose file, a unit or a "
            "pod: give the file that one names, such as by env_file or EnvironmentFile."
        )


def set_arguments(text: str, wanted: TruststoreArguments, outside: t.Sequence[str] = ()) -> str:
    """The file with the truststore's arguments set, all others as they are.

    ``outside`` are arguments that reach the JVM from elsewhere than this variable.

    :raises StashMailError: if the line is written in a way that not all readers take for the same.
    """
    lines = _lines(text)
    place = _find(lines)
    ours = " ".join(wanted.arguments(outside))
    if place.line is None:
        comment, end = (_ADDED, "") if not text or text.endswith("\n") else (_ADDED_AND_END, "\n")
        return f"{text}{end}{comment}\n{VARIABLE}={ours}\n"
    line = lines[place.line]
    lines[place.line] = _replace(line, ours)
    if place.comment is None:
        lines.insert(place.line, f"{_CHANGED}{line.rstrip()}\n")
    return "".join(lines)


def remove_arguments(text: str) -> str:
    """The file as it was before us; what others have changed in the line since then stays."""
    lines = _lines(text)
    place = _find(lines)
    if place.line is None or place.comment is None:
        return text
    line, comment = lines[place.line], lines[place.comment].rstrip("\r\n")
    if comment.startswith(_CHANGED):
        was = comment[len(_CHANGED) :] + line[len(line.rstrip()) :]
        is_as_we_left_it = _replace(was, " ".join(_TRUST.findall(_body(line)))) == line
        kept = was if is_as_we_left_it else _replace(line, " ".join(_TRUST.findall(_body(was))))
        lines[place.comment : place.line + 1] = [kept]
        return "".join(lines)
    kept = _replace(line, "")
    lines[place.comment : place.line + 1] = [kept] if _body(kept) else []
    if comment == _ADDED_AND_END and place.comment == len(lines):
        lines[-1] = lines[-1][:-1]
    return "".join(lines)


def arguments(text: str) -> list[str]:
    """All arguments that the file gives, ours among them."""
    lines = _lines(text)
    line = _find(lines).line
    return [] if line is None else _body(lines[line]).split()


def other_arguments(text: str) -> list[str]:
    """The truststore's arguments that the file's other variables give."""
    return find_arguments("".join(line for line in _lines(text) if not _HEAD.match(line)))


def ours(text: str) -> list[str]:
    """The truststore's arguments that we have set; empty where the line is somebody else's."""
    place = _find(_lines(text))
    return [] if place.comment is None else trust_arguments(arguments(text))


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _find(lines: t.Sequence[str]) -> Place:
    found = [number for number, line in enumerate(lines) if _HEAD.match(line)]
    if not found:
        return Place(None, None)
    if len(found) > 1:
        raise StashMailError(
            f"{VARIABLE} is set {len(found)} times in the environment file, and which one counts differs between the "
            "programs that read it: leave one."
        )
    above = found[0] - 1
    is_ours = above >= 0 and lines[above].startswith((_CHANGED, _ADDED[:-1]))
    return Place(found[0], above if is_ours else None)


def _body(line: str) -> str:
    """The value of the line, without its quotes."""
    return _parts(line)[1]


def _parts(line: str) -> tuple[str, str, str]:
    match = _HEAD.match(line)
    head = match.group() if match else ""
    rest = line[len(head) :]
    value = rest[:-1] if rest.endswith("\n") else rest
    value = (value[:-1] if value.endswith("\r") else value).rstrip(" \t")
    end = rest[len(value) :]
    quote = value[:1] if value[:1] in ('"', "'") else ""
    body = value[1:-1] if quote and len(value) > 1 and value.endswith(quote) else value
    if "\\" in body or '"' in body or "'" in body or "#" in body or "$" in body:
        raise StashMailError(
            f"{VARIABLE} in the environment file holds a quote, a backslash, a # or a $ in its value, which docker, "
            "podman, compose and systemd read differently: write the arguments on one line, without these."
        )
    quote = quote if body != value else ""
    return head + quote, body, quote + end


def _replace(line: str, ours: str) -> str:
    """The line with the truststore's arguments replaced by ``ours``, which stand where the first of them stood."""
    head, body, end = _parts(line)
    found = list(_TRUST.finditer(body))
    if not found:
        return f"{head}{body}{' ' if body and ours else ''}{ours}{end}"
    # From the last to the first; one that is taken out takes its blanks along.
    for match in reversed(found):
        before, after = body[: match.start()], body[match.end() :]
        if ours and match is found[0]:
            body = before + ours + after
        elif before:
            body = before.rstrip() + after
        else:
            body = after.lstrip()
    return head + body + end
