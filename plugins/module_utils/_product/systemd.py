# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A systemd service: unit, drop-ins, environment.

Where systemd runs, it says which files it has read and what environment it gives to all services. The values are read
from the files themselves, because the one that a drop-in of ours extends is what stands there without it. Without a
systemd, as in an image under construction, or where it has still to read its files again, they are looked for as it
would.
"""

from __future__ import annotations

import functools
import glob
import os
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.run import output_of
from ansible_collections.stashops.mail.plugins.module_utils._product import supervisor

# In the order of precedence, systemd.unit(5); generator.late holds the units made from /etc/init.d scripts.
UNIT_PATHS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)
INIT_SCRIPTS = "/etc/init.d"
# The installer's name for the service is the default; the others are those that sites and roles give it.
DEFAULT_SERVICE = "atlbitbucket"
USUAL_SERVICES = ("bitbucket", "atlassian-bitbucket", "atlstash", "stash")
BOOTED_MARK = "/run/systemd/system"  # sd_booted(3)
# Who says so, in messages.
INHERITED = "systemd's own environment (DefaultEnvironment=, set-environment)"
ANSWER_SECONDS = 5.0

_UNIT_NAME = re.compile(r"[A-Za-z0-9_:\\@-][A-Za-z0-9_:.\\@-]{0,245}\.service")
_MAX_SIZE = 1024 * 1024

_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}


@dataclass(frozen=True)
class Setting:
    """A value and the file that sets it."""

    value: str
    path: str


@dataclass
class Unit:
    """A service unit with its drop-ins, in the order in which systemd applies them."""

    name: str
    path: str
    drop_ins: list[str] = field(default_factory=list)
    # Specifiers such as %h stand as they are written.
    environment: dict[str, Setting] = field(default_factory=dict)
    # What systemd gives to all services.
    inherited: dict[str, Setting] = field(default_factory=dict)
    environment_files: list[str] = field(default_factory=list)
    user: str | None = None
    commands: list[str] = field(default_factory=list)
    # Variables that are taken out again at the very end, and who says so; and the last file that drops all others.
    unset: dict[str, str] = field(default_factory=dict)
    reset_by: str = ""

    def variables(self) -> dict[str, str]:
        """What a command of the unit gets: ``Environment=``, over it the files, and without what is unset."""
        found = {name: expand(setting.value, self.name) for name, setting in self.environment.items()}
        for path in self.environment_files:
            for line in _logical_lines(_read(path)):
                name, equals, value = line.partition("=")
                if equals:
                    found[name.replace("export ", "").strip()] = " ".join(split_words(value.strip()))
        return {name: value for name, value in found.items() if name not in self.unset}

    def from_environment_file(self, variable: str) -> str | None:
        """The environment file that sets ``variable``, the last one; it beats any ``Environment=``."""
        assignment = re.compile(rf"^[ \t]*(?:export[ \t]+)?{re.escape(variable)}[ \t]*=", re.MULTILINE)
        for path in reversed(self.environment_files):
            if assignment.search(_read(path)):
                return path
        return None


def unit_name(service: str) -> str:
    """The full name of a service unit.

    :raises StashMailError: if no unit can have that name, such as one that leads out of systemd's folders.
    """
    name = service if service.endswith(".service") else f"{service}.service"
    if not _UNIT_NAME.fullmatch(name):
        raise StashMailError(
            f"service {service!r} is no name of a service: letters, digits and :-_.\\@ make one. Give it bare, as "
            "systemctl lists it, such as atlbitbucket."
        )
    return name


def find_unit(
    service: str,
    without: t.Container[str] = (),
    unit_paths: t.Sequence[str] | None = None,
    trial: tuple[str, str] | None = None,
) -> Unit | None:
    """The unit of ``service``, read without the drop-ins whose path is in ``without``; None if there is none.

    ``trial`` is path and text of a drop-in that is read as if it were there.
    """
    name = unit_name(service)
    path, found = (_loaded(name) if unit_paths is None else None) or _files_of(name, unit_paths or UNIT_PATHS)
    if not path:
        return None
    unit = Unit(name=name, path=path)
    if unit_paths is None:
        unit.inherited = {
            variable: Setting(escape_specifiers(value), INHERITED) for variable, value in _manager_environment().items()
        }
    unit.environment = dict(unit.inherited)
    by_name: dict[str, str] = {}
    for drop_in in [trial[0], *found] if trial else found:
        by_name.setdefault(os.path.basename(drop_in), drop_in)
    unit.drop_ins = [by_name[key] for key in sorted(by_name)]
    for part in [path, *unit.drop_ins]:
        if part not in without:
            _apply(unit, part, trial[1] if trial and part == trial[0] else _read(part))
    return unit


def _files_of(name: str, folders: t.Sequence[str]) -> tuple[str, list[str]]:
    """The unit's file, empty without one, and its drop-ins, those first that win over others of the same name."""
    template = re.sub(r"@.*(?=\.service$)", "@", name)
    names = dict.fromkeys([name, template])
    path = next((f"{folder}/{n}" for n in names for folder in folders if os.path.isfile(f"{folder}/{n}")), "")
    drop_ins = [
        drop_in
        for kind in (_drop_in_folders(name, template), ["service.d"])
        for folder in folders
        for part in kind
        for drop_in in sorted(glob.glob(f"{glob.escape(f'{folder}/{part}')}/*.conf"))
    ]
    return path, drop_ins


@functools.lru_cache(maxsize=None)
def _loaded(name: str) -> tuple[str, list[str]] | None:
    """As :func:`_files_of`, as systemd has them; None where it does not run, or has to read its files again."""
    asked = ("LoadState", "FragmentPath", "DropInPaths", "NeedDaemonReload")
    lines = _ask("show", f"--property={','.join(asked)}", "--", name)
    said = dict(line.partition("=")[::2] for line in lines)
    if said.get("LoadState") != "loaded" or said.get("NeedDaemonReload") != "no" or not said.get("FragmentPath"):
        return None
    return said["FragmentPath"], said.get("DropInPaths", "").split()


@functools.lru_cache(maxsize=None)
def _manager_environment() -> dict[str, str]:
    """The variables that systemd gives to every service."""
    found = {}
    for line in _ask("show-environment"):
        name, _equals, value = line.partition("=")
        found[name] = " ".join(split_words(value[1:])) if value.startswith("$'") else value
    return found


def _ask(*arguments: str) -> list[str]:
    """What systemctl says, nothing where systemd does not run here or does not answer in time."""
    if not is_booted():
        return []
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    output = output_of(["systemctl", "--no-pager", *arguments], environment, ANSWER_SECONDS)
    return output.decode("utf-8", "surrogateescape").splitlines()


def find_service(service: str) -> str:
    """The service that is here: the given one, or where that is the default and not here, another usual one.

    Without any it is the program of a supervisord that is the product.

    :raises StashMailError: if several of these are here.
    """
    if service != DEFAULT_SERVICE or is_service(service):
        return service
    found = [name for name in USUAL_SERVICES if is_service(name)]
    if not found:
        program = supervisor.find_program(service) or supervisor.guess_program()
        return program.name if program else service
    if len(found) > 1:
        raise StashMailError(
            f"No service {service} is here, but several that could be the product: {', '.join(found)}. "
            "Say by service which one is meant."
        )
    return found[0] if found else service


def is_service(service: str) -> bool:
    """Whether there is a unit or an init script of this name."""
    if not service:
        return False
    return find_unit(service) is not None or os.path.isfile(init_script(service))


def init_script(service: str) -> str:
    """Where an init script of this name would be."""
    name = unit_name(service)
    return f"{INIT_SCRIPTS}/{name[: -len('.service')]}"


def programs(unit: Unit) -> list[str]:
    """The programs that the unit starts, by their absolute paths, whatever they are wrapped in."""
    words = [word for command in commands(unit) for word in split_words(command)]
    return [word for word in words if os.path.isabs(word)]


def commands(unit: Unit) -> list[str]:
    """What the unit starts, its specifiers put in."""
    return [expand(command.lstrip("-@:+!"), unit.name) for command in unit.commands]


def expand(text: str, name: str) -> str:
    """Put in the specifiers that the unit's name tells; others stay as they are."""
    stem = name[: -len(".service")]
    prefix, _at, instance = stem.partition("@")
    values = {"n": name, "N": stem, "p": prefix, "i": instance, "%": "%"}
    return re.sub(r"%([nNpi%])", lambda match: values[match.group(1)], text)


def _drop_in_folders(name: str, template: str) -> list[str]:
    """The folders of a unit's own drop-ins, the most specific first: a-b.service.d, then a-.service.d."""
    stem = name[: -len(".service")]
    dashes = [stem[: match.end()] for match in re.finditer("-", stem) if match.end() < len(stem)]
    return [f"{n}.d" for n in dict.fromkeys([name, template, *(f"{part}.service" for part in reversed(dashes))])]


def is_booted() -> bool:
    """Whether systemd runs this machine, as sd_booted(3) tells it."""
    return os.path.isdir(BOOTED_MARK)


def split_words(text: str) -> list[str]:
    """Split the value of ``Environment=`` as systemd does: quotes and C escapes, specifiers left as they are."""
    words: list[str] = []
    word: list[str] = []
    quote = ""
    started = False
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\" and position + 1 < len(text):
            value, position = _unescape(text, position + 1)
            word.append(value)
            started = True
            continue
        position += 1
        if quote:
            if character == quote:
                quote = ""
            else:
                word.append(character)
        elif character in "\"'":
            quote = character
            started = True
        elif character in " \t\n":
            if started:
                words.append("".join(word))
            word, started = [], False
        else:
            word.append(character)
            started = True
    if started:
        words.append("".join(word))
    return words


def quote(word: str) -> str:
    """One word in double quotes as ``Environment=`` reads it back; ``%`` is for :func:`escape_specifiers`."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


def escape_specifiers(text: str) -> str:
    """Text in which systemd shall see no specifier."""
    return text.replace("%", "%%")


def _unescape(text: str, position: int) -> tuple[str, int]:
    character = text[position]
    if character in _ESCAPES:
        return _ESCAPES[character], position + 1
    hexadecimal = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})").match(text, position)
    if hexadecimal:
        digits = next(group for group in hexadecimal.groups() if group)
        return chr(int(digits, 16)), hexadecimal.end()
    octal = re.compile(r"[0-7]{3}").match(text, position)
    if octal:
        return chr(int(octal.group(), 8)), octal.end()
    if character in "\\\"'":
        return character, position + 1
    return "\\" + character, position + 1


def _read(path: str) -> str:
    try:
        return _files.read(path, _MAX_SIZE).decode("utf-8", "surrogateescape")
    except StashMailError:
        return ""


def _logical_lines(text: str) -> t.Iterator[str]:
    pending = ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped[:1] in ("#", ";"):
            continue  # Also between the lines of a continued setting.
        if stripped.endswith("\\") and not stripped.endswith("\\\\"):
            pending += stripped[:-1] + " "
            continue
        yield pending + stripped
        pending = ""
    if pending:
        yield pending


def _apply(unit: Unit, path: str, text: str) -> None:
    section = ""
    for line in _logical_lines(text):
        if line.startswith("["):
            section = line
            continue
        key, equals, value = line.partition("=")
        if section != "[Service]" or not equals:
            continue
        key, value = key.strip(), value.strip()
        if key == "Environment":
            if not value:
                unit.environment = dict(unit.inherited)
                unit.reset_by = path
            for word in split_words(value):
                variable, assigned, content = word.partition("=")
                if assigned:
                    unit.environment[variable] = Setting(content, path)
        elif key == "EnvironmentFile":
            if not value:
                unit.environment_files.clear()
            else:
                unit.environment_files += sorted(glob.glob(expand(value.lstrip("-"), unit.name)))
        elif key == "UnsetEnvironment":
            if not value:
                unit.unset.clear()
            unit.unset.update((word.partition("=")[0], path) for word in split_words(value))
        elif key == "User":
            unit.user = value or None
        elif key == "ExecStart":
            unit.commands = [*unit.commands, value] if value else []
