# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a certificate is made out to a host, as the JVM's endpoint identification sees it.

JavaMail 1.x and Jakarta Mail 2.0 do not check this by default; Angus Mail 1.1 and later does, with the JVM's rules for
LDAPS: DNS names among the SANs hide the common name, an asterisk stands for (part of) the first label only, and an IP
address must be an IP address among the SANs.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re

from ansible_collections.stashops.mail.plugins.module_utils._x509.certificate import Certificate

# An underscore in the host's own name makes the JVM give up, whatever the certificate says.
_NAME = re.compile(r"[A-Za-z0-9.-]+")


def matches(certificate: Certificate, host: str, unicode_names: bool = True) -> bool:
    """Tell whether the JVM's identity check accepts ``certificate`` for ``host``.

    ``unicode_names``: this Java compares internationalised names (xn--) in Unicode, so that an asterisk stands for
    characters of that; Java 8 does not.
    """
    try:
        wanted = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return any(ipaddress.ip_address(address) == wanted for address in certificate.ip_addresses())
    if not _NAME.fullmatch(host):
        return False
    names = certificate.dns_names()
    if not names:
        common_name = certificate.common_name()
        names = [common_name] if common_name else []
    return any(_matches_name(name, host, unicode_names) for name in names)


def names_of(certificate: Certificate) -> list[str]:
    """Return the names that the certificate is made out to, as the identity check reads them."""
    names = [*certificate.dns_names(), *certificate.ip_addresses()]
    common_name = certificate.common_name()
    if not certificate.dns_names() and common_name:
        names.append(common_name)
    return names


def _matches_name(pattern: str, host: str, unicode_names: bool) -> bool:
    # Of a host the JVM drops a final dot, with one in a certificate the name is none.
    if pattern.endswith("."):
        return False
    pattern, host = pattern.lower(), host.lower().rstrip(".")
    if unicode_names:
        pattern, host = _in_unicode(pattern), _in_unicode(host)
    first, dot, rest = pattern.partition(".")
    if "*" in pattern and (not dot or not rest or "*" in rest):
        return False
    own_first, _dot, own_rest = host.partition(".")
    # fnmatch gives ? and [ a meaning, too; the JVM knows the asterisk only.
    literal = re.sub(r"([?\[])", r"[\1]", first)
    return rest == own_rest and fnmatch.fnmatchcase(own_first, literal)


def _in_unicode(name: str) -> str:
    return ".".join(_label_in_unicode(label) for label in name.split("."))


def _label_in_unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label.encode("ascii").decode("idna")
    except UnicodeError:
        return label
