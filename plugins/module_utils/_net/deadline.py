# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""One deadline over everything that a module does on the network.

A timeout per read is not enough: a server that drips one byte a second keeps such a client for ever. So every read,
write, connect and lookup gets what is left of one overall deadline, never more.
"""

from __future__ import annotations

import socket
import threading
import time
import typing as t

Address = t.Tuple[int, int, int, str, t.Tuple[t.Any, ...]]


class DeadlineExceeded(Exception):
    """The overall deadline has passed."""


class Deadline:
    """A point in time, ``seconds`` (more than 0) from now, on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._started = time.monotonic()

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._started

    def remaining(self) -> float:
        """Return the seconds left, always more than 0; raise :class:`DeadlineExceeded` when there are none."""
        left = self.seconds - self.elapsed()
        if left <= 0:
            raise DeadlineExceeded
        return left

    def at_most(self, seconds: float) -> Deadline:
        """Return a new deadline in ``seconds``, or at this one where that is earlier."""
        return Deadline(min(seconds, max(self.seconds - self.elapsed(), 0.0)))

    def sleep(self, seconds: float) -> None:
        """Sleep ``seconds``, or what is left of the deadline where that is less."""
        time.sleep(min(seconds, self.remaining()))


def resolve_first(host: str, port: int, deadline: Deadline) -> Address:
    """Return the address of ``host`` that JavaMail connects to: the first of IPv4, or of IPv6 where there is no other.

    Java puts IPv4 first whatever order the system gives (java.net.preferIPv6Addresses is false by default).
    Raises as :func:`resolve`.
    """
    return min(resolve(host, port, deadline), key=lambda address: address[0] != socket.AF_INET)


def resolve(host: str, port: int, deadline: Deadline) -> list[Address]:
    """Return all the addresses of ``host``, at least one, in the system's order.

    Raises ``OSError`` (``gaierror`` among it) as the lookup does, and :class:`DeadlineExceeded`.
    """
    found: list[Address] = []
    failed: list[Exception] = []

    def look_up() -> None:
        try:
            found.extend(t.cast("list[Address]", socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    # getaddrinfo cannot be interrupted: it is left behind in a daemon thread once the time is up.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(deadline.remaining())
    if failed:
        raise failed[0] if isinstance(failed[0], OSError) else socket.gaierror(socket.EAI_NONAME, str(failed[0]))
    if found:
        return found
    if thread.is_alive():
        raise DeadlineExceeded
    raise socket.gaierror(socket.EAI_NONAME, "the lookup gave no address")
