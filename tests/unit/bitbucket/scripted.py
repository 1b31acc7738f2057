# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server of the mail resources that can be odder than the stand-in: each doubt about the product is a knob."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

MAIL = "/rest/api/latest/admin/mail-server"
SENDER = f"{MAIL}/sender-address"
PROPERTIES = "/rest/api/latest/application-properties"
CANONICAL = (
    "hostname",
    "port",
    "protocol",
    "useStartTls",
    "requireStartTls",
    "username",
    "password",
    "senderAddress",
    "authType",
    "oauth2ProviderId",
    "tokenId",
)
STYLED = ("useStartTls", "requireStartTls", "senderAddress", "authType", "oauth2ProviderId", "tokenId")


def hyphenated(key: str) -> str:
    return re.sub(r"[A-Z]", lambda match: "-" + match.group().lower(), key)


def spell(key: str, style: str) -> str:
    return key if style == "camel" else hyphenated(key)


@dataclass
class Reply:
    """One raw answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, status: int, value: object) -> Reply:
        return cls(status, json.dumps(value).encode())

    @classmethod
    def error(cls, status: int, message: str, exception: str | None = None, context: str | None = None) -> Reply:
        entry = {"context": context, "message": message, "exceptionName": exception}
        return cls.json(status, {"errors": [entry]})


@dataclass
class Oddities:
    """What this instance does; the defaults are those of a plain 9.4."""

    version: str = "9.4.2"
    reads: tuple[str, ...] = ("camel",)
    """Spellings that PUT understands."""
    shows: str = "camel"
    """Spelling of GET."""
    shows_false: bool = True
    """Whether false and empty values are shown."""
    ignores: frozenset[str] = frozenset()
    """Fields that PUT takes and forgets."""
    hides: frozenset[str] = frozenset()
    """Fields that GET does not show."""
    keeps: frozenset[str] = frozenset()
    """Fields that stay as they were, whatever is given."""
    keeps_if_empty: frozenset[str] = frozenset()
    """Fields that an empty value leaves as they were."""
    refuses_unknown: bool = False
    """Whether a key in the other spelling is a 400."""
    smtps_drops_flags: bool = False
    sender_in_mail_server: bool = True
    delete_clears_sender: bool = False
    shown_password: str | None = None
    """What GET shows as the password; ``clear`` shows the real one."""
    known_fields: tuple[str, ...] = CANONICAL[:8]


class Scripted:
    """The instance's state and what it was asked."""

    def __init__(self, oddities: Oddities | None = None) -> None:
        self.odd = oddities or Oddities()
        self.mail: dict[str, Any] | None = None
        self.sender = ""
        self.requests: list[tuple[str, str, Any]] = []
        self.history: list[dict[str, Any]] = []
        """The mail settings after each PUT."""
        self.replies: dict[tuple[str, str], Reply | Callable[[], Reply]] = {}
        """Answers that take the place of the usual one, by method and path."""
        self.interruptions: dict[tuple[str, str], Callable[[], Reply | None]] = {}
        """As ``replies``, and the usual answer where it returns None."""
        self.url = ""

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _ in self.requests if method != "GET"]

    def answer(self, method: str, path: str, body: bytes) -> Reply:
        value = json.loads(body) if body else None
        self.requests.append((method, path, value))
        special = self.replies.get((method, path))
        if special is not None:
            return special() if callable(special) else special
        interruption = self.interruptions.get((method, path))
        interrupted = interruption() if interruption else None
        if interrupted is not None:
            return interrupted
        if path == "/status":
            return Reply.json(200, {"state": "RUNNING"})
        if path == PROPERTIES:
            return Reply.json(200, {"version": self.odd.version, "displayName": "Bitbucket", "buildNumber": "1"})
        if path == MAIL:
            return getattr(self, f"_{method.lower()}_mail")(value)  # type: ignore[no-any-return]
        if path == SENDER:
            return getattr(self, f"_{method.lower()}_sender")(value)  # type: ignore[no-any-return]
        return Reply.error(404, "no such resource")

    def _get_mail(self, _: object) -> Reply:
        if self.mail is None:
            return Reply.error(404, "not configured")
        shown = dict(self.mail)
        shown.pop("password", None)
        if self.odd.shown_password is not None and "password" in self.mail:
            shown["password"] = self.mail["password"] if self.odd.shown_password == "clear" else self.odd.shown_password
        if self.odd.sender_in_mail_server:
            shown["senderAddress"] = self.sender
        shown = {key: value for key, value in shown.items() if key not in self.odd.hides}
        if not self.odd.shows_false:
            shown = {key: value for key, value in shown.items() if value not in (False, "")}
        return Reply.json(200, {spell(key, self.odd.shows): value for key, value in shown.items()})

    def _put_mail(self, body: dict[str, Any]) -> Reply:
        known = {spell(key, style): key for style in self.odd.reads for key in self.odd.known_fields}
        if self.odd.refuses_unknown and not set(body) <= set(known):
            return Reply.error(400, f"unknown field {sorted(set(body) - set(known))[0]}")
        given = {known[key]: value for key, value in body.items() if key in known}
        old = self.mail or {}
        new: dict[str, Any] = {"protocol": "SMTP", "useStartTls": False, "requireStartTls": False}
        for key, value in given.items():
            if key in self.odd.ignores or key == "senderAddress":
                continue
            if key in self.odd.keeps:
                new[key] = old.get(key, "")
                continue
            new[key] = old.get(key, "") if key in self.odd.keeps_if_empty and not value else value
        if self.odd.smtps_drops_flags and new["protocol"] == "SMTPS":
            new["useStartTls"] = new["requireStartTls"] = False
        if "senderAddress" in given and "senderAddress" not in self.odd.ignores:
            self.sender = given["senderAddress"]
        self.mail = new
        self.history.append(dict(new))
        return self._get_mail(None)

    def _delete_mail(self, _: object) -> Reply:
        self.mail = None
        if self.odd.delete_clears_sender:
            self.sender = ""
        return Reply(204)

    def _get_sender(self, _: object) -> Reply:
        return Reply.json(200, self.sender) if self.sender else Reply.error(404, "no sender")

    def _put_sender(self, body: str) -> Reply:
        self.sender = body
        return Reply.json(200, body)

    def _delete_sender(self, _: object) -> Reply:
        self.sender = ""
        return Reply(204)


@contextmanager
def serving(scripted: Scripted) -> Iterator[Scripted]:
    """Serve on a loopback port until the end of the block."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            reply = scripted.answer(self.command, self.path, body)
            self.send_response(reply.status)
            if reply.body:
                self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_PUT = do_DELETE = respond

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scripted.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
    thread.start()
    try:
        yield scripted
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
