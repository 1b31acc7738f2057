# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the product keeps in its database: mail settings, sender address and users made over REST.

A JSON file in the home's ``shared`` directory, mode 0600 because the mail password is in it. The nodes of a cluster
have one together: it is read at each use, and locked for a change. The accounts that exist from the start are in
``<home>/standin-users.json``, read at each use too so that it may be written later.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from .files import write_atomically

STATE_FILE = "shared/standin-state.json"
USERS_FILE = "standin-users.json"


class Permission(IntEnum):
    """Global permissions; each holds the ones below it."""

    LICENSED_USER = 1
    ADMIN = 2
    SYS_ADMIN = 3


@dataclass(frozen=True)
class Account:
    """A user as REST sees it; the password is elsewhere."""

    name: str
    display_name: str
    email: str
    permission: Permission
    seeded: bool = False


@dataclass
class Data:
    """The persisted state. ``mail`` has the canonical camelCase keys, or is None while unconfigured."""

    mail: dict[str, Any] | None = None
    sender: str | None = None
    users: dict[str, dict[str, str]] = field(default_factory=dict)


class Store:
    """Thread-safe access to the state and the accounts of one home.

    :param database: the file of the state, which several nodes may share; None: in the home.
    """

    def __init__(self, home: Path, database: Path | None = None) -> None:
        self._state_path = database or home / STATE_FILE
        self._users_path = home / USERS_FILE
        self._lock = threading.RLock()

    @contextmanager
    def reading(self) -> Iterator[Data]:
        with self._lock:
            yield self._read()

    @contextmanager
    def changing(self) -> Iterator[Data]:
        """Change the state in the block; it is on disk when the block ends, and undone if the block raises."""
        with self._lock, _locked(self._state_path.parent):
            data = self._read()
            yield data
            write_atomically(self._state_path, json.dumps(asdict(data), indent=2) + "\n", mode=0o600)

    def _read(self) -> Data:
        try:
            return Data(**json.loads(self._state_path.read_text("utf-8")))
        except FileNotFoundError:
            return Data()

    def _seeds(self) -> list[dict[str, str]]:
        if not self._users_path.exists():
            return []
        users: list[dict[str, str]] = json.loads(self._users_path.read_text("utf-8"))["users"]
        return users

    def accounts(self) -> list[Account]:
        """All users, those from the users file first."""
        seeded = [
            Account(
                seed["name"],
                seed.get("displayName", seed["name"]),
                seed.get("emailAddress", f"{seed['name']}@localhost.localdomain"),
                Permission[seed["permission"]],
                seeded=True,
            )
            for seed in self._seeds()
        ]
        with self.reading() as data:
            created = [
                Account(user["name"], user["displayName"], user["emailAddress"], Permission.LICENSED_USER)
                for user in data.users.values()
            ]
        return seeded + created

    def find(self, name: str) -> Account | None:
        """Names are compared without case, as the product compares them."""
        return next((a for a in self.accounts() if a.name.casefold() == name.casefold()), None)

    def authenticate(self, name: str, password: str) -> Account | None:
        """The account if the password is right, otherwise None."""
        account = self.find(name)
        if account is None:
            return None
        if account.seeded:
            known = next(s["password"] for s in self._seeds() if s["name"] == account.name)
            right = hmac.compare_digest(known.encode(), password.encode())
        else:
            with self.reading() as data:
                stored = data.users[account.name.casefold()].get("passwordHash", "")
            right = bool(stored) and _matches(stored, password)
        return account if right else None

    def bearer(self, token: str) -> Account | None:
        """The account whose OAuth 2.0 access token this is; those of the users file may have one."""
        seeds = [seed for seed in self._seeds() if "token" in seed]
        name = next((s["name"] for s in seeds if hmac.compare_digest(s["token"].encode(), token.encode())), None)
        return None if name is None else self.find(name)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep other processes that ask for the same out of the block."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def hash_password(password: str) -> str:
    """A salted hash to be kept in the state."""
    salt = os.urandom(16)
    return f"{salt.hex()}:{_derive(salt, password).hex()}"


def _matches(stored: str, password: str) -> bool:
    salt, _, digest = stored.partition(":")
    return hmac.compare_digest(bytes.fromhex(digest), _derive(bytes.fromhex(salt), password))


def _derive(salt: bytes, password: str) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 50_000)


def check_users(text: str) -> None:
    """Raise ValueError, naming the fault and no password, unless ``text`` is a usable users file."""
    try:
        document = json.loads(text)
        users = document["users"]
        for user in users:
            Permission[user["permission"]]
            if not (isinstance(user["name"], str) and user["name"] and isinstance(user["password"], str)):
                raise ValueError
    except (ValueError, KeyError, TypeError):
        # The cause is left out on purpose: a decoder's message quotes the text, and so a password.
        raise ValueError(
            'the users file must be JSON of the form {"users": [{"name": ..., "password": ..., '
            '"permission": "SYS_ADMIN" or "ADMIN" or "LICENSED_USER"}]}'
        ) from None
