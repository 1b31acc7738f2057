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
    r"javax\.net\.ssl\.trustStoreType|jdk\.(?:tls|security|certpath)\.[\w.]+|java\.net\.prefer\w+"
    r"|java\.net\.useSystemProxies|socksProxy(?:Host|Port|Version)|socksNonProxyHosts|sun\.security\.ssl\.[\w.]+"
    r"|com\.sun\.net\.ssl\.[\w.]+|com\.sun\.security\.(?:enable\w+|ocsp\.\w+|crl\.\w+|allowedAIALocations)"
)
_SECURITY_FILE = "java.security.properties"
_MAX_VALUE = 8192


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
