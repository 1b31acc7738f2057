# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product as a program of supervisord, as its files say it."""

from __future__ import annotations

import glob
import os
import re
import shlex
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

if t.TYPE_CHECKING:
    import configparser

# Where supervisord looks by itself, in its order.
CONFIGURATIONS = ("/etc/supervisord.conf", "/etc/supervisor/supervisord.conf")
_NAMES = ("atlbitbucket", "bitbucket", "atlassian-bitbucket", "atlstash", "stash")
_STARTS = re.compile(r"\bstart-(?:bitbucket|stash|webapp)\.sh\b")
_MAX_SIZE = 1024 * 1024
_MAX_FILES = 200


class Program(t.NamedTuple):
    """A ``[program:NAME]``: the file that it stands in, its command's words, its environment and its account."""

    name: str
    path: str
    command: list[str]
    environment: dict[str, str]
    user: str | None


def find_program(name: str | None) -> Program | None:
    """The program of this name, None if there is none."""
    return next((program for program in _programs() if program.name == name), None) if name else None


def guess_program() -> Program | None:
    """The program that is the product by its command or else its name.

    :raises StashMailError: if several could be.
    """
    programs = _programs()
    found = [program for program in programs if _STARTS.search(" ".join(program.command))]
    found = found or [program for program in programs if program.name in _NAMES]
    if len(found) > 1:
        raise StashMailError(
            f"supervisord runs several programs that could be the product: {', '.join(item.name for item in found)}. "
            "Say by service which one is meant."
        )
    return found[0] if found else None


def _programs() -> list[Program]:
    main = next((path for path in CONFIGURATIONS if os.path.isfile(path)), None)
    if main is None:
        return []
    settings = _read(main)
    found = _of(settings, main)
    for pattern in settings.get("include", "files", fallback="").split():
        # Relative to the file that names it.
        for path in sorted(glob.glob(os.path.join(os.path.dirname(main), pattern)))[:_MAX_FILES]:
            found += _of(_read(path), path)
    return found


def _of(settings: configparser.RawConfigParser, path: str) -> list[Program]:
    found = []
    for section in settings.sections():
        kind, _colon, name = section.partition(":")
        if kind == "program":
            found.append(
                Program(
                    name=name.strip(),
                    path=path,
                    command=_split(settings.get(section, "command", fallback="")),
                    environment=_variables(settings.get(section, "environment", fallback="")),
                    user=settings.get(section, "user", fallback="").strip() or None,
                )
            )
    return found


def _read(path: str) -> configparser.RawConfigParser:
    import configparser

    parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";", "#"))
    try:
        parser.read_string(_files.read(path, _MAX_SIZE).decode("utf-8", "surrogateescape"))
    except (StashMailError, configparser.Error):
        return configparser.RawConfigParser()  # Nor would supervisord start with it.
    return parser


def _variables(text: str) -> dict[str, str]:
    """``KEY="value",KEY2=value`` as supervisord reads it; ``%(...)s`` stays as it is, ``%%`` is a ``%``."""
    lexer = shlex.shlex(text, posix=True)
    lexer.wordchars += "/.+-():%@"
    tokens = list(_tokens(lexer))
    found = {}
    for position, part in enumerate(tokens):
        if part == "=" and 0 < position < len(tokens) - 1:
            found[tokens[position - 1]] = tokens[position + 1].replace("%%", "%")
    return found


def _tokens(lexer: shlex.shlex) -> t.Iterator[str]:
    try:
        yield from lexer
    except ValueError:  # a quote that is not closed
        return


def _split(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()
