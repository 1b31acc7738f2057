# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A JVM's arguments: which decide about trust, which may be shown, and which may be given to another JVM."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._secrets import is_secret

TRUST_PREFIX = "-Djavax.net.ssl.trustStore"
PATH_PROPERTY = TRUST_PREFIX[2:]
PASSWORD_PROPERTY = f"{PATH_PROPERTY}Password"
TYPE_PROPERTY = f"{PATH_PROPERTY}Type"
# What among a JVM's properties decides about names, ways through the network, and TLS.
SECURITY_PROPERTIES = (
    "javax.net.ssl.",
    "jdk.tls.",
    "jsse.",
    "jdk.security.",
    "jdk.certpath.",
    "java.security.",
    "java.net.prefer",
    "java.net.useSystemProxies",
    "socksProxy",
    "socksNonProxyHosts",
    "sun.security.",
    "com.sun.net.ssl.",
    "com.sun.security.",
)
# Of these, what bears on a verdict and makes a JVM neither load code nor read or write a file.
_RELEVANT = re.compile(
    r"javax\.net\.ssl\.trustStore(?:Type|Provider)|jsse\.\w+|jdk\.(?:tls|security|certpath)\.[\w.]+|java\.net\.prefer\w+"
    r"|java\.net\.useSystemProxies|socksProxy(?:Host|Port|Version)|socksNonProxyHosts|sun\.security\.ssl\.[\w.]+"
    r"|com\.sun\.net\.ssl\.[\w.]+|com\.sun\.security\.(?:enable\w+|ocsp\.\w+|crl\.\w+|allowedAIALocations)"
)
_OPTIONS_FILE = "-XX:VMOptionsFile="
_SECURITY_FILE = "java.security.properties"
_MAX_VALUE = 8192


class Given(t.NamedTuple):
    """An argument that a JVM was given, and by what: ``source`` is a phrase for messages."""

    argument: str
    source: str


# What a JVM reads of its environment, and in which order its arguments come: of repeated ones the last counts.
BEFORE_THE_COMMAND = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS")
AFTER_THE_COMMAND = ("_JAVA_OPTIONS",)
OPTION_VARIABLES = (*BEFORE_THE_COMMAND, *AFTER_THE_COMMAND)
LAUNCHER_VARIABLE = "JDK_JAVA_OPTIONS"  # read by the program java of 9 and later, not by the JVM itself
FROM_COMMAND = "its command line"


def effective_arguments(
    command: t.Sequence[str],
    environment: t.Mapping[str, str],
    read_file: t.Callable[[str], str] = lambda path: "",
) -> list[Given]:
    """All arguments of a JVM in the order in which they count, which is that of the JVM: the last one wins.

    ``command`` is its command line. Of ``environment`` only :data:`OPTION_VARIABLES` are looked at. ``read_file``
    returns the text of a file of arguments (``@file``, ``-XX:VMOptionsFile=``), which takes the place of its name.
    """
    found: list[Given] = []
    for variable in BEFORE_THE_COMMAND:
        found += [Given(word, variable) for word in split_options(environment.get(variable, ""))]
    found += [Given(word, FROM_COMMAND) for word in command]
    for variable in AFTER_THE_COMMAND:
        found += [Given(word, variable) for word in split_options(environment.get(variable, ""))]
    expanded: list[Given] = []
    for given in found:
        # The JVM and its launcher look into a file once: a name of another one in it stands for itself.
        path = given.argument[1:] if given.argument.startswith("@") else ""
        if given.argument.startswith(_OPTIONS_FILE):
            path = given.argument[len(_OPTIONS_FILE) :]
        if path:
            expanded += [Given(word, f"{path}, named by {given.source}") for word in split_options(read_file(path))]
        else:
            expanded.append(given)
    return expanded


def split_options(text: str) -> list[str]:
    """Split as a JVM splits the variables of its environment: at blanks, with both kinds of quotes and no escapes."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    for character in text:
        if not quote and character.isspace():
            if word is not None:
                words.append("".join(word))
            word = None
            continue
        word = [] if word is None else word
        if quote == character:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        else:
            word.append(character)
    return words if word is None else [*words, "".join(word)]


def trust_properties(arguments: t.Iterable[str]) -> dict[str, str]:
    """``{property name: value}`` of the truststore properties among JVM arguments, the last of each."""
    found = {}
    for argument in arguments:
        if argument.startswith(TRUST_PREFIX):
            name, _equals, value = argument[2:].partition("=")
            found[name] = value
    return found


def bears_on_tls(argument: str) -> bool:
    """Whether this JVM argument is one of those that decide about names, ways through the network, and TLS."""
    return argument.startswith("-D") and argument[2:].startswith(SECURITY_PROPERTIES)


def relevant_arguments(
    arguments: t.Iterable[str], is_trusted_file: t.Callable[[str], bool] = lambda path: False
) -> list[str]:
    """Those of a product's arguments that a JVM of ours may be given, since they bear on its verdict.

    Left out are the truststore itself, all secrets, and whatever makes a JVM load code, run a program, or write. They
    come from a process that another account may have started. A further ``java.security`` is passed on only where
    ``is_trusted_file`` says so of its path, which by default it does of none.
    """
    found = []
    for argument in arguments:
        name, _equals, value = argument[2:].partition("=")
        if not argument.startswith("-D") or len(value) > _MAX_VALUE or not (value or "x").isprintable():
            continue
        if name == _SECURITY_FILE:
            path = value[1:] if value.startswith("=") else value  # a second = is for "instead of the JVM's own"
            if path.startswith("/") and is_trusted_file(path):
                found.append(argument)
        elif _RELEVANT.fullmatch(name) and not is_secret(name):
            found.append(argument)
    return found
