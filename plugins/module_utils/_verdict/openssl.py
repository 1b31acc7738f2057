# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenSSL's verdict, where no JVM can be asked: with the JVM's anchors, and no verdict where the two may differ."""

from __future__ import annotations

import contextlib
import ssl
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._verdict.reasons import Look
from ansible_collections.stashops.mail.plugins.module_utils._x509.certificate import (
    ANY_EXTENDED_USAGE,
    Certificate,
    read_certificates,
)

# ssl.VERIFY_X509_PARTIAL_CHAIN of Python 3.10: any anchor ends a chain, as for the JVM.
_PARTIAL_CHAIN = 0x80000
_ERRORS_OF_NAME = (62, 64)
_ERRORS_OF_DATE = (9, 10)
# Those by which OpenSSL refuses a chain that does lead to an anchor, and Java with it: out of date, no authority, too
# long a path, not for servers, not for signing certificates.
_COMMON_ERRORS = (*_ERRORS_OF_DATE, 24, 25, 26, 32)
# What current updates of Java 8 to 25 all take, and OpenSSL as well.
_HASHES = ("sha256", "sha384", "sha512")
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_LEAST_RSA = 2048
_UNUSUAL = {
    "2.5.29.33",  # policyMappings
    "2.5.29.36",  # policyConstraints
    "2.5.29.54",  # inhibitAnyPolicy
    "2.16.840.1.113730.1.1",  # Netscape certificate type
}
# Java takes ten by default, and 32 kB; more is unusual enough.
_MOST_CERTIFICATES, _MOST_BYTES = 8, 30000
_PATH_LENGTH = 25

# Makes a TLS connection to the server with this context, up to the end of the handshake; returns OpenSSL's error.
Handshake = t.Callable[[ssl.SSLContext], t.Optional[ssl.SSLCertVerificationError]]


class Opinion(t.NamedTuple):
    """What OpenSSL says; ``error`` is its own where it does not trust.

    ``trusted`` None: the JVM may say otherwise, and ``error`` why. ``names_match`` None: it did not come to that.
    """

    trusted: bool | None
    names_match: bool | None
    error: str


def judge(look: Look, context: t.Callable[[], ssl.SSLContext], handshake: Handshake) -> Opinion:
    """Return OpenSSL's opinion. ``context`` makes one that offers what the JVM offers."""
    anchors, _unreadable = read_certificates(look.anchors)
    names_match, error = None, handshake(_verifying(context(), anchors, with_name=True))
    if error is None:
        names_match = True
    elif error.verify_code in _ERRORS_OF_NAME:
        names_match, error = False, handshake(_verifying(context(), anchors, with_name=False))
    text = error.verify_message if error is not None else ""
    difference = _difference(look, error)
    if difference:
        said = f"does not trust it ({text})" if error is not None else "trusts it"
        return Opinion(None, names_match, f"OpenSSL {said}, but Java may not agree: {difference}")
    return Opinion(error is None, names_match, text)


def _verifying(context: ssl.SSLContext, anchors: t.Sequence[Certificate], with_name: bool) -> ssl.SSLContext:
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = with_name
    context.verify_flags = ssl.VerifyFlags(int(context.verify_flags) | _PARTIAL_CHAIN)
    for anchor in anchors:
        with contextlib.suppress(ssl.SSLError):  # one that OpenSSL does not read
            context.load_verify_locations(cadata=anchor.der)
    return context


def _difference(look: Look, error: ssl.SSLCertVerificationError | None) -> str:
    """Return in what Java is known to decide otherwise on such a chain, empty if in nothing."""
    if error is not None and look.leaf is not None and look.leaf is look.anchor:
        return "it trusts what is itself in its truststore unseen"
    of_date = error is not None and error.verify_code in _ERRORS_OF_DATE
    if of_date and look.anchor is not None and not look.anchor.in_date(look.now):
        return "it takes some authorities that are out of date"
    if look.problems or look.leaf is None:
        return "the certificates cannot all be read here"
    if len(look.presented) > _MOST_CERTIFICATES or sum(len(item.der) for item in look.presented) > _MOST_BYTES:
        return "it has a limit for the length of a chain"
    if error is not None and error.verify_code == _PATH_LENGTH and look.anchor and look.anchor.path_length is not None:
        return "it does not ask for the path length of an authority in its truststore"
    if look.leaf.key_usage is not None and "digital_signature" not in look.leaf.key_usage:
        return f"the key of {look.leaf.subject_text} is not for signatures"
    for below, above in zip(look.path, look.path[1:]):
        if below.issuer_der != above.subject_der:
            return f"the name of {above.subject_text} is written otherwise below it"
    if error is not None and look.anchor is not None and error.verify_code not in _COMMON_ERRORS:
        return f"the chain leads to {look.anchor.subject_text} in the truststore"
    if look.anchor is not None and look.anchor is not look.leaf and not look.anchor.is_ca:
        return f"{look.anchor.subject_text} in the truststore is no authority"
    return next(filter(None, (_unusual(item, look) for item in {*look.path, *look.presented})), "")


def _unusual(item: Certificate, look: Look) -> str:
    if item.error:
        return f"an extension of {item.subject_text} is malformed"
    if item.constraints is not None:
        return f"{item.subject_text} has name constraints"
    if item.unknown_critical or _UNUSUAL & item.extensions:
        return f"{item.subject_text} has unusual extensions"
    usual = (item.key_family == "RSA" and item.key_size >= _LEAST_RSA) or (
        item.key_family == "EC" and item.key.curve.name in _CURVES
    )
    if not usual:
        return f"the key of {item.subject_text} is of an unusual kind or size"
    if item is look.leaf and ANY_EXTENDED_USAGE in (item.extended_usage or ()):
        return f"{item.subject_text} is for any use"
    if item is not look.leaf and item.extended_usage is not None:
        return f"{item.subject_text} is an authority for some uses only"
    if (item is look.leaf or item is not look.anchor) and item.hash_name not in _HASHES:
        return f"the signature of {item.subject_text} is of an unusual kind"
    return ""
