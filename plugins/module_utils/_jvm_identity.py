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

from ansible_collections.stashops.mail.plugins.module_utils._jvm_certificate import Certificate

# An underscore in the host's own name makes the JVM give up, whatever the certificate says.
_NAME = re.compile(r"[A-Za-z0-9.-]+")


def matches(certificate: Certificate, host: str) -> bool:
    """Tell whether the JVM's identity check accepts ``certificate`` for ``host``."""
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
    return any(_matches_name(name, host) for name in names)


def names_of(certificate: Certificate) -> list[str]:
    """Return the names that the certificate is made out to, as the identity check reads them."""
    names = [*certificate.dns_names(), *certificate.ip_addresses()]
    common_name = certificate.common_name()
    if not certificate.dns_names() and common_name:
        names.append(common_name)
    return names


def _matches_name(pattern: str, host: str) -> bool:
    pattern, host = pattern.lower(), host.lower().rstrip(".")
    first, dot, rest = pattern.partition(".")
    if "*" in pattern and (not dot or not rest or "*" in rest):
        return False
    own_first, _dot, own_rest = host.partition(".")
    # fnmatch gives ? and [ a meaning, too; the JVM knows the asterisk only.
    literal = re.sub(r"([?\[])", r"[\1]", first)
    return rest == own_rest and fnmatch.fnmatchcase(own_first, literal)
