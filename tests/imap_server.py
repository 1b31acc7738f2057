# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real IMAP server over a Maildir, on loopback: pymap, as a process of its own.

It offers STARTTLS, with the certificate that it is given, and one user.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import types
from pathlib import Path

from pysasl.hashing import BuiltinHash

from tests.standin.runner import free_port


class ImapServer:
    """Serve ``maildir`` to ``username``; the password reaches the server as a salted hash in a file of mode 0600.

    Used as a context manager: the server runs inside the block and is ended by its process at the end.
    """

    host = "localhost"

    def __init__(
        self, maildir: Path, username: str, password: str, certificate: Path, key: Path, *, port: int = 0
    ) -> None:
        self.port = port or free_port()
        self._base = maildir.parent / f"{maildir.name}.imap"
        self._base.mkdir(mode=0o700, exist_ok=True)
        # pymap keeps its users as passwd(5) and shadow(5) do; the mailbox is relative to the base folder.
        hashed = str(BuiltinHash().hash(password)).replace(":", "\\:")
        (self._base / "pymap-etc-passwd").write_text(f"{username}:x::::../{maildir.name}:\n")
        (self._base / "pymap-etc-shadow").touch(mode=0o600)
        (self._base / "pymap-etc-shadow").write_text(f"{username}:{hashed}\n")
        (self._base / "pymap-etc-group").write_text("")
        self._command = [
            *(str(Path(sys.executable).parent / "pymap"), "--host", "127.0.0.1", "--port", str(self.port)),
            *("--cert", str(certificate), "--key", str(key), "maildir", str(self._base)),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ImapServer:
        log = (self._base / "imap.log").open("wb")
        with log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the IMAP server ended: {(self._base / 'imap.log').read_text()[-2000:]}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.05)
        self._stop()
        raise RuntimeError("the IMAP server did not open its port within 20 seconds")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
