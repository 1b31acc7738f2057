# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The REST API over HTTP or HTTPS."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from .api import Api
from .api_types import NOTHING, Fault, Request, Response, error
from .settings import Settings

_LOG = logging.getLogger("standin.http")
_MAX_BODY = 1 << 20


class Server(ThreadingHTTPServer):
    """Serves one :class:`Api` until :meth:`finish`; ``serve_forever`` is the caller's."""

    daemon_threads = True
    # How long what is being answered may take once it is to end.
    finish_seconds = 10.0

    def __init__(self, settings: Settings, api: Api) -> None:
        self.api = api
        self.context_path = settings.context_path
        self._answering = 0
        self._is_finished = False
        self._changed = threading.Condition()
        self._tls: ssl.SSLContext | None = None
        if settings.tls_certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(settings.tls_certificate, settings.tls_key)
        if ":" in settings.bind:
            self.address_family = socket.AF_INET6
        super().__init__((settings.bind, settings.port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake is left to the request's own thread: a silent client must not block the others.
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def begin(self) -> bool:
        """Whether there is still an answer for a request; :meth:`end` follows it."""
        with self._changed:
            self._answering += not self._is_finished
            return not self._is_finished

    def end(self) -> None:
        with self._changed:
            self._answering -= 1
            self._changed.notify_all()

    def finish(self) -> None:
        """Take no more requests, and answer those that it has begun with: what they queue is queued then."""
        self.shutdown()
        with self._changed:
            self._changed.wait_for(lambda: not self._answering, self.finish_seconds)
            self._is_finished = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        _LOG.warning("request from %s failed", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "standin"
    sys_version = ""
    timeout = 30
    disable_nagle_algorithm = True
    server: Server

    def _answer(self) -> None:
        if not self.server.begin():
            self.close_connection = True
            return
        try:
            self._send(self._respond())
        finally:
            self.server.end()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _answer

    def _respond(self) -> Response:
        path, _, query = self.path.partition("?")
        prefix = self.server.context_path
        # The body is read first: left unread, it would be taken for the next request.
        try:
            body = self._body()
        except Fault as fault:
            self.close_connection = True
            return fault.response
        if prefix and not path.startswith(f"{prefix}/"):
            return Response(404, {"errors": [error(None, "There is nothing here.", None)]})
        request = Request(
            self.command,
            path.removeprefix(prefix),
            dict(parse_qsl(query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            body,
        )
        try:
            return self.server.api.handle(request)
        except Exception:
            _LOG.exception("%s %s failed", request.method, request.path)
            return Response(500, {"errors": [error(None, "An error occurred while processing the request.", None)]})

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            raise Fault(411, [error(None, "A Content-Length is required.", None)])
        if int(length) > _MAX_BODY:
            raise Fault(413, [error(None, "The request body is too large.", None)])
        return self.rfile.read(int(length))

    def _send(self, response: Response) -> None:
        body = b"" if response.body is NOTHING else json.dumps(response.body).encode()
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.body is not NOTHING:
            self.send_header("Content-Type", "application/json;charset=UTF-8")
        if response.status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        # The query may carry a new user's password, so only the path is logged.
        _LOG.info("%s %s", self.command or "-", getattr(self, "path", "").partition("?")[0])
