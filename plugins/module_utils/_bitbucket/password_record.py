# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Know whether a password is the one written last, without keeping it readable.

Bitbucket need not return the mail server's password, so a salted, slow fingerprint of what was written is kept: bound
to the instance, the user and the mail server, so that it cannot be compared across them. PBKDF2 with HMAC-SHA256 is in
Python's standard library and allowed in FIPS mode.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError

ITERATIONS = 600_000
_FORMAT = "stash_mail password fingerprints"
_VERSION = 1
_SALT_BYTES = 16
_MODE = 0o600
_MAX_BYTES = 1 << 24
# More would let a planted file keep the module busy for ever.
_MAX_ITERATIONS = 10 * ITERATIONS
_WRITTEN = (
    "Bitbucket's settings are written and read back; only this record is not, so the next run writes them once more."
)


def _fingerprint(url: str, username: str, host: str, password: str, salt: bytes, iterations: int) -> bytes:
    # JSON keeps the parts apart: plain joining would let them run into one another.
    bound = json.dumps([url, username, host, password]).encode("ascii")
    return hashlib.pbkdf2_hmac("sha256", bound, salt, iterations)


class PasswordRecord:
    """The fingerprints in the JSON file at ``path``, one for each Bitbucket.

    A file that is missing knows nothing; so does one that is not ours or damaged, and ``damaged`` says so.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.damaged = ""
        self._entries = self._load()

    def _load(self) -> dict[str, dict[str, t.Any]]:
        data = _files.read_if_there(self.path, _MAX_BYTES, f"password_state_path {self.path!r}")
        if data is None:
            return {}
        try:
            content = json.loads(data.decode("utf-8"))
            if content["format"] == _FORMAT and content["version"] == _VERSION:
                return {str(url): dict(entry) for url, entry in content["entries"].items()}
            self.damaged = "it is not a file of this module"
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.damaged = "it is damaged or not a file of this module"
        return {}

    def matches(self, url: str, username: str, host: str, password: str) -> bool | None:
        """Whether ``password`` is the one recorded for these; None where nothing is recorded for them."""
        entry = self._entries.get(url)
        if entry is None or entry.get("username") != username or entry.get("host") != host:
            return None
        try:
            salt = bytes.fromhex(entry["salt"])
            recorded = bytes.fromhex(entry["sha256"])
            iterations = int(entry["iterations"])
        except (KeyError, TypeError, ValueError):
            return None
        if not (salt and recorded and 0 < iterations <= _MAX_ITERATIONS):
            return None
        return hmac.compare_digest(recorded, _fingerprint(url, username, host, password, salt, iterations))

    def check_writable(self) -> None:
        """Make the folder (0700) if it is missing; raise :class:`StashMailError` where the file cannot be replaced."""
        try:
            self._make_folder()
            _files.check_replaceable(self.path)
        except StashMailError as error:
            raise StashMailError(
                f"password_state_path {self.path!r} cannot be written ({str(error).rstrip('.')}): name a path that the "
                "module's user may write. Nothing was changed in Bitbucket."
            ) from None

    def _make_folder(self) -> str:
        """Return the record's folder, made with what is missing on the way to it."""
        folder = parent = os.path.dirname(os.path.abspath(self.path))
        missing = []
        while not os.path.isdir(parent):
            missing.append(parent)
            parent = os.path.dirname(parent)
        for path in reversed(missing):
            _files.make_folder(path, 0o700)
        return folder

    def record(self, url: str, username: str, host: str, password: str) -> None:
        """Store the fingerprint of a password that was written, in place of any other of this ``url``."""
        salt = os.urandom(_SALT_BYTES)
        self._change(
            url,
            {
                "username": username,
                "host": host,
                "iterations": ITERATIONS,
                "salt": salt.hex(),
                "sha256": _fingerprint(url, username, host, password, salt, ITERATIONS).hex(),
            },
            _WRITTEN,
        )

    def forget(self, url: str, state: str = _WRITTEN) -> None:
        """Remove what is stored for ``url``; a file that has nothing of it stays untouched.

        ``state`` is what an error says of Bitbucket's settings.
        """
        if url in self._entries:
            self._change(url, None, state)

    def _change(self, url: str, entry: dict[str, t.Any] | None, state: str) -> None:
        try:
            with _files.locked(self._make_folder()):
                # Read anew: other instances may have been written meanwhile, from the same controller.
                self.damaged = ""
                entries = self._load()
                if self.damaged:
                    # Whatever it is, it may be somebody's.
                    _files.set_aside(self.path, ".damaged")
                entries.pop(url, None)
                if entry is not None:
                    entries[url] = entry
                self._entries = entries
                content = {"format": _FORMAT, "version": _VERSION, "entries": entries}
                text = json.dumps(content, indent=2, sort_keys=True) + "\n"
                # The mode of a file that is there would be kept otherwise.
                _files.replace(self.path, text.encode("ascii"), prepare=lambda file: os.fchmod(file.descriptor, _MODE))
        except (OSError, StashMailError) as error:
            raise StashMailError(f"password_state_path: {str(error).rstrip('.')}. {state}") from None
