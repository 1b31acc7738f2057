# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the JVM's trust manager accepts a chain: its PKIX validation, modelled step by step.

Python's own verification answers another question (see docs): it refuses expired anchors, leaves as anchors and much
else that the JVM takes. So the JVM's steps are followed here: a leaf that is an anchor itself is trusted unseen; an
ordered chain is validated up to the first certificate that is an anchor; any other chain is searched for a path.
Policies and revocation, which the JVM does not ask for by default, are left out.
"""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._verdict.algorithms import DEFAULT, Limits
from ansible_collections.stashops.mail.plugins.module_utils._verdict.constraints import violated_constraint
from ansible_collections.stashops.mail.plugins.module_utils._x509.certificate import (
    ANY_EXTENDED_USAGE,
    SERVER_AUTH,
    Certificate,
)

_VALIDATION = "PKIX path validation failed: java.security.cert.CertPathValidatorException: "
_BUILDING = (
    "PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: "
    "unable to find valid certification path to requested target"
)
# A JVM tells the server which signatures certificates may have (signature_algorithms_cert), OpenSSL's clients do not.
_NEVER_OFFERED = ("md2", "md5")
_ENDED = "javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake"
_MAX_PATHS = 1000  # many cross-signed authorities could be combined for ever
_VALIDATOR = "sun.security.validator.ValidatorException: "


class PathResult(t.NamedTuple):
    """``path``: leaf first, the anchor last; empty where the JVM refuses. ``reason``: in plain words."""

    path: list[Certificate]
    reason: str
    log: str = ""

    @property
    def trusted(self) -> bool:
        """The JVM accepts the chain."""
        return bool(self.path)


class Cipher(t.NamedTuple):
    """What a cipher suite means for the certificates.

    ``signs_key_exchange``: the server's key signs the key exchange, as against RSA key exchange; it decides which key
    usage the server's certificate needs. ``tls13``: TLS 1.3, for which the JVM offers fewer signature algorithms.
    """

    signs_key_exchange: bool = True
    tls13: bool = True

    @classmethod
    def of(cls, name: str) -> Cipher:
        """Return what the suite ``name`` means, in OpenSSL's spelling (only those of TLS 1.3 start with TLS_)."""
        return cls(name.startswith(("TLS_", "ECDHE-", "DHE-")), name.startswith("TLS_"))


class _Refused(Exception):
    def __init__(self, reason: str, log: str) -> None:
        super().__init__(reason)
        self.reason, self.log = reason, log


def find_path(
    chain: t.Sequence[Certificate],
    anchors: t.Sequence[Certificate],
    cipher: Cipher = Cipher(),  # noqa: B008 - immutable
    now: datetime.datetime | None = None,
    limits: Limits = DEFAULT,
) -> PathResult:
    """Return what the JVM makes of ``chain`` (leaf first, as presented) with ``anchors`` in its truststore.

    ``now`` is the current time by default, ``limits`` what the JVM has switched off.
    """
    moment = now or datetime.datetime.now(datetime.timezone.utc)
    leaf = chain[0]
    if any(leaf.der == anchor.der for anchor in anchors):
        if leaf.hash_name in _NEVER_OFFERED:
            text = f"the server's certificate has a signature with {leaf.hash_name.upper()}, which no JVM asks for"
            return PathResult([], text + ": servers with OpenSSL then end the handshake", _ENDED)
        return PathResult([leaf], "the server's certificate itself is in the truststore")
    try:
        path = _Validation(anchors, cipher, moment, limits).of_presented(chain)
        _check_anchor(path[-1])
        _check_server(leaf, cipher.signs_key_exchange)
    except _Refused as refused:
        return PathResult([], refused.reason, _VALIDATOR + refused.log)
    return PathResult(path, f"the chain leads to {path[-1].subject_text} in the truststore")


class _Validation:
    """One validation: its anchors, cipher, time and limits are the same for every path that is tried."""

    def __init__(
        self, anchors: t.Sequence[Certificate], cipher: Cipher, now: datetime.datetime, limits: Limits
    ) -> None:
        self._anchors = anchors
        self._cipher = cipher
        self._now = now
        self._limits = limits

    def of_presented(self, chain: t.Sequence[Certificate]) -> list[Certificate]:
        """Return the path from the leaf to its anchor, both included; raise :class:`_Refused`."""
        for index in range(1, len(chain)):
            if chain[index].subject != chain[index - 1].issuer:
                return self._search(chain)
            if any(_same(chain[index], anchor) for anchor in self._anchors):
                return self._validate(chain[:index])
        if any(chain[-1].issuer == anchor.subject for anchor in self._anchors):
            return self._validate(chain)
        return self._search(chain)

    def _search(self, chain: t.Sequence[Certificate]) -> list[Certificate]:
        """Search for any valid path from the leaf, as the path builder does; the chain's order does not matter."""
        pending = [[chain[0]]]
        tried = 0
        while pending and tried < _MAX_PATHS:
            path = pending.pop()
            tried += 1
            try:
                # The path builder takes an anchor that is out of date for the issuer of the leaf itself only.
                return self._validate(path, anchor_in_date=len(path) > 1)
            except _Refused:
                pass
            for candidate in chain[1:]:
                if candidate.subject == path[-1].issuer and all(candidate.der != taken.der for taken in path):
                    pending.append([*path, candidate])
        raise _Refused(self._why_no_path(chain), _BUILDING)

    def _why_no_path(self, chain: t.Sequence[Certificate]) -> str:
        by_subject = {certificate.subject: certificate for certificate in chain[1:]}
        last = chain[0]
        for _step in chain:
            if last.self_issued or last.issuer not in by_subject:
                break
            last = by_subject[last.issuer]
        if any(last.issuer == anchor.subject for anchor in self._anchors):
            return self._why_no_valid_path(chain, last)
        if last.self_issued:
            return f"{last.subject_text} is not in the truststore"
        return f"the issuer of {last.subject_text} is neither in the truststore nor sent by the server"

    def _why_no_valid_path(self, chain: t.Sequence[Certificate], last: Certificate) -> str:
        late = [certificate for certificate in chain if not certificate.in_date(self._now)]
        if late:
            return f"{late[0].subject_text} is out of date"
        if any(not anchor.in_date(self._now) for anchor in self._anchors if anchor.subject == last.issuer):
            return (
                f"the issuer of {last.subject_text} is in the truststore but out of date, which the JVM accepts only "
                "where the server sends its chain whole and in order"
            )
        return f"no path from {last.subject_text} is valid"

    def _validate(self, path: t.Sequence[Certificate], anchor_in_date: bool = False) -> list[Certificate]:
        """Validate ``path`` (leaf first, the anchor not in it) against each anchor that could have issued its last.

        ``anchor_in_date``: only those count that are in date.
        """
        refused = _Refused(
            f"no certificate in the truststore has issued {path[-1].subject_text}",
            _VALIDATION + "Path does not chain with any of the trust anchors",
        )
        for anchor in self._anchors:
            if not _could_issue(anchor, path[-1]) or (anchor_in_date and not anchor.in_date(self._now)):
                continue
            try:
                self._check_path(path, anchor)
            except _Refused as error:
                refused = error
            else:
                return [*path, anchor]
        raise refused

    def _check_path(self, path: t.Sequence[Certificate], anchor: Certificate) -> None:
        self._check_key(anchor)
        issuer = anchor
        room = len(path)  # how many more authorities may follow
        constraints: list[t.Any] = []
        for index in range(len(path) - 1, -1, -1):
            certificate = path[index]
            self._check_algorithms(certificate, issuer)
            if index > 0:
                room = _check_authority(certificate, room)
            if index == 0 or not certificate.self_issued:
                _check_constraints(certificate, constraints)
            if certificate.constraints is not None:
                constraints.append(certificate.constraints)
            self._check_basics(certificate, issuer)
            issuer = certificate

    def _check_algorithms(self, certificate: Certificate, issuer: Certificate) -> None:
        # Whatever is switched off, newer JVMs do not offer SHA-224 for TLS 1.3.
        not_offered = self._cipher.tls13 and certificate.hash_name == "sha224" and not self._limits.sha224
        if not_offered or self._limits.refuses_signature(certificate.hash_name, issuer.key_family):
            raise _Refused(
                f"{certificate.subject_text} has a signature with {certificate.hash_name.upper()}",
                _VALIDATION + "Algorithm constraints check failed",
            )
        self._check_key(certificate)

    def _check_key(self, certificate: Certificate) -> None:
        problem = certificate.key_problem or self._limits.key_problem(certificate.key_family, certificate.key_size)
        if problem:
            raise _Refused(f"{certificate.subject_text}: {problem}", _VALIDATION + "Algorithm constraints check failed")

    def _check_basics(self, certificate: Certificate, issuer: Certificate) -> None:
        if not certificate.in_date(self._now):
            raise _Refused(
                f"{certificate.subject_text} is valid from {certificate.not_before:%Y-%m-%d} to "
                f"{certificate.not_after:%Y-%m-%d} only",
                _VALIDATION + "validity check failed",
            )
        if not certificate.signed_by(issuer):
            text = f"{certificate.subject_text} was not signed by the key of {issuer.subject_text}"
            raise _Refused(text, _VALIDATION + "signature check failed")
        if certificate.unknown_critical:
            text = f"{certificate.subject_text} has a critical extension that the JVM does not know"
            raise _Refused(text, _VALIDATION + "unrecognized critical extension(s)")
        if certificate.error:
            raise _Refused(f"{certificate.subject_text}: {certificate.error}", _VALIDATION + certificate.error)


def _same(certificate: Certificate, anchor: Certificate) -> bool:
    if certificate.der == anchor.der:
        return True
    return certificate.subject == anchor.subject and bool(anchor.key_der) and certificate.key_der == anchor.key_der


def _could_issue(anchor: Certificate, certificate: Certificate) -> bool:
    if anchor.subject != certificate.issuer:
        return False
    if certificate.authority_key and anchor.key_identifier and certificate.authority_key != anchor.key_identifier:
        return False
    serial = certificate.authority_serial
    return serial is None or anchor.version < 3 or serial == anchor.serial


def _check_constraints(certificate: Certificate, constraints: t.Sequence[t.Any]) -> None:
    broken = violated_constraint(certificate, constraints)
    if broken:
        raise _Refused(f"{certificate.subject_text}: {broken}", _VALIDATION + "name constraints check failed")


def _check_authority(certificate: Certificate, room: int) -> int:
    if not certificate.is_ca:
        raise _Refused(
            f"{certificate.subject_text} is used as an authority but is none (no CA:TRUE)",
            _VALIDATION + "basic constraints check failed: this is not a CA certificate",
        )
    if certificate.key_usage is not None and "key_cert_sign" not in certificate.key_usage:
        text = f"{certificate.subject_text} may not sign certificates (key usage)"
        raise _Refused(text, _VALIDATION + "CA key usage check failed: keyCertSign bit is not set")
    if not certificate.self_issued:
        if room <= 0:
            text = f"the path above {certificate.subject_text} is longer than its authority allows"
            raise _Refused(text, _VALIDATION + "basic constraints check failed: pathLenConstraint violated")
        room -= 1
    return room if certificate.path_length is None else min(room, certificate.path_length)


def _check_anchor(anchor: Certificate) -> None:
    if anchor.version < 3:
        return
    if not anchor.is_ca:
        raise _Refused(
            f"{anchor.subject_text} in the truststore is no authority (no CA:TRUE) and vouches for itself only",
            f'TrustAnchor with subject "{anchor.subject_text}" is not a CA certificate',
        )
    if anchor.key_usage is not None and "key_cert_sign" not in anchor.key_usage:
        raise _Refused(
            f"{anchor.subject_text} in the truststore may not sign certificates (key usage)",
            f'TrustAnchor with subject "{anchor.subject_text}" does not have keyCertSign bit set in KeyUsage extension',
        )


def _check_server(leaf: Certificate, signs_key_exchange: bool) -> None:
    extended = leaf.extended_usage
    if extended is not None and not {SERVER_AUTH, ANY_EXTENDED_USAGE} & set(extended):
        raise _Refused(
            "the server's certificate is not made for servers (extended key usage)",
            "Extended key usage does not permit use for TLS server authentication",
        )
    usage = "digital_signature" if signs_key_exchange else "key_encipherment"
    if leaf.key_usage is not None and usage not in leaf.key_usage:
        words = "digital signatures" if signs_key_exchange else "key encipherment"
        raise _Refused(
            f"the server's certificate does not allow {words} (key usage)", f"KeyUsage does not allow {words}"
        )
