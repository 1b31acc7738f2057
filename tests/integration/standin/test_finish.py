# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in that is stopped while it answers: what it has taken over, it has taken over."""

from __future__ import annotations

import http.client
import threading
from typing import cast

import pytest

from tests.standin.api import Api
from tests.standin.api_types import Request, Response
from tests.standin.httpd import Server
from tests.standin.runner import free_port
from tests.standin.settings import Settings


class SlowApi:
    """Answers ``/slow`` when it is told to."""

    def __init__(self) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()

    def handle(self, request: Request) -> Response:
        if request.path == "/slow":
            self.asked.set()
            self.go_on.wait(10)
        return Response(200, {"path": request.path})


def test_a_request_that_it_has_begun_with_is_answered() -> None:
    api, port = SlowApi(), free_port()
    with Server(Settings(port=port), cast(Api, api)) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        kept = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        kept.request("GET", "/quick")
        assert kept.getresponse().read() == b'{"path": "/quick"}'
        slow = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        slow.request("GET", "/slow")
        assert api.asked.wait(10)

        finishing = threading.Thread(target=server.finish)
        finishing.start()
        finishing.join(0.2)
        assert finishing.is_alive(), "it waits for the answer"
        api.go_on.set()
        finishing.join(10)
        assert not finishing.is_alive()
        assert slow.getresponse().read() == b'{"path": "/slow"}'
        kept.request("GET", "/quick")
        with pytest.raises(http.client.RemoteDisconnected):
            kept.getresponse()
