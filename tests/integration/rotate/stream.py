# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notifications without a pause, while something is done to Bitbucket and its mail server: sent, arrived, lost."""

from __future__ import annotations

import re
import secrets
import threading
import time
from types import TracebackType

from tests.integration.role.conftest import RECIPIENT, Site

_NAME = re.compile(r"An account named (stream-\w+) was created")


class Stream:
    """Has Bitbucket send a notification every ``pause`` seconds, in the block.

    ``sent`` are those that Bitbucket has taken over, with the time; what it does not take, since it is being restarted,
    is ``refused``. ``lost`` are those of ``sent`` that have not arrived after the block, when Bitbucket's log says that
    it has dropped as many, or some time has passed.
    """

    def __init__(self, site: Site, pause: float = 0.4) -> None:
        self._site, self._pause = site, pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent: dict[str, float] = {}
        self.refused = 0
        self.arrived: set[str] = set()
        self._seen: set[str] = set()

    def _run(self) -> None:
        number, mark = 0, secrets.token_hex(4)
        while not self._stop.wait(self._pause):
            number += 1
            name = f"stream-{mark}_{number}"
            try:
                status = self._site.bitbucket.create_user(name, RECIPIENT).status
            except (OSError, ValueError):
                status = 0
            if status == 204:
                self.sent[name] = time.monotonic()
            else:
                self.refused += 1

    def __enter__(self) -> Stream:
        self._logged = len(self._site.bitbucket.mail_log)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(60)
        deadline = time.monotonic() + 120
        while True:
            # First what is dropped: what arrives meanwhile is then not taken for both.
            dropped = self._site.bitbucket.mail_log[self._logged :].count("Mail sending failed.")
            self._look()
            if len(self.lost) <= dropped or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        for name in self.sent:
            self._site.bitbucket.call(
                "DELETE", "/rest/api/latest/admin/users", self._site.bitbucket.admin, query={"name": name}
            )

    def _look(self) -> None:
        """Read what has come since the last time."""
        maildir = self._site.smtp.maildir
        new = set(maildir.keys()) - self._seen
        texts = [str(maildir[key].get_payload()) for key in new]
        self.arrived |= {found.group(1) for text in texts if (found := _NAME.search(text))} & set(self.sent)
        self._seen |= new

    @property
    def lost(self) -> set[str]:
        """What Bitbucket took over and nobody got."""
        return set(self.sent) - self.arrived

    def __str__(self) -> str:
        return f"sent {len(self.sent)}, arrived {len(self.arrived)}, lost {len(self.lost)}, not taken {self.refused}"
