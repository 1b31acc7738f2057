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
# %(name)s, and %(process_num)02d
_EXPRESSION = re.compile(r"%(?:%|\((\w+)\)(\d{0,2})[sd])")
_MAX_SIZE = 1024 * 1024
_MAX_FILES = 200


class Program(t.NamedTuple):
    """A ``[program:NAME]``: the file that it stands in, its command's words, its environment and its account.

    ``process`` is what supervisorctl calls it: ``GROUP:NAME`` where it is in a group of another name.
    """

    name: str
    path: str
    command: list[str]
    environment: dict[str, str]
    user: str | None
    process: str


def find_program(name: str | None) -> Program | None:
    """The program of this name, or that supervisorctl calls so; None if there is none."""
    return next((program for program in _programs() if name in (program.name, program.process)), None) if name else None


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
    files = {main: _read(main)}
    for pattern in files[main].get("include", "files", fallback="").split():
        # Relative to the file that names it.
        for path in sorted(glob.glob(os.path.join(os.path.dirname(main), pattern)))[:_MAX_FILES]:
            files[path] = _read(path)
    inherited, groups = {}, {}
    for settings in files.values():
        inherited.update(_variables(settings.get("supervisord", "environment", fallback=""), {}))
        for group, section in _sections(settings, "group"):
            groups.update({name.strip(): group for name in section.get("programs", "").split(",")})
    return [
        _program(name, path, section, groups.get(name, name), inherited)
        for path, settings in files.items()
        for name, section in _sections(settings, "program")
    ]


def _sections(settings: configparser.RawConfigParser, kind: str) -> t.Iterator[tuple[str, t.Mapping[str, str]]]:
    """The sections of this kind, by the names that they give."""
    for section in settings.sections():
        of, _colon, name = section.partition(":")
        if of == kind:
            yield name.strip(), settings[section]


def _program(name: str, path: str, section: t.Mapping[str, str], group: str, inherited: t.Mapping[str, str]) -> Program:
    known = {"program_name": name, "group_name": group, "process_num": section.get("numprocs_start", "0")}
    known.update({f"ENV_{variable}": value for variable, value in inherited.items()})
    environment = _variables(section.get("environment", ""), known)
    known.update({f"ENV_{variable}": value for variable, value in environment.items()})
    process = _expand(section.get("process_name", name), known)
    return Program(
        name=name,
        path=path,
        command=_split(_expand(section.get("command", ""), known)),
        environment={**inherited, **environment},
        user=section.get("user", "").strip() or None,
        process=group if group == process else f"{group}:{process}",
    )


def _read(path: str) -> configparser.RawConfigParser:
    import configparser

    parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";", "#"))
    try:
        text = _files.read(path, _MAX_SIZE).decode("utf-8", "surrogateescape")
        parser.read_string(text.replace("%(here)s", os.path.abspath(os.path.dirname(path))))
    except (StashMailError, configparser.Error):
        return configparser.RawConfigParser()  # Nor would supervisord start with it.
    return parser


def _expand(text: str, known: t.Mapping[str, str]) -> str:
    """Put in the expressions whose values are known; ``%%`` is a ``%``."""

    def value(match: re.Match[str]) -> str:
        name, digits = match.groups()
        if name is None:
            return "%"
        return known[name].zfill(int(digits or 0)) if name in known else match.group()

    return _EXPRESSION.sub(value, text)


def _variables(text: str, known: t.Mapping[str, str]) -> dict[str, str]:
    """``KEY="value",KEY2=value`` as supervisord reads it; expressions whose values are not known stay as they are."""
    lexer = shlex.shlex(_expand(text, known), posix=True)
    lexer.wordchars += "/.+-():%@"
    tokens = list(_tokens(lexer))
    return {
        tokens[position - 1]: tokens[position + 1]
        for position, part in enumerate(tokens)
        if part == "=" and 0 < position < len(tokens) - 1
    }


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
