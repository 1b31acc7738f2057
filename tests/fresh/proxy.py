# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP proxy on loopback that notes where it was asked to go."""

from __future__ import annotations

import http.client
import selectors
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

SECONDS = 60


class Proxy:
    """Context manager: serves at ``url`` inside the block; ``asked`` has the hosts that were asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                host, _, port = self.path.rpartition(":")
                asked.add(host)
                with socket.create_connection((host, int(port)), SECONDS) as there:
                    self.send_response(200)
                    self.end_headers()
                    relay(self.connection, there)
                self.close_connection = True

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                asked.add(parts.hostname or "")
                there = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=SECONDS)
                there.request("GET", parts.path, headers={"Host": parts.netloc})
                answer = there.getresponse()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    self.send_header(name, value)
                self.end_headers()
                while block := answer.read(1 << 16):
                    self.wfile.write(block)
                there.close()
                self.close_connection = True

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def relay(here: socket.socket, there: socket.socket) -> None:
    """Hand on what comes in from either side, until one ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(here, selectors.EVENT_READ, there)
        selector.register(there, selectors.EVENT_READ, here)
        while True:
            for key, _ in selector.select(SECONDS):
                assert isinstance(key.fileobj, socket.socket)
                block = key.fileobj.recv(1 << 16)
                if not block:
                    return
                key.data.sendall(block)
