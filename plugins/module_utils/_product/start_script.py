# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truststore among the product's JVM arguments: ``JVM_SUPPORT_RECOMMENDED_ARGS``.

In a shell script nothing that is there is touched. A block of our own follows the lines that set the variable and
extends its value; of repeated ``-D`` properties the JVM takes the last. Taking the block out restores the file byte
for byte, whatever quoting, continuation or computation the lines before it use.

In a systemd drop-in the value has to be repeated, since a later ``Environment=`` replaces an earlier one. So there the
arguments that stand without our drop-in are kept, in their order, and only the truststore's are replaced.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import PATH_PROPERTY, TRUST_PREFIX
from ansible_collections.stashops.mail.plugins.module_utils._product import systemd

VARIABLE = "JVM_SUPPORT_RECOMMENDED_ARGS"
LAST_VARIABLE = "CATALINA_OPTS"
PATH_ARGUMENT = f"{TRUST_PREFIX}="
PASSWORD_ARGUMENT = f"{TRUST_PREFIX}Password="
TYPE_ARGUMENT = f"{TRUST_PREFIX}Type="

BEGIN = "# BEGIN stash_mail: written by Ansible, changes in here are lost"
END = "# END stash_mail"
DROP_IN_HEADER = "# Written by Ansible (stash_mail): changes in here are lost.\n"

# Of a bounded length: else each of many beginnings would be searched for its end through the whole script.
_BLOCK = re.compile(rf"^{re.escape(BEGIN)}\n((?:.*\n){{0,20}}?){re.escape(END)}\n", re.MULTILINE)
_ASSIGNMENT = re.compile(rf"^[ \t]*(?:export[ \t]+)?{VARIABLE}=", re.MULTILINE)
_COMMENTED = re.compile(rf"^[ \t]*#[ \t#]*(?:export[ \t]+)?{VARIABLE}=.*$", re.MULTILINE)
# The words that open and close a command, where a command can begin.
_OPENING = re.compile(r"(?:^|[;&|(]|\b(?:then|else|do)\b)[ \t]*(?:if|case|for|while|until)\b", re.MULTILINE)
_CLOSING = re.compile(r"(?:^|[;&|)])[ \t]*(?:fi|esac|done)\b", re.MULTILINE)
# What the start scripts' word splitting, globbing and quoting leave alone.
_SAFE = re.compile(r"[A-Za-z0-9_./:,@%+=^~-]+")


@dataclass(frozen=True)
class TruststoreArguments:
    """The truststore that the JVM shall use. ``password`` empty: the property is left out."""

    path: str
    password: str = ""
    kind: str = "jks"

    def arguments(self, others: t.Sequence[str]) -> list[str]:
        """Our arguments, to stand after ``others``: a password or type among those must not meet our file."""
        arguments = [PATH_ARGUMENT + self.path]
        if self.password or any(argument.startswith(PASSWORD_ARGUMENT) for argument in others):
            # An empty password counts as none for the JVM.
            arguments.append(PASSWORD_ARGUMENT + self.password)
        if any(argument.startswith(TYPE_ARGUMENT) for argument in others):
            arguments.append(TYPE_ARGUMENT + self.kind)
        return arguments

    def is_met_by(self, properties: t.Mapping[str, str]) -> bool:
        """Whether a JVM with these ``javax.net.ssl.trustStore*`` properties uses the wanted file, and can read it."""
        kind = properties.get(f"{PATH_PROPERTY}Type", "")
        return (
            properties.get(PATH_PROPERTY) == self.path
            and properties.get(f"{PATH_PROPERTY}Password", "") == self.password
            and (not kind or kind.lower() == self.kind)
        )


def check_arguments(wanted: TruststoreArguments) -> TruststoreArguments:
    """Return ``wanted``, or raise :class:`StashMailError` where the start scripts would tear it apart."""
    if not wanted.path.startswith("/"):
        raise StashMailError(
            f"truststore {wanted.path!r} is not an absolute path: the product starts in a folder of its own."
        )
    if not _SAFE.fullmatch(wanted.path):
        raise StashMailError(
            f"truststore {wanted.path!r} holds a blank, a quote or another character that the product's start scripts "
            "do not pass on unchanged: use letters, digits and ./_-+ only."
        )
    if wanted.password and not _SAFE.fullmatch(wanted.password):
        raise StashMailError(
            "truststore_password holds a blank, a quote or another character that the product's start scripts do not "
            "pass on unchanged: leave truststore_password out (JKS and MAC-less PKCS12 are read without one), "
            "or build the file with another password."
        )
    return wanted


def merge(existing: t.Sequence[str], wanted: TruststoreArguments | None, outside: t.Sequence[str] = ()) -> list[str]:
    """``existing`` with the truststore's arguments replaced by the wanted ones, or taken out for None.

    The first of them keeps its place; all others stay as and where they are. ``outside`` are arguments that reach the
    JVM from elsewhere.
    """
    ours = wanted.arguments(outside) if wanted else []
    merged: list[str] = []
    placed = False
    for argument in existing:
        if not is_trust_argument(argument):
            merged.append(argument)
        elif not placed:
            merged += ours
            placed = True
    return merged if placed else merged + ours


def is_trust_argument(argument: str) -> bool:
    """Whether this JVM argument tells which truststore to use, with which password and type."""
    return argument.startswith((PATH_ARGUMENT, PASSWORD_ARGUMENT, TYPE_ARGUMENT))


def trust_arguments(arguments: t.Sequence[str]) -> list[str]:
    """Those of the arguments that are about the truststore."""
    return [argument for argument in arguments if is_trust_argument(argument)]


def unseen(given: t.Sequence[str], our_paths: t.Container[str], known: t.Container[str]) -> list[str]:
    """The truststore's arguments that a process got of others, such as by its image, and that no file shows."""
    words = trust_arguments(given)
    # Without another's path, what it has besides ours is what we had set before.
    if all(word[len(PATH_ARGUMENT) :] in our_paths for word in words if word.startswith(PATH_ARGUMENT)):
        return []
    return [word for word in words if word not in known and not word.endswith("=")]


# Shell scripts


def without_block(script: str) -> str:
    """The script as it was before our block."""
    return _BLOCK.sub("", script)


def block_arguments(script: str) -> list[str]:
    """The arguments that our block adds, empty without one."""
    block = _BLOCK.search(script)
    return find_arguments(block.group(1)) if block else []


def with_block(script: str, wanted: TruststoreArguments, outside: t.Sequence[str] = ()) -> str:
    """The script with our block behind what sets the variable, or behind its commented line.

    ``outside`` are the arguments of others that reach the JVM, from wherever.

    :raises StashMailError: if neither an assignment nor its commented line is there.
    """
    original = without_block(script)
    position = _end_of_setting(original)
    before, after = original[:position], original[position:]
    if before and not before.endswith("\n"):
        raise StashMailError(
            f"the line that sets {VARIABLE} is the script's last and lacks its line end: nothing after it could use it."
        )
    return before + _block(VARIABLE, wanted, [*find_arguments(original), *outside]) + after


def with_block_at_end(script: str, wanted: TruststoreArguments, outside: t.Sequence[str] = ()) -> str:
    """The script with our block at its end and in what Tomcat's own script puts after all other arguments."""
    original = without_block(script)
    if original and not original.endswith("\n"):
        raise StashMailError("the start script's last line lacks its line end, so that nothing can be added: add it.")
    return original + _block(LAST_VARIABLE, wanted, [*find_arguments(original), *outside])


def _block(variable: str, wanted: TruststoreArguments, outside: t.Sequence[str]) -> str:
    return f'{BEGIN}\n{variable}="${{{variable}:-}} {" ".join(wanted.arguments(outside))}"\n{END}\n'


def is_set_by(script: str) -> bool:
    """Whether the script sets the variable itself: then the environment's value does not count."""
    return _ASSIGNMENT.search(without_block(script)) is not None


def find_arguments(text: str) -> list[str]:
    """The truststore's arguments in a shell text, wherever they stand outside comments; quotes end them."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [match.group() for match in re.finditer(rf"{re.escape(TRUST_PREFIX)}\w*=[^\s\"'\\]*", code)]


def _end_of_setting(script: str) -> int:
    assignments = list(_ASSIGNMENT.finditer(script))
    if assignments:
        return _end_of_command(script, _end_of_word(script, assignments[-1].end()))
    commented = list(_COMMENTED.finditer(script))
    if commented:
        return min(commented[-1].end() + 1, len(script))
    raise StashMailError(
        f"the start script has no line that sets {VARIABLE}, not even a commented one: it is not one of the product's. "
        "Set install_dir to the installation, or choose another method."
    )


def _end_of_command(script: str, position: int) -> int:
    """Where the line ends behind an ``if`` or another command around ``position``, in which ours might not be run."""
    depth = _depth(script[:position])
    end = position
    while depth > 0 and end < len(script):
        line_end = script.find("\n", end) + 1 or len(script)
        depth += _depth(script[end:line_end])
        end = line_end
    return end if depth <= 0 else position


def _depth(text: str) -> int:
    """How many commands such as ``if`` are open at the end of a shell text."""
    code = re.sub(r"^[ \t]*#.*$", "", text, flags=re.MULTILINE)
    return len(_OPENING.findall(code)) - len(_CLOSING.findall(code))


def _end_of_word(script: str, position: int) -> int:
    """Where the line ends on which the shell word at ``position`` ends, quotes and continued lines included."""
    quote = ""
    while position < len(script):
        character = script[position]
        position += 1
        if character == "\\" and quote != "'":
            position += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "\n":
            return position
        elif character == "#" and script[position - 2] in " \t":
            end_of_comment = script.find("\n", position)
            return len(script) if end_of_comment < 0 else end_of_comment + 1
    return len(script)


# systemd drop-in


def drop_in(unit: systemd.Unit, wanted: TruststoreArguments, outside: t.Sequence[str] = ()) -> str:
    """The drop-in's text. ``unit`` is read without it, so its value is what stood there before.

    What the unit's own files write stays as it is, specifiers included; ours shows systemd none.
    """
    setting = unit.environment.get(VARIABLE)
    existing = setting.value.split() if setting else []
    ours = TruststoreArguments(
        systemd.escape_specifiers(wanted.path), systemd.escape_specifiers(wanted.password), wanted.kind
    )
    value = " ".join(merge(existing, ours, outside))
    return f"{DROP_IN_HEADER}[Service]\nEnvironment={systemd.quote(f'{VARIABLE}={value}')}\n"


def drop_in_arguments(text: str) -> list[str]:
    """All arguments that a drop-in of ours gives, with the specifiers' escape taken off."""
    for line in text.splitlines():
        if line.startswith("Environment="):
            for word in systemd.split_words(line.partition("=")[2]):
                variable, _equals, value = word.partition("=")
                if variable == VARIABLE:
                    return value.replace("%%", "%").split()
    return []
