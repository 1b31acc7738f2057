# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Bitbucket of users only, that can be odder than the stand-in: each doubt about the product is a knob."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

CLASSES = "com.atlassian.bitbucket"


@dataclass
class Users:
    """What it has and does."""

    names: list[str] = field(default_factory=list)
    url: str = ""
    requests: list[str] = field(default_factory=list)
    created: Callable[[str], object] = lambda _name: None
    """Called with the name of a new user, such as to send a message."""
    permissions_status: int = 200
    create_status: int = 204
    """What is answered to a user that was created; 0: the connection ends without an answer."""
    refusal: tuple[int, str, str] | None = None
    """Status, message and exception of a user that was not created."""
    delete_statuses: list[int] = field(default_factory=list)
    """What is answered to each attempt to delete, the user staying where it is no success; 200 once used up."""
    keeps: bool = False
    """Whether a deleted user is still listed, as inactive."""
    lists_all: bool = False
    """Whether the filter counts for nothing."""


def _handler(users: Users) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, status: int, body: object = None) -> None:
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def fault(self, status: int, message: str, exception: str) -> None:
            error = {"context": None, "message": message, "exceptionName": f"{CLASSES}.{exception}"}
            self.answer(status, {"errors": [error]})

        def serve(self) -> None:
            path, _mark, query = self.path.partition("?")
            parameters = dict(urllib.parse.parse_qsl(query))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            users.requests.append(f"{self.command} {path}")
            if path.endswith("/application-properties"):
                self.answer(200, {"version": "9.4.2", "displayName": "Bitbucket"})
            elif path.endswith("/admin/permissions/users"):
                if users.permissions_status == 200:
                    self.answer(200, {"values": []})
                else:
                    self.fault(users.permissions_status, "You are not permitted", "AuthorisationException")
            elif path.endswith("/admin/users"):
                getattr(self, f"users_{self.command.lower()}")(parameters)
            else:
                self.answer(404)

        do_GET = do_POST = do_DELETE = serve

        def users_get(self, parameters: dict[str, str]) -> None:
            wanted = "" if users.lists_all else parameters.get("filter", "")
            found = [{"name": name, "active": not users.keeps} for name in users.names if wanted in name]
            self.answer(200, {"values": found, "isLastPage": True})

        def users_post(self, parameters: dict[str, str]) -> None:
            assert self.headers["X-Atlassian-Token"] == "no-check"
            assert (parameters["notify"], parameters["addToDefaultGroup"]) == ("true", "false")
            assert "password" not in parameters
            if users.refusal:
                self.fault(*users.refusal)
                return
            users.names.append(parameters["name"])
            users.created(parameters["name"])
            if users.create_status:
                self.answer(users.create_status)
            else:
                self.close_connection = True

        def users_delete(self, parameters: dict[str, str]) -> None:
            status = users.delete_statuses.pop(0) if users.delete_statuses else 200
            if status != 200:
                self.fault(status, "It went wrong", "SomeException")
                return
            if not users.keeps:
                users.names.remove(parameters["name"])
            self.answer(200, {"name": parameters["name"]})

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def serving(users: Users) -> Iterator[Users]:
    """Serve ``users`` on loopback; its URL is set."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(users))
    users.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield users
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
