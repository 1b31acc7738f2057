# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP over ``ansible.module_utils.urls``: base URLs, bodies within a deadline, and what a failed connection means."""

from __future__ import annotations

import socket
import ssl
import typing as t
import urllib.error
import urllib.parse

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline, DeadlineExceeded

# OpenSSL's verification results, X509_V_ERR_*.
_EXPIRED = (9, 10)
_SELF_SIGNED = (18, 19)
_OTHER_NAME = (62, 64)
_MAX_BODY = 1 << 20
_CHUNK = 1 << 16


class BadRequest(StashMailError):
    """The server refused what was sent (400) and has changed nothing."""


def check_url(url: str) -> str:
    """Return the base URL without a trailing slash, its context path kept, or raise :class:`StashMailError`."""
    example = "give Bitbucket's base URL, such as https://bitbucket.example.com or http://localhost:7990/bitbucket."
    try:
        parts = urllib.parse.urlsplit(url)
        valid = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise StashMailError(f"url is not a URL: {example}") from None
    if any(not "!" <= character <= "~" for character in url):
        raise StashMailError(f"url holds a space, a control character or a non-ASCII character: {example}")
    if "@" in parts.netloc:
        # Not echoed: it may hold a password.
        raise StashMailError("url holds user information: give it in url_username and url_password instead.")
    if parts.scheme not in ("http", "https") or not valid:
        raise StashMailError(f"url {url!r} is not an http or https URL: {example}")
    if parts.query or parts.fragment:
        raise StashMailError(f"url has a query or a fragment: {example}")
    path = parts.path.rstrip("/")
    if path.startswith("/rest") or "/rest/" in path + "/":
        raise StashMailError(f"url {url!r} reaches into the REST API: {example}")
    return f"{parts.scheme}://{parts.netloc}{path}"


def check_ca_path(path: str) -> None:
    """Raise :class:`StashMailError` where ``path`` is not a readable PEM file with certificates."""
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        # ssl.SSLError is an OSError too; its strerror names the parser's complaint.
        raise StashMailError(
            f"ca_path {path!r} is not a PEM file with certificates that this host can read ({error.strerror})."
        ) from None


def explain_network(error: BaseException, url: str, timeout: float) -> tuple[str, str]:
    """Return a code and a sentence with advice for what a request to ``url`` raised within ``timeout`` seconds."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    parts = urllib.parse.urlsplit(url)
    where = parts.hostname or url
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "tls_untrusted", f"{url}: the certificate of Bitbucket's HTTPS was not accepted: {_verification(reason)}"
    if isinstance(reason, (DeadlineExceeded, socket.timeout, TimeoutError)):
        return "timeout", (
            f"{url} did not answer within {timeout:g} seconds. Check that this host may reach port {port} of {where} "
            "(a firewall drops silently), or raise timeout."
        )
    if isinstance(reason, ssl.SSLError):
        return "tls_failed", (
            f"{url}: no TLS connection came about ({reason.reason or reason}). Where Bitbucket speaks plain HTTP "
            f"on port {port}, write http:// in url; otherwise compare the TLS versions of both sides."
        )
    if isinstance(reason, (socket.gaierror, UnicodeError)):
        why = reason.strerror if isinstance(reason, socket.gaierror) else "it is not a host name"
        return "unknown_host", f"{url}: the name {where} cannot be resolved ({why}). Check url and this host's DNS."
    if isinstance(reason, ConnectionRefusedError):
        return "connection_refused", (
            f"{url} refused the connection: nothing listens on port {port} of {where}. "
            "Start Bitbucket, or correct the host and port in url."
        )
    return "connection_failed", (
        f"{url}: the connection failed ({type(reason).__name__}: {reason}). Check url, also whether it is http or "
        "https that port speaks, and the way from this host to it."
    )


def _verification(error: ssl.SSLCertVerificationError) -> str:
    code = error.verify_code
    if code in _EXPIRED:
        return f"{error.verify_message}. Renew it; the clock of this host should be right too."
    if code in _OTHER_NAME:
        return f"{error.verify_message} Use in url a name that the certificate holds."
    kind = "it is self-signed or its CA is" if code in _SELF_SIGNED else "its issuer is"
    return (
        f"{error.verify_message}: {kind} unknown to this host. Give the CA's certificate, or the self-signed one, as a "
        "PEM file in ca_path; or set validate_certs to false, which gives the administrator's password to "
        "whoever answers."
    )


def read_body(response: t.Any, deadline: Deadline) -> bytes:
    """Read at most 1 MiB, in pieces, since the timeout of a socket is per read; what is longer is cut off."""
    pieces: list[bytes] = []
    size = 0
    while size < _MAX_BODY:
        deadline.remaining()
        piece = response.read1(_CHUNK) if hasattr(response, "read1") else response.read(_CHUNK)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)
