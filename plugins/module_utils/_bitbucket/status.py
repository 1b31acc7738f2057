# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node says of itself at ``/status``, asked once, or until it says RUNNING. No account is needed for that."""

from __future__ import annotations

import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.rest import (
    FAILURES,
    Http,
    check_url,
    explain_network,
)
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._host import Host
from ansible_collections.stashops.mail.plugins.module_utils._inputs import check_seconds
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline, DeadlineExceeded
from ansible_collections.stashops.mail.plugins.module_utils._secrets import printable

RUNNING = "RUNNING"
_PATH = "/status"
_MAX_TIMEOUT = 86400.0
_PAUSE = 2.0
# For one of several tries: a JVM that is on its way up or down may take a connection and never answer.
_ONE_TRY = 10.0


class Status(t.NamedTuple):
    """What a node said last.

    ``state`` is the product's word, such as RUNNING or STARTING, and empty where there was none; ``status`` the HTTP
    status, None without a response; ``problem`` says why there is no word; ``seconds`` is how long the asking took.
    """

    state: str
    status: int | None
    problem: str
    seconds: float
    tries: int = 1

    @property
    def is_running(self) -> bool:
        """The node serves."""
        return self.state == RUNNING and self.status == 200

    @property
    def said(self) -> str:
        """What it said, for a sentence: ``STARTING (HTTP 503)``, or why there is nothing."""
        return f"{self.state} (HTTP {self.status})" if self.state else self.problem


def ask(client: Http, deadline: Deadline) -> Status:
    """Ask once; never raises."""
    started = deadline.elapsed()
    state, status, problem = "", None, ""
    try:
        response = client.request("GET", _PATH, deadline)
    except FAILURES as error:
        problem = printable(explain_network(error, client.url, deadline.seconds)[1])
    else:
        status = response.status
        body = response.json()
        said = body.get("state") if isinstance(body, dict) else None
        if isinstance(said, str) and said:
            state = printable(said)[:40]
        else:
            # A proxy, or whoever holds the port, as for the first seconds of a start.
            problem = f"HTTP {status} without a state"
    return Status(state, status, problem, round(deadline.elapsed() - started, 3))


def wait_until_running(client: Http, deadline: Deadline) -> Status:
    """Ask every 2 seconds until the node runs or the deadline is over; return what it said last. Never raises."""
    tries = 0
    while True:
        found = ask(client, deadline.at_most(_ONE_TRY))
        tries += 1
        if not found.is_running:
            try:
                deadline.sleep(_PAUSE)
                deadline.remaining()
                continue
            except DeadlineExceeded:
                pass
        return found._replace(seconds=round(deadline.elapsed(), 3), tries=tries)


def run(_host: Host, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do what the parameters of stash_mail_status ask for; returns its result.

    :raises StashMailError: where the node does not run, with the whole result among its details.
    """
    url = check_url(params["url"])
    deadline = Deadline(check_seconds(params["timeout"], "timeout", _MAX_TIMEOUT))
    client = Http(
        url,
        validate_certs=params["validate_certs"],
        ca_path=params["ca_path"],
        use_proxy=params["use_proxy"],
    )
    found = (wait_until_running if params["wait"] else ask)(client, deadline)
    result = {
        "changed": False,
        "url": url + _PATH,
        "state": found.state,
        "status": found.status,
        "seconds": found.seconds,
        "tries": found.tries,
    }
    if found.is_running:
        return result
    when = f"within {deadline.seconds:g} s" if params["wait"] else "when it was asked"
    raise StashMailError(
        f"{url}{_PATH} did not say {RUNNING} {when}. It said: {found.said.rstrip('.')}.", code="not_running", **result
    )
