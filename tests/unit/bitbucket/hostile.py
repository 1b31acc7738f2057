# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP servers on loopback that send whatever bytes a test wants, for as long as somebody listens."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

Answer = Callable[[bytes], Iterable[bytes]]


@contextmanager
def hostile(answer: Answer, pause: float = 0.0) -> Iterator[tuple[str, list[bytes]]]:
    """Serve what ``answer`` makes of each request, ``pause`` seconds between its pieces; yields URL and requests."""
    requests: list[bytes] = []
    ended = threading.Event()
    threads: list[threading.Thread] = []

    def converse(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(10)
            request = b""
            while b"\r\n\r\n" not in request:
                piece = connection.recv(65536)
                if not piece:
                    return
                request += piece
            requests.append(request)
            for piece in answer(request):
                connection.sendall(piece)
                if ended.wait(pause):
                    return

    def serve() -> None:
        while not ended.is_set():
            with suppress(OSError):
                connection, _peer = listener.accept()
                threads.append(threading.Thread(target=converse, args=[connection], daemon=True))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
        finally:
            ended.set()
            for thread in [server, *threads]:
                thread.join(15)


def reply(body: object, status: str = "200 OK", *headers: str) -> bytes:
    """One whole response with a JSON body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

# Each would go on for ever.
ENDLESS: dict[str, Answer] = {
    "a dripped status line": lambda _: itertools.chain([b"HTTP/1.1 2"], itertools.repeat(b"0")),
    "a dripped header": lambda _: itertools.chain([HEAD, b"X-Long: "], itertools.repeat(b"a")),
    "header after header": lambda _: itertools.chain([HEAD], itertools.repeat(b"X-A: b\r\n")),
    "a dripped body": lambda _: itertools.chain([HEAD + b"Content-Length: 900000\r\n\r\n"], itertools.repeat(b" ")),
    "a dripped chunk size": lambda _: itertools.chain([CHUNKED], itertools.repeat(b"0")),
    "chunk after chunk": lambda _: itertools.chain([CHUNKED], itertools.repeat(b"1\r\n \r\n")),
    "trailer after trailer": lambda _: itertools.chain([CHUNKED + b"0\r\n"], itertools.repeat(b"X-T: 1\r\n")),
    "a flood of 100": lambda _: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a flood of 103": lambda _: itertools.repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "nothing": lambda _: itertools.repeat(b""),
}
