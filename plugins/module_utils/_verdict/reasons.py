# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verdict in plain words, and what is to be warned of: from the server's chain, the anchors and an exception.

None of this decides anything. Where it fits no case the exception speaks for itself.
"""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._x509.certificate import (
    Certificate,
    read_certificates,
    read_named,
)

_SOON = datetime.timedelta(days=30)
# What stands in the exceptions of Java 8 to 25, and in OpenSSL's errors: all that matter to a verdict.
_WORDS = (
    ("trustAnchors parameter must be non-empty", "the JVM finds no certificate to trust in its truststore"),
    ("Extended key usage", "the server's certificate is not made for servers (extended key usage)"),
    ("KeyUsage does not allow", "the server's certificate does not allow what TLS needs its key for (key usage)"),
    ("keyCertSign", "an authority may not sign certificates (key usage)"),
    ("is not a CA certificate", "a certificate is used as an authority but is none (no CA:TRUE)"),
    ("basic constraints check failed", "a certificate is used as an authority but is none, or its path is too long"),
    ("name constraints check failed", "a name is outside of its authority's name constraints"),
    ("signature check failed", "a certificate was not signed by the key of its issuer"),
    ("Netscape cert type", "a certificate is not made for this use (Netscape certificate type)"),
    ("certificate polic", "the chain breaks its authorities' certificate policies"),
    ("critical extension", "a certificate has a critical extension that the JVM does not know"),
    ("Failed to parse server certificates", "the JVM cannot read a certificate of the server"),
)


class Look:
    """The chain that a server presented, looked at beside the anchors."""

    def __init__(self, chain: t.Sequence[bytes], anchors: t.Sequence[bytes], now: datetime.datetime | None = None):
        self.now = now or datetime.datetime.now(datetime.timezone.utc)
        self.presented, self.problems = read_certificates(chain)
        self.anchors = anchors
        self.path, self.anchor = self._likely_path()

    @property
    def leaf(self) -> Certificate | None:
        """The server's own certificate, None if it cannot be read."""
        return self.presented[0] if self.presented and not self.problems else None

    def names(self) -> list[str]:
        """Return the names that the server's certificate was issued for, as an identity check reads them."""
        if self.leaf is None:
            return []
        names = [*self.leaf.dns_names(), *self.leaf.ip_addresses()]
        common_name = self.leaf.common_name()
        return names if self.leaf.dns_names() or not common_name else [*names, common_name]

    def why_trusted(self) -> str:
        """Say what a trusted chain leads to."""
        if self.anchor is None:
            return "the JVM accepts it"
        if self.anchor is self.leaf:
            return "the server's certificate itself is in the truststore"
        return f"the chain leads to {self.anchor.subject_text} in the truststore"

    def why_refused(self, error: str) -> str:
        """Say why a chain is refused, given what was said of it."""
        if self.problems:
            return f"a certificate of the server cannot be read: {'; '.join(self.problems)}"
        late = [item for item in [*self.path, *self.presented] if not item.in_date(self.now)]
        if late and any(word in error for word in ("validity check failed", "expired", "not yet valid", "NotYetValid")):
            return self._out_of_date(late[0])
        for text, words in _WORDS:
            if text.lower() in error.lower():
                return words
        if (
            "unable to find valid certification path" in error
            or "issuer certificate" in error
            or "self-signed" in error
        ):
            return self._why_no_path(late)
        return ""

    def warnings(self) -> list[str]:
        """Return what is accepted and should not be, or will not be for long."""
        found = []
        leaf, anchor = self.leaf, self.anchor
        if anchor is not None and not anchor.in_date(self.now):
            found.append(
                f"{anchor.subject_text} in the truststore is valid from {anchor.not_before:%Y-%m-%d} to "
                f"{anchor.not_after:%Y-%m-%d}: the JVM still accepts it, other mail clients do not."
            )
        if leaf is not None and leaf is anchor and not leaf.self_issued:
            found.append(
                f"The truststore holds {leaf.subject_text} itself, not its authority: mail stops when it is renewed."
            )
        for item in self.path:
            if self.now <= item.not_after < self.now + _SOON:
                found.append(f"{item.subject_text} expires on {item.not_after:%Y-%m-%d}.")
            if item.key_family == "RSA" and item.key_size < 2048:
                bits = item.key_size
                found.append(f"{item.subject_text} has an RSA key of {bits} bits: 2048 are the least today.")
            if item is not anchor and item.hash_name == "sha1":
                found.append(f"{item.subject_text} has a SHA-1 signature, which newer JVMs may refuse.")
        return found

    def _likely_path(self) -> tuple[list[Certificate], Certificate | None]:
        """The certificates from the server's own up, and the anchor that they lead to, which is then the last."""
        path: list[Certificate] = []
        step = self.leaf
        while step is not None:
            if step.der in self.anchors:
                return [*path, step], step
            path.append(step)
            anchor = _issuer(step, read_named(self.anchors, step.issuer))
            if anchor is not None:
                return [*path, anchor], anchor
            step = _issuer(step, [item for item in self.presented if item not in path])
        return path, None

    def _why_no_path(self, late: t.Sequence[Certificate]) -> str:
        if not self.path:
            return ""
        last = self.path[-1]
        if self.anchor is not None:
            return self._out_of_date(late[0]) if late else f"no path from {self.path[0].subject_text} is valid"
        if read_named(self.anchors, last.issuer):
            return (
                f"no certificate in the truststore has issued {last.subject_text}, only one of the same name is there"
            )
        if last.self_issued:
            return f"{last.subject_text} is not in the truststore"
        return f"the issuer of {last.subject_text} is neither in the truststore nor sent by the server"

    def _out_of_date(self, item: Certificate) -> str:
        text = f"{item.subject_text} is valid from {item.not_before:%Y-%m-%d} to {item.not_after:%Y-%m-%d} only"
        if item is self.anchor and item is not self.leaf:
            text += (
                "; the JVM accepts an authority out of date only where the server sends its chain whole and in order"
            )
        return text


def _issuer(certificate: Certificate, candidates: t.Iterable[Certificate]) -> Certificate | None:
    named = (item for item in candidates if item.subject == certificate.issuer)
    return next((item for item in named if certificate.signed_by(item)), None)
