# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS as the JVM speaks it, and the chain that the server presents.

The handshake here verifies nothing: it must come to an end for every server that the JVM could talk to, so that
``_verdict.judge`` can say what the JVM makes of the chain. Nothing secret may be sent before that verdict.
"""

from __future__ import annotations

import ipaddress
import ssl
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.connection import Connection
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import MailFailure
from ansible_collections.stashops.mail.plugins.module_utils._smtp.session import Session
from ansible_collections.stashops.mail.plugins.module_utils._x509.chain import PresentedChain

# What no JVM has (PSK, SRP, ARIA, Camellia, CCM) or has switched off (3DES, RC4, anonymous, NULL) is left out;
# RSA key exchange and small DH groups stay in, as in the JVM.
_CIPHERS = "DEFAULT:!aNULL:!eNULL:!PSK:!SRP:!ARIA:!CAMELLIA:!AESCCM:!SEED:!IDEA:!3DES:!RC4:@SECLEVEL=0"
_CERTIFICATE_MESSAGE = 11  # RFC 8446, HandshakeType
_DER = 2  # _ssl.ENCODING_DER


class Handshake(t.NamedTuple):
    """A finished handshake: protocol version and cipher in OpenSSL's names, and the chain."""

    version: str
    cipher: str
    chain: PresentedChain


def server_name(host: str) -> str | None:
    """Return the SNI that the JVM sends: none for IP addresses and for names without a dot."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        name = host.rstrip(".")
        return name if "." in name else None
    return None


def jvm_context() -> ssl.SSLContext:
    """Return a client context that offers what a JVM offers and verifies nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    return context


def start_tls(session: Session, context: ssl.SSLContext | None = None) -> Handshake:
    """Put TLS on the session's connection and return what came of it; raise ``MailFailure``.

    ``context`` is another than :func:`jvm_context`, to verify.
    """
    connection = session.connection
    context = context or jvm_context()
    seen = _watch_certificate_message(context)
    # To check a name, Python needs it where it would not go into the SNI.
    name = connection.host if context.check_hostname else server_name(connection.host)
    wrapped = connection.start_tls(context, name)
    cipher = wrapped.cipher()
    chain = PresentedChain(connection.host, connection.port, *_presented(wrapped, seen))
    if not chain.certificates:
        raise connection.failure("tls_protocol", f"{connection.host}:{connection.port} presented no certificate")
    handshake = Handshake(wrapped.version() or "", cipher[0] if cipher else "", chain)
    session.transcript.note(f"{handshake.version}, {handshake.cipher}")
    return handshake


def fetch_chain(host: str, port: int, security: str, deadline_seconds: float) -> PresentedChain:
    """Return the chain that a mail server presents, verifying nothing and sending nothing secret.

    ``security`` is ``smtps`` (TLS from the first byte) or one of the ``starttls_`` modes (STARTTLS after EHLO).
    Raises :class:`StashMailError` for another mode and ``MailFailure``, its kind, for what the server does.
    """
    if security not in ("smtps", "starttls_required", "starttls_optional"):
        raise StashMailError(f"security {security!r} has no certificate to fetch: use smtps or starttls_required.")
    session = Session(Connection(host, port, Deadline(deadline_seconds)))
    try:
        handshake = _shake_hands(session, security, jvm_context())
        if security == "smtps":
            session.read_banner()
        session.quit_quietly()
        return handshake.chain
    finally:
        session.close()


def try_context(
    host: str, port: int, security: str, context: ssl.SSLContext, deadline: Deadline
) -> ssl.SSLCertVerificationError | None:
    """Make a handshake that verifies as ``context`` says; return OpenSSL's error, None where it is content.

    Raises ``MailFailure`` for everything else that the server does.
    """
    session = Session(Connection(host, port, deadline))
    try:
        _shake_hands(session, security, context)
    except MailFailure as failure:
        if isinstance(failure.__cause__, ssl.SSLCertVerificationError):
            return failure.__cause__
        raise
    finally:
        session.close()
    return None


def _shake_hands(session: Session, security: str, context: ssl.SSLContext) -> Handshake:
    if security != "smtps":
        session.read_banner()
        session.hello()
        session.starttls()
    return start_tls(session, context)


def _watch_certificate_message(context: ssl.SSLContext) -> list[bytes]:
    """Have ``context`` note the server's Certificate message, where Python offers no better way (3.8 and 3.9)."""
    seen: list[bytes] = []

    def note(_connection: t.Any, direction: str, _version: t.Any, _content: t.Any, kind: t.Any, data: bytes) -> None:
        if direction == "read" and kind == _CERTIFICATE_MESSAGE and not seen:
            seen.append(data)

    if not hasattr(ssl.SSLSocket, "get_unverified_chain") and hasattr(context, "_msg_callback"):
        context._msg_callback = note
    return seen


def _presented(wrapped: ssl.SSLSocket, seen: list[bytes]) -> tuple[list[bytes], bool, str]:
    """The certificates, whether these are all, and how they were read."""
    public = getattr(wrapped, "get_unverified_chain", None)
    if public is not None:  # Python 3.13 and later
        return [_as_der(item) for item in public()], True, "ssl.SSLSocket.get_unverified_chain"
    private = getattr(getattr(wrapped, "_sslobj", None), "get_unverified_chain", None)
    if private is not None:  # Python 3.10 to 3.12
        return [_as_der(item) for item in private() or []], True, "ssl._sslobj.get_unverified_chain"
    leaf = wrapped.getpeercert(binary_form=True)
    certificates = parse_certificate_message(seen[0], wrapped.version() == "TLSv1.3") if seen else []
    if certificates and certificates[0] == leaf:  # Python 3.8 and 3.9
        return certificates, True, "the handshake's Certificate message"
    return [leaf] if leaf else [], False, "ssl.SSLSocket.getpeercert, the leaf only"


def _as_der(item: t.Any) -> bytes:
    return item if isinstance(item, bytes) else t.cast(bytes, item.public_bytes(_DER))


def parse_certificate_message(message: bytes, tls13: bool) -> list[bytes]:
    """Return the DER certificates of a handshake's Certificate message (RFC 5246 7.4.2, RFC 8446 4.4.2).

    ``message`` starts with the handshake header. Returns an empty list where the message is not well formed.
    """
    body = message[4:]
    if tls13:
        body = body[1 + body[0] :] if body else b""
    size, body = int.from_bytes(body[:3], "big"), body[3:]
    if size != len(body):
        return []
    certificates = []
    while body:
        end = 3 + int.from_bytes(body[:3], "big")
        if end > len(body):
            return []
        certificates.append(body[3:end])
        body = body[end:]
        if tls13:
            body = body[2 + int.from_bytes(body[:2], "big") :]
    return certificates
