# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A transcript of an SMTP conversation, bounded in size. ``_smtp.session`` leaves secrets out."""

from __future__ import annotations

MAX_ENTRIES = 400
MAX_WIDTH = 500


class Transcript:
    """Lines that start with ``C:`` (client), ``S:`` (server) or ``--`` (what happened otherwise)."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def client(self, text: str) -> None:
        """Note a line that was sent."""
        self._add("C: " + text)

    def server(self, text: str) -> None:
        """Note a line that was received."""
        self._add("S: " + text)

    def note(self, text: str) -> None:
        """Note an event, such as a finished TLS handshake."""
        self._add("-- " + text)

    def _add(self, line: str) -> None:
        if len(self.lines) < MAX_ENTRIES:
            self.lines.append(line if len(line) <= MAX_WIDTH else line[:MAX_WIDTH] + " [cut]")
        elif len(self.lines) == MAX_ENTRIES:
            self.lines.append("-- [further lines left out]")
