# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name constraints of authorities (RFC 5280 4.2.1.10) for DNS names, IP addresses and directory names."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._x509.certificate import Certificate


def violated_constraint(certificate: Certificate, constraints: t.Sequence[t.Any]) -> str:
    """Return which name breaks one of ``constraints`` (``x509.NameConstraints``), or an empty string."""
    names: list[tuple[str, t.Any]] = []
    if certificate.alternative_names is not None:
        names += [(type(name).__name__, name.value) for name in certificate.alternative_names]
    common_name = certificate.common_name()
    if common_name and not certificate.dns_names() and not certificate.ip_addresses():
        names.append(("DNSName", common_name))
    for constraint in constraints:
        for kind, value in names:
            excluded = _of_kind(constraint.excluded_subtrees, kind)
            permitted = _of_kind(constraint.permitted_subtrees, kind)
            if any(_within(kind, value, subtree) for subtree in excluded):
                return f"{value} is excluded by its authority's name constraints"
            if permitted and not any(_within(kind, value, subtree) for subtree in permitted):
                return f"{value} is outside of its authority's name constraints"
    return ""


def _of_kind(subtrees: t.Any, kind: str) -> list[t.Any]:
    return [subtree.value for subtree in subtrees or [] if type(subtree).__name__ == kind]


def _within(kind: str, value: t.Any, subtree: t.Any) -> bool:
    if kind == "DNSName":
        name, base = value.lower().rstrip("."), subtree.lower().strip(".")
        return not base or name == base or bool(name.endswith("." + base))
    if kind == "IPAddress":
        try:
            return value in subtree
        except TypeError:  # an address against a network of the other family
            return False
    return bool(value == subtree)
