# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Bitbucket's mail log says from now on.

Bitbucket drops a message that it cannot send, and this log is the only place that tells.
"""

from __future__ import annotations

import os
import re
import time
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._secrets import printable

# The names since Stash and since Bitbucket.
_NAMES = ("atlassian-bitbucket-mail.log", "atlassian-stash-mail.log")
# Log4j's or Logback's line, as in "2030-01-31 09:30:00,123 ERROR [thread] ...".
_ENTRY = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_LEVEL = re.compile(r"\s(ERROR|WARN|FATAL)\s")
_FRAME = re.compile(r"\s+(at\s|\.\.\. \d+ )")
_MAX_READ = 1 << 20
_TAIL = 1 << 16
_MAX_ENTRIES = 20
_MAX_ENTRY = 4000


def log_path(home: str | None, path: str | None) -> str | None:
    """Return the mail log's path: ``path``, or the one in the product's ``home``; None where neither is given."""
    if path:
        return path
    if not home:
        return None
    candidates = [os.path.join(home, "log", name) for name in _NAMES]
    return next((candidate for candidate in candidates if os.path.exists(candidate)), candidates[0])


class MailLog:
    """The errors that come into the log at ``path`` from now on. A file that is not there yet may come."""

    def __init__(self, path: str) -> None:
        """Note where the log ends; raises ``OSError`` where it is there and cannot be read."""
        self.path = path
        self._file: tuple[int, int] | None = None
        self._offset = 0
        self._text = ""
        # The last error that was there before, and how long ago the log was written.
        self.earlier = ""
        self.seconds_since_written = 0.0
        try:
            with _files.stream(path) as file:
                found = os.fstat(file.fileno())
                self._file, self._offset = (found.st_dev, found.st_ino), found.st_size
                self.seconds_since_written = max(0.0, time.time() - found.st_mtime)
                file.seek(max(0, found.st_size - _TAIL))
                earlier = _entries(file.read(_TAIL).decode("utf-8", "replace"))
                self.earlier = earlier[-1] if earlier else ""
        except FileNotFoundError:
            if not os.path.isdir(os.path.dirname(path)):
                raise

    def errors(self) -> list[str]:
        """Return the errors so far, each with its causes and without the frames of its stack."""
        try:
            with _files.stream(self.path) as file:
                found = os.fstat(file.fileno())
                here = (found.st_dev, found.st_ino)
                if here != self._file or found.st_size < self._offset:
                    # Rotated: what is in the new file has come since.
                    self._file, self._offset = here, 0
                file.seek(self._offset)
                # Whole lines only, so that none is cut in a character or read half.
                data = file.read(max(0, _MAX_READ - len(self._text)))
                data = data[: data.rfind(b"\n") + 1]
                self._offset += len(data)
        except (OSError, StashMailError):
            data = b""
        self._text += data.decode("utf-8", "replace")
        return _entries(self._text)[:_MAX_ENTRIES]


def _entries(text: str) -> list[str]:
    entries: list[list[str]] = []
    wanted = False
    for line in text.splitlines():
        if _ENTRY.match(line):
            wanted = bool(_LEVEL.search(line))
            if wanted:
                entries.append([line])
        elif wanted and not _FRAME.match(line):
            entries[-1].append(line)
    return [_shown(lines) for lines in entries]


def _shown(lines: t.Sequence[str]) -> str:
    text = "\n".join(printable(line).rstrip() for line in lines)
    return text if len(text) <= _MAX_ENTRY else text[:_MAX_ENTRY] + "..."
