# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP within one deadline: base URLs, one request and its response, and what a failed connection means.

A timeout of the usual clients is one for each read, so that a server which drips a byte a second keeps them for ever.
Here every lookup, connect, handshake, read and write gets what is left of one deadline over the whole request. The
parser of the response is the standard library's; what is read is bounded.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import io
import json
import re
import socket
import ssl
import typing as t
import urllib.parse
import urllib.request
import zlib

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline, DeadlineExceeded, resolve

# OpenSSL's verification results, X509_V_ERR_*.
_EXPIRED = (9, 10)
_SELF_SIGNED = (18, 19)
_OTHER_NAME = (62, 64)
_MAX_BODY = 1 << 20
_CHUNK = 1 << 16
_MAX_INTERIM = 20
_MAX_DEPTH = 50
_MAX_DIGITS = 20
_HALF_A_PAIR = re.compile("[\ud800-\udfff]")
# What :meth:`Http.request` raises, for :func:`explain_network`.
FAILURES = (OSError, ValueError, http.client.HTTPException, zlib.error, DeadlineExceeded)


class Response(t.NamedTuple):
    """One HTTP response, whatever its status."""

    status: int
    content_type: str
    location: str
    body: bytes
    retry_after: str = ""

    def json(self) -> t.Any:
        """Return the body's JSON value, or None where it is empty or something else."""
        try:
            return _plain(json.loads(self.body.decode("utf-8"), parse_int=_number))
        except (ValueError, RecursionError):
            return None

    def errors(self) -> list[dict[str, t.Any]]:
        """Return the entries of the product's error body; an empty list where it is none."""
        body = self.json()
        entries = body.get("errors") if isinstance(body, dict) else None
        return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _number(digits: str) -> float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _plain(value: t.Any, depth: int = 0) -> t.Any:
    """Return a JSON value without halves of surrogate pairs, which could not be written anywhere."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return _HALF_A_PAIR.sub("\ufffd", value)
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_plain(key, depth + 1): _plain(item, depth + 1) for key, item in value.items()}
    return value


class BadRequest(StashMailError):
    """The server refused what was sent (400) and has changed nothing."""


def check_url(url: str, option: str = "url") -> str:
    """Return the base URL without a trailing slash, its context path kept; raise :class:`StashMailError` otherwise."""
    example = "give Bitbucket's base URL, such as https://bitbucket.example.com or http://localhost:7990/bitbucket."
    try:
        parts = urllib.parse.urlsplit(url)
        valid = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise StashMailError(f"{option} is not a URL: {example}") from None
    if any(not "!" <= character <= "~" for character in url):
        raise StashMailError(f"{option} holds a space, a control character or a non-ASCII character: {example}")
    if "@" in parts.netloc:
        # Not echoed: it may hold a password.
        raise StashMailError(
            f"{option} holds user information: give name and password in options of their own instead."
        )
    if parts.scheme not in ("http", "https") or not valid:
        raise StashMailError(f"{option} {url!r} is not an http or https URL: {example}")
    if parts.query or parts.fragment:
        raise StashMailError(f"{option} has a query or a fragment: {example}")
    path = parts.path.rstrip("/")
    if path.startswith("/rest") or "/rest/" in path + "/":
        raise StashMailError(f"{option} {url!r} reaches into the REST API: {example}")
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


def explain_network(reason: BaseException, url: str, timeout: float) -> tuple[str, str]:
    """Return a code and a sentence with advice for what a request to ``url`` raised within ``timeout`` seconds."""
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


class Http:
    """Requests to one base URL, a connection each. Redirects are not followed.

    :param url: as :func:`check_url` returns it.
    :param ca_path: PEM file that replaces the system's CAs.
    :param use_proxy: whether the proxies in the environment are used.
    :raises StashMailError: where ``ca_path`` or the environment's proxy is of no use.
    """

    def __init__(
        self, url: str, *, validate_certs: bool = True, ca_path: str | None = None, use_proxy: bool = False
    ) -> None:
        self.url = url
        parts = urllib.parse.urlsplit(url)
        self._netloc, self._path = parts.netloc, parts.path
        self._host = parts.hostname or ""
        self._tls: ssl.SSLContext | None = None
        if parts.scheme == "https":
            if ca_path:
                check_ca_path(ca_path)
            # Made once, since reading all the CAs of a system takes a while.
            self._tls = ssl.create_default_context(cafile=ca_path or None)
            if not validate_certs:
                self._tls.check_hostname = False
                self._tls.verify_mode = ssl.CERT_NONE
        self._port = parts.port or (443 if self._tls else 80)
        self._proxy = _proxy(parts.scheme, self._netloc) if use_proxy else None

    def request(
        self,
        method: str,
        path: str,
        deadline: Deadline,
        *,
        body: bytes | None = None,
        headers: t.Mapping[str, str] | None = None,
    ) -> Response:
        """Return the response to one request; raise one of :data:`FAILURES`."""
        lines = {
            "Host": self._netloc,
            "User-Agent": "stash_mail",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
            **(headers or {}),
        }
        if body is not None:
            lines.update({"Content-Type": "application/json", "Content-Length": str(len(body))})
        target = f"{self._path}{path}"
        stream = _Stream(deadline)
        try:
            if self._proxy is None:
                stream.connect(self._host, self._port)
            else:
                stream.connect(self._proxy.host, self._proxy.port)
                if self._tls:
                    self._open_tunnel(stream)
                else:
                    target = f"http://{self._netloc}{target}"
                    lines.update(self._proxy.headers)
            if self._tls:
                stream.start_tls(self._tls, self._host)
            stream.send(_head(f"{method} {target} HTTP/1.1", lines) + (body or b""))
            return _read_response(stream, method, deadline)
        finally:
            stream.close()

    def _open_tunnel(self, stream: _Stream) -> None:
        where = f"{self._host if ':' not in self._host else f'[{self._host}]'}:{self._port}"
        headers = {"Host": where, **(self._proxy.headers if self._proxy else {})}
        stream.send(_head(f"CONNECT {where} HTTP/1.1", headers))
        status = stream.response("CONNECT").status
        if not 200 <= status < 300:
            raise OSError(f"the proxy refused the way to {where} (HTTP {status})")
        stream.forget()


class _Proxy(t.NamedTuple):
    host: str
    port: int
    headers: dict[str, str]


def _proxy(scheme: str, netloc: str) -> _Proxy | None:
    """Return the proxy that the environment names for this URL."""
    named = urllib.request.getproxies().get(scheme)
    if not named or urllib.request.proxy_bypass(netloc):
        return None
    with contextlib.suppress(ValueError):
        parts = urllib.parse.urlsplit(named if "://" in named else f"http://{named}")
        if parts.scheme == "http" and parts.hostname:
            headers = {}
            if parts.username is not None:
                login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
                headers["Proxy-Authorization"] = basic(login)
            return _Proxy(parts.hostname, parts.port or 80, headers)
    # Not echoed: it may hold a password.
    raise StashMailError(f"The environment's {scheme}_proxy is not the URL of an HTTP proxy, as http://host:port.")


def basic(login: str) -> str:
    """Return ``name:password`` as the value of an Authorization header."""
    return "Basic " + base64.b64encode(login.encode("utf-8", "surrogatepass")).decode("ascii")


def _head(first: str, headers: t.Mapping[str, str]) -> bytes:
    lines = [first, *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


class _Stream(io.RawIOBase):
    """A socket whose every operation gets what is left of the deadline; in the form that ``http.client`` reads."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline
        self._socket: socket.socket | None = None
        self._reader: io.BufferedReader | None = None

    def _live(self) -> socket.socket:
        if self._socket is None:
            raise OSError("the connection is closed")
        self._socket.settimeout(self._deadline.remaining())
        return self._socket

    def connect(self, host: str, port: int) -> None:
        """Connect to the first address of ``host`` that answers."""
        addresses = resolve(host, port, self._deadline)
        for number, (family, kind, protocol, _name, address) in enumerate(addresses):
            raw = None
            try:
                raw = socket.socket(family, kind, protocol)
                # A share of the time for each, so that one that is silent leaves some for the next.
                raw.settimeout(self._deadline.remaining() / (len(addresses) - number))
                raw.connect(address)
            except (OSError, DeadlineExceeded):
                if raw is not None:
                    raw.close()
                if number + 1 == len(addresses):
                    raise
            else:
                self._socket = raw
                return

    def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Handshake, and check the certificate as ``context`` says."""
        wrapped = context.wrap_socket(self._live(), server_hostname=name, do_handshake_on_connect=False)
        self._socket = wrapped
        self._live()
        wrapped.do_handshake()

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        view = memoryview(data)
        while view:
            view = view[self._live().send(view) :]

    def response(self, method: str) -> http.client.HTTPResponse:
        """Return the next final response, its body not yet read."""
        for _number in range(_MAX_INTERIM):
            found = http.client.HTTPResponse(t.cast(t.Any, self), method=method)
            found.begin()
            # Early hints (103) and the like are followed by what counts.
            if found.status == 101 or not 100 <= found.status < 200:
                return found
        raise http.client.HTTPException(f"more than {_MAX_INTERIM} interim responses (1xx) and no final one")

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the one reader, which ``http.client`` may close: what is buffered belongs to the next response."""
        if self._reader is None:
            self._reader = _Reader(self, _CHUNK)
        return self._reader

    def forget(self) -> None:
        """Begin with an empty buffer: what comes from now on is another conversation."""
        self._reader = None

    def readable(self) -> bool:
        """Return that one may read."""
        return True

    def readinto(self, buffer: t.Any) -> int:
        """Read what is there, at least a byte; 0 at the end."""
        return self._live().recv_into(buffer)

    def close(self) -> None:
        """Close the socket; never raises."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None


class _Reader(io.BufferedReader):
    def close(self) -> None:
        """Do nothing: the stream is closed by whoever opened it."""


def _read_response(stream: _Stream, method: str, deadline: Deadline) -> Response:
    found = stream.response(method)
    pieces: list[bytes] = []
    size = 0
    while size < _MAX_BODY:
        deadline.remaining()
        piece = found.read1(_CHUNK)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    else:
        raise http.client.HTTPException(f"the response is longer than {_MAX_BODY} bytes")
    if found.length:
        raise http.client.HTTPException(f"the response ended {found.length} bytes early")
    body = b"".join(pieces)
    encoding = (found.headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding in ("gzip", "x-gzip", "deflate"):
        # Of no server that was asked for identity, but of a proxy. What is packed may be very much longer.
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
        body = unpacker.decompress(body, _MAX_BODY)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise http.client.HTTPException("the compressed response is too long or ends early")
    return Response(
        found.status,
        (found.headers.get("Content-Type") or "").lower(),
        found.headers.get("Location") or "",
        body,
        (found.headers.get("Retry-After") or "").strip(),
    )
