# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of Bitbucket's REST API, run inside its container.

Each line of standard input is a JSON object, and the answer to it on standard output is another.
"""

from __future__ import annotations

import base64
import json
import sys
import urllib.error
import urllib.request
from typing import Any


def call(asked: dict[str, Any]) -> dict[str, Any]:
    """The answer's `status` and `body`; an HTTP error is an answer too."""
    data = None if asked["body"] is None else json.dumps(asked["body"]).encode()
    request = urllib.request.Request(asked["url"], data=data, method=asked["method"])  # noqa: S310 - our own URL
    account = f"{asked['username']}:{asked['password']}".encode()
    request.add_header("Authorization", "Basic " + base64.b64encode(account).decode())
    request.add_header("Content-Type", "application/json")
    try:
        response = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        content = response.read()
        return {"status": response.status, "body": json.loads(content) if content else None}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(call(json.loads(line))), flush=True)
