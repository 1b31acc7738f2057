# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail servers that misbehave, each a script of what to say and what to wait for, on real sockets."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.mail_server import Certificate

EHLO = b"250-bad.example.com\r\n250-SIZE 1000000\r\n"


class Peer:
    """The server's end of one connection. What the client sent is kept in ``received``, decrypted."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        self._connection = connection
        self._context = context
        self._buffer = b""
        self.received: list[bytes] = []

    def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._connection.sendall(data)

    def line(self) -> bytes:
        """Return the client's next line."""
        while b"\n" not in self._buffer:
            data = self._connection.recv(4096)
            if not data:
                raise ConnectionError("the client has gone")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        self.received.append(line.strip())
        return self.received[-1]

    def skip(self) -> None:
        """Read a line, whatever it is."""
        self.line()

    def message(self) -> None:
        """Read a message up to its dot."""
        while self.line() != b".":
            pass

    def answer(self, *replies: bytes) -> None:
        """Read a command for each reply, and send that."""
        for reply in replies:
            self.line()
            self.say(reply)

    def greet(self, *extensions: bytes) -> None:
        """Banner and EHLO, offering ``extensions``."""
        self.say(b"220 bad.example.com ESMTP\r\n")
        self.hello(*extensions)

    def hello(self, *extensions: bytes) -> None:
        """Answer an EHLO, offering ``extensions``."""
        self.answer(EHLO + b"".join(b"250-" + e + b"\r\n" for e in extensions) + b"250 HELP\r\n")

    def anything(self) -> None:
        """Read some bytes, such as a TLS hello."""
        self._connection.recv(4096)

    def go(self) -> None:
        """The answer to STARTTLS."""
        self.say(b"220 go\r\n")

    def start_tls(self) -> None:
        """Handshake as the server."""
        assert self._context is not None
        self._connection = self._context.wrap_socket(self._connection, server_side=True)

    def reset(self) -> None:
        """Break the connection with a TCP RST."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def hang(self) -> None:
        """Stay silent until the client goes."""
        with contextlib.suppress(OSError):
            while self._connection.recv(4096):
                pass

    def drip(self, text: bytes, pause: float) -> None:
        """Send ``text`` over and over, a byte at a time."""
        while True:
            for byte in text:
                self.say(bytes([byte]))
                time.sleep(pause)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.close()


Script = Callable[[Peer], None]


class BadServer:
    """Serve ``script`` to every connection, a context manager. ``peers`` are the connections that there were."""

    def __init__(self, script: Script, certificate: Certificate | None = None) -> None:
        self._script = script
        self._context = _context(certificate) if certificate else None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._stopping = False
        self.port = int(self._socket.getsockname()[1])
        self.peers: list[Peer] = []

    @property
    def received(self) -> bytes:
        """All that clients sent, decrypted."""
        return b"\n".join(line for peer in self.peers for line in peer.received)

    def _accept(self) -> None:
        while not self._stopping:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            connection.settimeout(20)
            peer = Peer(connection, self._context)
            self.peers.append(peer)
            self._start(self._serve, peer)

    def _serve(self, peer: Peer) -> None:
        # The client going away is how most of these end.
        with contextlib.suppress(OSError, ValueError):
            self._script(peer)
        peer.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for peer in self.peers:
            peer.close()
        for thread in self._threads:
            thread.join(5)


def _context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        context.load_cert_chain(*certificate.write(Path(folder)))
    return context


# Before TLS


def silent(peer: Peer) -> None:
    peer.hang()


def closing(peer: Peer) -> None:
    peer.close()


def says(text: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.say(text)
        peer.hang()

    return script


def many_lines(count: int, peer: Peer) -> None:
    for _ in range(count):
        peer.say(b"220-" + b"x" * 60 + b"\r\n")
    peer.say(b"220 at last\r\n")
    peer.hang()


def endless_line(peer: Peer) -> None:
    peer.say(b"220 ")
    while True:
        peer.say(b"x" * 65536)


def endless_banner(peer: Peer) -> None:
    while True:
        peer.say(b"220-" + b"x" * 60 + b"\r\n")


def then(text: bytes) -> Callable[[Peer], None]:
    """A step that sends ``text``."""
    return lambda peer: peer.say(text)


def steps(*actions: Callable[[Peer], None]) -> Script:
    """One after the other."""

    def script(peer: Peer) -> None:
        for action in actions:
            action(peer)

    return script


def polite(peer: Peer, end: bytes = b"\r\n", text: bytes = b"ok") -> None:
    """Take whatever comes, every answer with ``text`` and ended by ``end``."""
    while True:
        verb = peer.line().upper().partition(b" ")[0]
        peer.say({b"DATA": b"354 ", b"QUIT": b"221 "}.get(verb, b"250 ") + text + end)
        if verb == b"DATA":
            peer.message()
            peer.say(b"250 " + text + end)


def old_server(peer: Peer) -> None:
    peer.say(b"220 old\r\n")
    peer.answer(b"502 5.5.2 not implemented\r\n")
    polite(peer)


def bare_line_feeds(peer: Peer) -> None:
    peer.say(b"220 unix\n")
    peer.answer(b"250-unix\n250 HELP\n")
    polite(peer, end=b"\n")


def odd_bytes(peer: Peer) -> None:
    peer.say(b"220 \xff\x00\xfe caf\xc3\xa9\r\n")
    peer.answer(b"250-\xff\x00\r\n250 \xff\r\n")
    polite(peer, text=b"\x00\xff")


def endless_ehlo(peer: Peer) -> None:
    peer.say(b"220 hello\r\n")
    peer.line()
    while True:
        peer.say(b"250-MORE\r\n")


def dripping_ehlo(peer: Peer) -> None:
    peer.say(b"220 hello\r\n")
    peer.line()
    peer.drip(b"250-DRIP\r\n", 0.1)


def early_reply(peer: Peer) -> None:
    peer.say(b"220 hello\r\n250 ready before you ask\r\n")
    peer.hello()
    peer.answer(b"250 ok\r\n", b"554 no such user\r\n", b"250 ok\r\n")
    peer.hang()


# STARTTLS


def starttls(*actions: Callable[[Peer], None]) -> Script:
    """Offer STARTTLS, read the command, then do ``actions``."""
    return steps(lambda peer: peer.greet(b"STARTTLS", b"AUTH LOGIN PLAIN"), Peer.skip, *actions, Peer.hang)


def stripped(peer: Peer) -> None:
    peer.greet(b"AUTH LOGIN PLAIN")
    peer.answer(b"235 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"221 bye\r\n")


def tls_then(*actions: Callable[[Peer], None]) -> Script:
    """STARTTLS done well, then ``actions``."""
    return starttls(Peer.go, Peer.start_tls, *actions)


def offers_auth(peer: Peer) -> None:
    peer.hello(b"AUTH LOGIN PLAIN")


def refuses_password(peer: Peer) -> None:
    peer.answer(b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", b"535 5.7.8 no\r\n")


# AUTH and the envelope, in plaintext


def after_ehlo(*replies: bytes, auth: bytes = b"AUTH LOGIN PLAIN", end: Callable[[Peer], None] = Peer.hang) -> Script:
    """EHLO, then a reply for each command."""

    def script(peer: Peer) -> None:
        peer.greet(auth)
        peer.answer(*replies)
        end(peer)

    return script


def endless_challenges(peer: Peer) -> None:
    peer.greet(b"AUTH LOGIN")
    while True:
        peer.line()
        peer.say(b"334 bW9yZQ==\r\n")


def echoing(peer: Peer) -> None:
    """Refuses the password in the password's own words."""
    peer.greet(b"AUTH PLAIN")
    peer.say(b"535 you sent " + peer.line() + b"\r\n")
    peer.hang()


def echoing_later(peer: Peer) -> None:
    """Takes the password, and gives it away in the next answer."""
    peer.greet(b"AUTH PLAIN")
    sent = peer.line()
    peer.say(b"235 ok\r\n")
    peer.answer(b"550 you are " + sent + b"\r\n")
    peer.hang()


# The message


def message(*actions: Callable[[Peer], None]) -> Script:
    """All goes well up to DATA; then ``actions``. Who wants no message sent gets a polite end."""

    def begin(peer: Peer) -> None:
        peer.greet()
        peer.answer(b"250 ok\r\n", b"250 ok\r\n")
        if peer.line().upper() != b"DATA":
            peer.say(b"250 ok\r\n")
            polite(peer)
        peer.say(b"354 go on\r\n")

    return steps(begin, *actions, Peer.hang)
