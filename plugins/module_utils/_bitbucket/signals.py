# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Being told to end while something stands in Bitbucket that has to be taken away again."""

from __future__ import annotations

import signal
import typing as t


class Interrupted(BaseException):
    """The module is told to end. Not an ``Exception``, so that nothing but the clean-up catches it."""


class Signals:
    """What asks a process to end raises :class:`Interrupted`, once, and not while ``heeded`` is False."""

    def __init__(self) -> None:
        self.heeded = True
        self._before: dict[int, t.Any] = {}

    def _end(self, number: int, _frame: object) -> None:
        if self.heeded:
            self.heeded = False
            raise Interrupted(f"the module was ended by {signal.Signals(number).name}")

    def __enter__(self) -> Signals:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._end)
        return self

    def __exit__(self, *_details: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
