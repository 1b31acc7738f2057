# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mail queue: one thread sends, a failure is logged and the message dropped, as in the product."""

from __future__ import annotations

import base64
import logging
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, Protocol

from .message import MailJob, welcome
from .settings import Settings
from .store import Account, Store

_LOG = logging.getLogger("standin.mail")
_ADVICE = "Please verify the mail server configuration and check the logs for details"


class Transport(Protocol):
    """Sends one message now."""

    def send(self, job: MailJob) -> str:
        """Return an empty text on success, otherwise the failure with its causes."""
        ...


class JvmTransport:
    """Hands messages to the JVM this process was started by, over the pipe between the two.

    A request is one line ``SEND key=base64 ...``, its answer one line ``OK`` or ``FAIL base64``. A line ``STOP``
    means that the JVM is to end and sends until this process does, the end of its stream that it is gone: ``on_end``
    is called for either.
    """

    def __init__(self, requests: BinaryIO, answers: BinaryIO, on_end: Callable[[], None]) -> None:
        self._requests = requests
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._gone = threading.Event()
        self._answers = answers
        self._on_end = on_end
        threading.Thread(target=self._read, name="jvm-answers", daemon=True).start()

    def _read(self) -> None:
        for line in self._answers:
            if line == b"STOP\n":
                self._on_end()
            else:
                self._lines.put(line)
        self._gone.set()
        self._lines.put(b"FAIL " + base64.b64encode(b"The JVM has ended.") + b"\n")
        self._on_end()

    def send(self, job: MailJob) -> str:
        if self._gone.is_set():
            return "The JVM has ended."
        fields: dict[str, str | bytes] = {
            "host": job.host,
            "port": str(job.port or -1),
            "protocol": job.protocol.lower(),
            "starttls": str(job.use_starttls).lower(),
            "required": str(job.require_starttls).lower(),
            "username": job.username,
            "password": job.password,
            "recipient": job.recipient,
            "connecttimeout": str(int(job.connect_timeout * 1000)),
            "timeout": str(int(job.read_timeout * 1000)),
            "message": job.message,
        }
        tokens = [f"{key}={_encode(value)}" for key, value in fields.items()]
        try:
            self._requests.write(f"SEND {' '.join(tokens)}\n".encode())
            self._requests.flush()
        except OSError as exception:
            return f"The JVM does not listen: {exception}"
        verdict, _, failure = self._lines.get().decode().strip().partition(" ")
        return "" if verdict == "OK" else base64.b64decode(failure).decode("utf-8", "replace")


def _encode(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


class Mailer:
    """Queues mails and sends them one after the other in a thread of its own."""

    def __init__(self, settings: Settings, store: Store, transport: Transport) -> None:
        self._settings = settings
        self._store = store
        self._transport = transport
        self._queue: queue.Queue[MailJob | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="mail-1", daemon=True)
        self._thread.start()

    def notify(self, account: Account) -> None:
        """Queue the mail with the password link for a new user; returns at once."""
        with self._store.reading() as data:
            config = dict(data.mail or {})
            # An assumption: what the product sends from while no address is set is not known.
            sender = data.sender or "noreply@localhost"
        job = MailJob(
            host=config.get("hostname", ""),
            port=config.get("port"),
            protocol=config.get("protocol", "SMTP"),
            use_starttls=config.get("useStartTls", False),
            require_starttls=config.get("requireStartTls", False),
            username=config.get("username") or "",
            password=config.get("password") or "",
            sender=sender,
            recipient=account.email,
            message=welcome(self._settings, sender, account),
            connect_timeout=self._settings.connect_timeout,
            read_timeout=self._settings.read_timeout,
        )
        if config.get("authType") == "OAUTH2":
            _log_failure(replace(job, password=""), "This stand-in cannot authenticate by OAuth 2.0.")
            return
        self._queue.put(job)

    def close(self, wait: float = 5.0) -> None:
        """Send what is queued, as long as none of it takes longer than ``wait`` seconds."""
        self._queue.put(None)
        left = self._queue.qsize() + 1
        while self._thread.is_alive() and self._queue.qsize() < left:
            left = self._queue.qsize()
            self._thread.join(wait)

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                failure = self._transport.send(job)
            except Exception:
                failure = traceback.format_exc()
            if failure:
                _log_failure(job, failure)


def _log_failure(job: MailJob, failure: str) -> None:
    _LOG.error("Mail sending failed. %s; recipient: %s\n%s", _ADVICE, job.recipient, failure.rstrip())


def take_pipe() -> tuple[BinaryIO, BinaryIO]:
    """The streams (requests, answers) shared with the JVM; print() goes to standard error from here on."""
    requests = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    answers = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return requests, answers
