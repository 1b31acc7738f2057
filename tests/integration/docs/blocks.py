# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files and commands of a page, in its order.

A block whose first line is a comment with a path, such as ``# inventory/hosts.yml``, is that file. In a ``console``
block each line that begins with ``$`` is a command, and the lines after it are of its output, in their order: others
may stand between them, and ``...`` stands for anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"# ((?:[\w.-]+/)*[\w-]+\.\w+)")


@dataclass(frozen=True)
class File:
    """A file that the reader writes; ``content`` has the comment with the path as its first line."""

    path: str
    content: str


@dataclass(frozen=True)
class Command:
    """A command line, and what the page shows of its output."""

    line: str
    shown: tuple[str, ...]


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its level; ValueError where there is none."""
    level = heading.split(" ")[0]
    begin = f"\n{text}".index(f"\n{heading}\n") + len(heading)
    rest = text[begin:]
    end = re.search(rf"^#{{1,{len(level)}}} ", _BLOCK.sub(_blank, rest), re.MULTILINE)
    return rest[: end.start()] if end else rest


def steps(text: str) -> list[File | Command]:
    """The files and commands of a page or section."""
    found: list[File | Command] = []
    for indent, language, text_of_block in _BLOCK.findall(text):
        content = re.sub(f"^{indent}", "", text_of_block, flags=re.MULTILINE)
        if language == "console":
            found += _commands(content)
        elif path := _PATH.fullmatch(content.partition("\n")[0]):
            found.append(File(path[1], content))
    return found


def missing(shown: tuple[str, ...], output: str) -> str | None:
    """The first line that the page shows and the output does not have after the one before; None where it has all."""
    lines = iter(output.splitlines())
    for wanted in shown:
        if wanted.strip() == "...":
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in wanted.strip().split("...")))
        if not any(pattern.fullmatch(line.strip()) for line in lines):
            return wanted
    return None


def _commands(content: str) -> list[Command]:
    found: list[Command] = []
    for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
        line, *shown = re.sub(r" *\\\n *", " ", part).splitlines()
        found.append(Command(line, tuple(text for text in shown if text.strip())))
    return found


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])
