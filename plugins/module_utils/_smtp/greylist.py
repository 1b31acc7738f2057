# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Greylisting: a server that refuses for now whom it does not know, and takes the same envelope a while later.

A try costs nothing as long as no message was handed over: the server has said that it has none. What it says to a
password or to a message is another matter, and is never asked for twice.
"""

from __future__ import annotations

import time
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import MailFailure

# Seconds. Servers want anything from some seconds to ten minutes.
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 60.0
_STEPS = ("sender", "recipient")


class GreylistRetry:
    """Waits for the next try, for ``seconds`` (0 or more) in all. ``deferrals`` are the answers to the tries before."""

    def __init__(self, seconds: float) -> None:
        self._started: float | None = None
        self._seconds = seconds
        self._pause = FIRST_PAUSE
        self.deferrals: list[str] = []

    def again(self, failure: StashMailError | None, step: str) -> bool:
        """Return whether to try again after ``failure`` at ``step``, having waited for it."""
        if not isinstance(failure, MailFailure) or failure.code != "deferred" or step not in _STEPS:
            return False
        # From the first refusal on: a JVM's start before it is no time of the server's.
        if self._started is None:
            self._started = time.monotonic()
        left = self._seconds - (time.monotonic() - self._started)
        if left <= 0:
            return False
        self.deferrals.append(failure.log)
        time.sleep(min(self._pause, left))
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        return True

    def warnings(self, failure: StashMailError | None) -> t.Iterator[str]:
        """Yield what the operator should know, if the server took in the end what it had refused."""
        if self._started is not None and self.deferrals and failure is None:
            seconds = time.monotonic() - self._started
            yield (
                f"The mail server refused for now at first ({self.deferrals[0]}), and took the same {seconds:.0f} s "
                "later: greylisting. JavaMail does not try again, and Bitbucket's first message to each recipient may "
                "be lost. Have the mail server except this host from greylisting."
            )
