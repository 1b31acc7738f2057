# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords where they must not be: in texts, in files, and in what other processes can see of a process."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import shlex
import threading
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, quote_plus

# A scan of /proc takes some hundredths of a second; a command lives for some tenths.
PAUSE = 0.05


def forms(secret: str) -> set[str]:
    """The secret itself and as it may be encoded: quoted for a URL, a shell, JSON, Python, YAML or HTML, in base64 at
    whatever position, as hexadecimal digits, as an unsalted digest.
    """
    plain = secret.encode()
    found = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), shlex.quote(secret), plain.hex()}
    found |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    found |= {html.escape(secret), html.escape(secret, quote=False), secret.replace("'", "''"), repr(plain)[2:-1]}
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + plain)
        # The first and last characters depend on the neighbours.
        start, end = -(-before * 8 // 6), (before + len(plain)) * 8 // 6
        part = encoded[start:end].decode()
        found |= {part, part.translate(str.maketrans("+/", "-_"))}
    found |= {hashlib.new(name, plain, usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256")}
    return found


def all_forms(secrets: list[str]) -> list[str]:
    return sorted(set().union(*map(forms, secrets)))


def in_text(text: str, secrets: list[str]) -> list[int]:
    """Which of the secrets stand in a text, by their number: a failure must not show them either."""
    return [number for number, secret in enumerate(secrets) if any(form in text for form in forms(secret))]


class ProcessWatch:
    """Context manager: reads command line and environment of all processes, those in containers too, again and again.

    ``found`` names the processes that showed a secret, and ``scans`` how often all were read.
    """

    def __init__(self, secrets: list[str]) -> None:
        self.found: set[str] = set()
        self.scans = 0
        self._wanted = [form.encode() for form in all_forms(secrets)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="process-watch", daemon=True)

    def __enter__(self) -> ProcessWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(PAUSE):
            for folder in Path("/proc").glob("[0-9]*"):
                self._look(folder)
            self.scans += 1

    def _look(self, folder: Path) -> None:
        for name in ("cmdline", "environ"):
            try:
                content = (folder / name).read_bytes()
                if any(wanted in content for wanted in self._wanted):
                    self.found.add(f"{name} of {(folder / 'comm').read_text('utf-8', 'replace').strip()}")
            except OSError:
                continue  # It has ended.
