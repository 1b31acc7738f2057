# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stream of notifications of Bitbucket's own, run inside a container of the lab until its standard input ends.

Its first line is a JSON object with `nodes` (name: URL), `username`, `password`, `recipient`, `prefix` and `interval`
(seconds). Each interval a new user is made, whom Bitbucket sends a message: by the nodes in turn, or by the next one
where one is not up, as behind a load balancer. A node that the role's tasks have taken out (the file
/run/drained-<host name>) gets none. Meanwhile all nodes are asked whether they are RUNNING.

Standard output gets the line `started` and at the end a JSON object: `sent` (a list of name, node and time of each
message that Bitbucket has taken over), `unavailable` (how often a node was asked that was not there), `seconds`, `down`
(seconds that each node was not RUNNING) and `none` (seconds that none was). Times are seconds since the epoch.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import os
import socket
import sys
import threading
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

HEALTH_INTERVAL = 0.2
TIMEOUT = 10.0
# How soon a message that no node has taken is tried again.
PAUSE = 0.05


def address(url: str) -> str:
    """IP address and port, looked up once: the network's name service may pause, which is no node that is down."""
    parts = urlsplit(url)
    return f"{socket.gethostbyname(parts.hostname or '')}:{parts.port}"


def call(address: str, method: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Status and body; OSError or HTTPException where there is no answer."""
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


class Stream:
    """What is asked for, and what has happened so far."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.nodes = {name: address(url) for name, url in asked["nodes"].items()}
        account = f"{asked['username']}:{asked['password']}".encode()
        authorization = "Basic " + base64.b64encode(account).decode()
        self.headers = {"Authorization": authorization, "Content-Type": "application/json"}
        self.stopping = threading.Event()
        self.sent: list[dict[str, Any]] = []
        self.unavailable = 0
        self.down = dict.fromkeys(self.nodes, 0.0)
        self.none = 0.0

    def is_running(self, node: str) -> bool:
        try:
            status, body = call(self.nodes[node], "GET", "/status", {})
            return status == 200 and json.loads(body)["state"] == "RUNNING"
        except (OSError, http.client.HTTPException, ValueError):
            return False

    def watch(self) -> None:
        """Add up the time of each node, by whether it was RUNNING at the time's end."""
        before = time.monotonic()
        while not self.stopping.wait(HEALTH_INTERVAL):
            down = [node for node in self.nodes if not self.is_running(node)]
            now = time.monotonic()
            for node in down:
                self.down[node] += now - before
            if len(down) == len(self.nodes):
                self.none += now - before
            before = now

    def try_to_send(self, name: str, node: str) -> bool:
        """Whether Bitbucket has taken it over. RuntimeError where it answers otherwise than a node that is going."""
        query = {"name": name, "displayName": name, "emailAddress": self.asked["recipient"]}
        path = "/rest/api/latest/admin/users?" + urlencode({**query, "notify": "true", "addToDefaultGroup": "false"})
        try:
            status, body = call(self.nodes[node], "POST", path, self.headers)
        except (OSError, http.client.HTTPException):
            status, body = 503, b""
        # 409: the node that has taken it over was gone before it could answer. Whether it arrives will be seen.
        if status in (204, 409):
            self.sent.append({"name": name, "node": node, "time": time.time()})
            return True
        if status not in (502, 503):
            raise RuntimeError(f"{node} answered {status}: {body.decode('utf-8', 'replace')}")
        self.unavailable += 1
        return False

    def send(self, number: int) -> None:
        """By the first node that takes it, whose turn it is first; where none does, until one does or the end."""
        names = list(self.nodes)
        turn = number % len(names)
        while not self.stopping.is_set():
            for node in names[turn:] + names[:turn]:
                if not os.path.exists(f"/run/drained-{node}") and self.try_to_send(
                    f"{self.asked['prefix']}-{number}", node
                ):
                    return
            time.sleep(PAUSE)

    def run(self) -> dict[str, Any]:
        began = time.monotonic()
        watch = threading.Thread(target=self.watch)
        watch.start()
        try:
            for number in itertools.count():
                self.send(number)
                if self.stopping.wait(max(0.0, began + (number + 1) * self.asked["interval"] - time.monotonic())):
                    break
        finally:
            self.stopping.set()
            watch.join()
        seconds = time.monotonic() - began
        return {
            "sent": self.sent,
            "unavailable": self.unavailable,
            "seconds": seconds,
            "down": self.down,
            "none": self.none,
        }


def main() -> None:
    stream = Stream(json.loads(sys.stdin.readline()))

    def wait_for_the_end() -> None:
        sys.stdin.read()
        stream.stopping.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    print("started", flush=True)
    print(json.dumps(stream.run()))


if __name__ == "__main__":
    main()
