# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JVM's verdict on a mail server's certificate: trusted or not, made out to this host or not, and why."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._verdict.algorithms import DEFAULT, Limits
from ansible_collections.stashops.mail.plugins.module_utils._verdict.anchors import Anchors, load_anchors
from ansible_collections.stashops.mail.plugins.module_utils._verdict.names import matches, names_of
from ansible_collections.stashops.mail.plugins.module_utils._verdict.pkix import Cipher, PathResult, find_path
from ansible_collections.stashops.mail.plugins.module_utils._x509.certificate import Certificate, read_certificates

__all__ = ["Anchors", "Verdict", "judge", "load_anchors"]

_SOON = datetime.timedelta(days=30)


class Verdict(t.NamedTuple):
    """What the JVM decides.

    ``names_match`` is the identity check of Angus Mail; older JavaMail makes none. ``log`` is the JVM's exception,
    empty where it trusts. ``warnings``: what the JVM accepts and should not, or will not for long. ``code``: the
    outcome where it does not trust.
    """

    trusted: bool
    reason: str
    log: str
    names_match: bool
    names: list[str]
    warnings: list[str]
    code: str = "tls_untrusted"


def judge(
    chain: t.Sequence[bytes],
    anchors: Anchors,
    host: str,
    cipher: str = "TLS_AES_256_GCM_SHA384",
    now: datetime.datetime | None = None,
    limits: Limits = DEFAULT,
) -> Verdict:
    """Return the JVM's verdict on ``chain`` (DER, leaf first, as the server presented it) for ``host``.

    ``cipher`` is the negotiated one in OpenSSL's name, ``now`` the current time by default, ``limits`` what the JVM has
    switched off. Raises ``StashMailError`` only where the ``cryptography`` library is missing.
    """
    moment = now or datetime.datetime.now(datetime.timezone.utc)
    presented, problems = read_certificates(chain)
    if problems or not presented:
        text = "; ".join(problems) or "none was presented"
        log = "javax.net.ssl.SSLHandshakeException: Failed to parse server certificates"
        return Verdict(False, f"a certificate of the server cannot be read: {text}", log, False, [], [])
    leaf = presented[0]
    names_match, names = matches(leaf, host, limits.unicode_names), names_of(leaf)
    if not Cipher.of(cipher).signs_key_exchange and limits.refuses_suite("TLS_RSA_WITH_AES_128_GCM_SHA256"):
        reason = f"the server chose {cipher}, an RSA key exchange, which this Java has switched off"
        log = "javax.net.ssl.SSLHandshakeException: Received fatal alert: handshake_failure"
        return Verdict(False, reason, log, names_match, names, [], "tls_protocol")
    if anchors.failure:
        result = PathResult([], anchors.failure, anchors.log)
    else:
        trusted, _unreadable = read_certificates(anchors.certificates)
        result = find_path(presented, trusted, Cipher.of(cipher), moment, limits)
    warnings = _warnings(result.path, moment) if result.trusted else []
    if not Cipher.of(cipher).signs_key_exchange:
        warnings.append(f"The server chose {cipher}, an RSA key exchange: newer updates of Java refuse that.")
    return Verdict(result.trusted, result.reason, result.log, names_match, names, warnings)


def _warnings(path: t.Sequence[Certificate], now: datetime.datetime) -> list[str]:
    leaf, anchor = path[0], path[-1]
    found = []
    if not anchor.in_date(now):
        found.append(
            f"{anchor.subject_text} in the truststore is valid from {anchor.not_before:%Y-%m-%d} to "
            f"{anchor.not_after:%Y-%m-%d}: the JVM still accepts it, other mail clients do not."
        )
    if leaf is anchor and not leaf.self_issued:
        found.append(
            f"The truststore holds {leaf.subject_text} itself, not its authority: mail stops when it is renewed."
        )
    for certificate in path:
        if now <= certificate.not_after < now + _SOON:
            found.append(f"{certificate.subject_text} expires on {certificate.not_after:%Y-%m-%d}.")
        if certificate.key_family == "RSA" and certificate.key_size < 2048:
            bits = certificate.key_size
            found.append(f"{certificate.subject_text} has an RSA key of {bits} bits: 2048 are the least today.")
        if certificate is not anchor and certificate.hash_name == "sha1":
            found.append(f"{certificate.subject_text} has a SHA-1 signature, which newer JVMs may refuse.")
    return found
