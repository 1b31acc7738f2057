# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which algorithms and key sizes a JVM has switched off for certificates: its ``java.security``, read as it reads it.

``jdk.certpath.disabledAlgorithms`` and ``jdk.tls.disabledAlgorithms`` both count. Red Hat's builds put the system's
crypto policy on top, and so does a file named by ``-Djava.security.properties``.
"""

from __future__ import annotations

import datetime
import fnmatch
import operator
import os
import re
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm_launcher import major, read_release

_PROPERTIES = ("jdk.certpath.disabledAlgorithms", "jdk.tls.disabledAlgorithms")
_SYSTEM_POLICY = "/etc/crypto-policies/back-ends/java.config"
_COMPARISONS: dict[str, t.Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARGUMENT = "-Djava.security.properties="
_MAX_INCLUDES = 20


class KeySize(t.NamedTuple):
    """Keys of ``family`` (RSA, DSA, EC) are off whose bits compare so with ``bits``."""

    family: str
    comparison: str
    bits: int


class Limits(t.NamedTuple):
    """What is off: ``names`` of algorithms and cipher suites in upper case without dashes, and key sizes.

    What differs by version, too: ``sha224``, whether this Java takes SHA-224 signatures with TLS 1.3 (all do with 1.2);
    ``unicode_names``, whether it compares internationalised host names in Unicode.
    """

    names: frozenset[str]
    key_sizes: tuple[KeySize, ...]
    source: str
    sha224: bool = False
    unicode_names: bool = True

    def key_problem(self, family: str, bits: int) -> str:
        """Return why a public key is refused, empty where it is not. ``bits`` 0: it has no size that counts."""
        if family in self.names:
            return f"its {family} key is of a kind that is switched off"
        for limit in self.key_sizes:
            if limit.family == family and bits and _COMPARISONS[limit.comparison](bits, limit.bits):
                return f"its key has {bits} bits only"
        return ""

    def refuses_signature(self, hash_name: str, family: str) -> bool:
        """Tell whether a signature with this hash by a key of this family is refused."""
        digest = _plain(hash_name)
        signer = "ECDSA" if family == "EC" else family
        return bool(self.names & {digest, signer, f"{digest}WITH{signer}"})

    def refuses_suite(self, suite: str) -> bool:
        """Tell whether a cipher suite (Java's name) is off by its name."""
        return any(fnmatch.fnmatchcase(suite, name) for name in self.names if name.startswith("TLS_"))


# What current updates of Java 8 to 25 come with. Not TLS_RSA_*, which older updates of each have on.
DEFAULT = Limits(
    frozenset({"MD2", "MD5"}),
    (KeySize("RSA", "<", 1024), KeySize("DSA", "<", 1024), KeySize("EC", "<", 224)),
    "the defaults of Java",
)


def read_limits(java_home: str | None, arguments: t.Sequence[str] = ()) -> Limits:
    """Return the limits of the Java in ``java_home``, :data:`DEFAULT` where its file cannot be read.

    ``arguments`` are the JVM's, of which a ``-Djava.security.properties`` counts.
    """
    path = _own_file(java_home) if java_home else ""
    if not java_home or not path:
        return DEFAULT
    version = major(read_release(java_home)[0])
    # As seen with 8 and 11 against 17, and with 8 against 11; those in between were not tried.
    start = DEFAULT._replace(sha224=0 < version < 17, unicode_names=not 0 < version < 11)
    try:
        properties = read_properties(path)
    except (OSError, ValueError):
        return start
    sources = [path]
    if properties.get("security.useSystemPropertiesFile", "").lower() == "true":
        _overlay(properties, _SYSTEM_POLICY, sources)
    if properties.get("security.overridePropertiesFile", "true").lower() == "true":
        for argument in [a for a in arguments if a.startswith(_ARGUMENT)][-1:]:
            further = argument[len(_ARGUMENT) :]
            if further.startswith("="):  # a second equals sign: instead of the JVM's own file
                properties.clear()
            _overlay(properties, further.lstrip("="), sources)
    elements = [element for name in _PROPERTIES for element in properties.get(name, "").split(",")]
    names, sizes = _elements(elements)
    return start._replace(names=names, key_sizes=sizes, source=", ".join(sources))


def read_properties(path: str) -> dict[str, str]:
    """Return a properties file's values, ``include`` lines (Java 24) followed; raise ``OSError`` or ``ValueError``."""
    found: dict[str, str] = {}
    _read_into(found, path, _MAX_INCLUDES)
    return found


def _read_into(found: dict[str, str], path: str, includes: int) -> None:
    if includes <= 0:
        raise ValueError(f"{path} is included too deeply")
    with open(path, encoding="latin-1") as stream:
        # A backslash at a line's end continues it, less the blanks that the next one begins with.
        text = re.sub(r"\\\r?\n[ \t\f]*", "", stream.read())
    for line in text.splitlines():
        line = line.strip()
        if not line or line[0] in "#!":
            continue
        name, value = [*re.split(r"\s*[=:]\s*|\s+", line, maxsplit=1), ""][:2]
        if name == "include":
            _read_into(found, os.path.join(os.path.dirname(path), value), includes - 1)
        else:
            found[name] = value


def _own_file(java_home: str) -> str:
    for parts in (("conf",), ("lib",), ("jre", "lib")):
        path = os.path.join(java_home, *parts, "security", "java.security")
        if os.path.isfile(path):
            return path
    return ""


def _overlay(properties: dict[str, str], path: str, sources: list[str]) -> None:
    try:
        properties.update(read_properties(path))
    except (OSError, ValueError):
        return  # as the JVM does: it goes on without
    sources.append(path)


def _elements(elements: t.Iterable[str]) -> tuple[frozenset[str], tuple[KeySize, ...]]:
    names: set[str] = set()
    sizes: list[KeySize] = []
    for element in elements:
        words = element.split(None, 1)
        if not words:
            continue
        conditions = [condition.strip() for condition in words[1].split("&")] if len(words) > 1 else []
        limit = _element(_plain(words[0]), conditions)
        if isinstance(limit, KeySize):
            sizes.append(limit)
        elif limit:
            names.add(limit)
    return frozenset(names), tuple(sizes)


def _element(name: str, conditions: t.Sequence[str]) -> KeySize | str:
    """Return what one element switches off for a server's certificates, empty if nothing."""
    size: KeySize | None = None
    for condition in conditions:
        words = condition.split()
        kind = words[0].lower() if words else ""
        if kind == "keysize" and len(words) == 3 and words[1] in _COMPARISONS and words[2].isdigit():
            size = KeySize(name, words[1], int(words[2]))
        elif kind == "usage":
            if "tlsserver" not in condition.lower().split():
                return ""
        elif kind == "denyafter":
            today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
            if len(words) != 2 or today <= words[1]:
                return ""
        else:
            # jdkCA: authorities that the JDK itself brought, whose chains no longer have what it switches off.
            return ""
    return size or name


def _plain(name: str) -> str:
    # TLS suites keep their underscores; SHA-1 and SHA1 are the same.
    return name.upper().replace("-", "")
