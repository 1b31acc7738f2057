# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP connection to a mail server, TLS on top on demand: lines in, bytes out, all of it within one deadline.

What the network does to us becomes a :class:`MailFailure` with one of the codes of ``_net.outcome``. Memory is bounded:
a line longer than ``MAX_LINE`` is not read to its end.
"""

from __future__ import annotations

import contextlib
import socket
import ssl

from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import (
    Deadline,
    DeadlineExceeded,
    resolve_first,
)
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import MailFailure

MAX_LINE = 8192  # RFC 5321 wants 512; real servers with long greetings stay far below this
MAX_CUT = 65536
_CHUNK = 4096


class Connection:
    """A connected socket. ``step`` names what is going on, for the errors."""

    def __init__(self, host: str, port: int, deadline: Deadline) -> None:
        """Resolve ``host`` and connect to its first address; raise :class:`MailFailure`."""
        self.host = host
        self.port = port
        self.deadline = deadline
        self.step = "connect"
        self._buffer = b""
        self._socket = self._connect()

    def _connect(self) -> socket.socket:
        where = f"{self.host}:{self.port}"
        try:
            family, kind, protocol, _name, address = resolve_first(self.host, self.port, self.deadline)
        except DeadlineExceeded:
            raise self.failure("dns", f"the lookup of {self.host} did not end within {self._limit}") from None
        except OSError as error:
            raise self.failure("dns", f"{self.host} cannot be resolved: {error.strerror or error}") from None
        raw: socket.socket | None = None
        try:
            raw = socket.socket(family, kind, protocol)
            raw.settimeout(self.deadline.remaining())
            raw.connect(address)
        except (socket.timeout, DeadlineExceeded):
            _close(raw)
            raise self.failure("timeout", f"{where} ({address[0]}) did not accept within {self._limit}") from None
        except OSError as error:
            _close(raw)
            text = f"{where} ({address[0]}) cannot be reached: {error.strerror or error}"
            # A reset is what a listener does; nobody listening, or no way there, is another matter.
            raise self.failure("dropped" if isinstance(error, ConnectionResetError) else "refused", text) from None
        return raw

    @property
    def _limit(self) -> str:
        return f"{self.deadline.seconds:g} s"

    @property
    def local_address(self) -> str:
        """Return this end's IP address."""
        return str(self._socket.getsockname()[0])

    @property
    def tls(self) -> ssl.SSLSocket | None:
        """Return the TLS socket, or None while the connection is plaintext."""
        return self._socket if isinstance(self._socket, ssl.SSLSocket) else None

    def failure(self, code: str, detail: str, log: str | None = None) -> MailFailure:
        """Return (not raise) a failure that knows this server's host and port."""
        return MailFailure(code, detail, host=self.host, port=self.port, log=log)

    def _timed_out(self) -> MailFailure:
        return self.failure(
            "timeout", f"{self.host}:{self.port} was silent at {self.step} until the {self._limit} were over"
        )

    def read_line(self, most: int | None = None) -> bytes:
        """Return the next line without its end (CRLF, or a bare LF as some servers send).

        With ``most``, what a line has beyond so many bytes is left out, up to ``MAX_CUT``; otherwise a line too long is
        a failure.
        """
        searched = left_out = 0
        while True:
            end = self._buffer.find(b"\n", searched)
            if end >= 0:
                line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
                return (line[:-1] if line.endswith(b"\r") else line)[:most]
            if most is not None:
                left_out += len(self._buffer[most:])
                self._buffer = self._buffer[:most]
            searched = len(self._buffer)
            longest = MAX_LINE if most is None else MAX_CUT
            if searched + left_out > longest:
                raise self.failure("not_smtp", f"{self.host}:{self.port} sent a line of more than {longest} bytes")
            received = self._receive()
            if not received:
                raise self.failure("dropped", f"{self.host}:{self.port} closed the connection at {self.step}")
            self._buffer += received

    def read_exactly(self, size: int) -> bytes:
        """Return the next ``size`` bytes; the caller bounds ``size``."""
        while len(self._buffer) < size:
            received = self._receive()
            if not received:
                raise self.failure("dropped", f"{self.host}:{self.port} closed the connection at {self.step}")
            self._buffer += received
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _receive(self) -> bytes:
        try:
            self._socket.settimeout(self.deadline.remaining())
            return self._socket.recv(_CHUNK)
        except (socket.timeout, DeadlineExceeded):
            raise self._timed_out() from None
        except ssl.SSLEOFError:
            return b""
        except ssl.SSLError as error:
            raise self.failure("tls_protocol", f"TLS broke at {self.step}: {tls_reason(error)}") from None
        except OSError as error:
            raise self._broken(error) from None

    def _broken(self, error: OSError) -> MailFailure:
        return self.failure(
            "dropped", f"{self.host}:{self.port} broke the connection at {self.step}: {error.strerror or error}"
        )

    def send(self, data: bytes) -> None:
        """Send all of ``data``; raise :class:`MailFailure`."""
        view = memoryview(data)
        try:
            while view:
                self._socket.settimeout(self.deadline.remaining())
                view = view[self._socket.send(view) :]
        except (socket.timeout, DeadlineExceeded):
            raise self._timed_out() from None
        except ssl.SSLEOFError:
            raise self.failure("dropped", f"{self.host}:{self.port} closed the connection at {self.step}") from None
        except ssl.SSLError as error:
            raise self.failure("tls_protocol", f"TLS broke at {self.step}: {tls_reason(error)}") from None
        except OSError as error:
            raise self._broken(error) from None

    def early_bytes(self) -> bytes:
        """Return what the server has already sent beyond the last line read, without waiting for it or taking it."""
        if self._buffer:
            return self._buffer
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                # Only what TLS has decrypted already: a record in the kernel may be a session ticket.
                if not self._socket.pending():
                    return b""
                self._buffer = self._receive()
                return self._buffer
            self._socket.setblocking(False)
            return self._socket.recv(_CHUNK, socket.MSG_PEEK)
        except OSError:
            return b""

    def start_tls(self, context: ssl.SSLContext, server_name: str | None) -> ssl.SSLSocket:
        """Handshake on the connected socket; the plaintext buffer must be empty by then."""
        self.step = "the TLS handshake"
        try:
            wrapped = context.wrap_socket(self._socket, server_hostname=server_name, do_handshake_on_connect=False)
            self._socket = wrapped
            wrapped.settimeout(self.deadline.remaining())
            wrapped.do_handshake()
        except (socket.timeout, DeadlineExceeded):
            raise self._timed_out() from None
        except ssl.SSLEOFError:
            raise self.failure("dropped", f"{self.host}:{self.port} closed the connection at {self.step}") from None
        except ssl.SSLError as error:
            raise self._handshake_failure(error) from error
        except OSError as error:
            raise self._broken(error) from None
        return wrapped

    def _handshake_failure(self, error: ssl.SSLError) -> MailFailure:
        detail = f"the TLS handshake with {self.host}:{self.port} failed: {tls_reason(error)}"
        if (error.reason or "") in ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"):
            return self.failure(
                "tls_protocol",
                f"{self.host}:{self.port} does not answer in TLS",
                log=f"Could not connect to SMTP host: {self.host}, port: {self.port} <- "
                "javax.net.ssl.SSLException: Unsupported or unrecognized SSL message",
            )
        return self.failure("tls_protocol", detail)

    def close(self) -> None:
        """Close the socket; never raises."""
        _close(self._socket)


def _close(raw: socket.socket | None) -> None:
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.close()


def tls_reason(error: ssl.SSLError) -> str:
    """Return OpenSSL's reason in plain words, as in ``wrong version number``."""
    return (error.reason or error.strerror or str(error)).replace("_", " ").lower()
