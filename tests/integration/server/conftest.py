# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as a process of its own against the stand-in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ansible_module import Outcome, run_process
from tests.standin import Settings, Standin
from tests.standin.store import STATE_FILE

PASSWORD = "Mail-Geheim-2b7e"
OTHER_PASSWORD = "Noch-Geheimer-91c4"
MAIL = "/rest/api/latest/admin/mail-server"


@dataclass
class Target:
    """One stand-in with a place for the fingerprints."""

    standin: Standin
    state_path: Path

    def run(self, *, check: bool = False, **options: object) -> Outcome:
        """Run the module with what works as a default; an option of None is left out."""
        arguments: dict[str, object] = {
            "url": self.standin.url,
            "url_username": self.standin.sysadmin.name,
            "url_password": self.standin.sysadmin.password,
            "host": "smtp.example.com",
            "port": 587,
            "username": "bitbucket",
            "password": PASSWORD,
            "sender": "bitbucket@example.com",
            "password_state_path": str(self.state_path),
            **options,
        }
        arguments = {key: value for key, value in arguments.items() if value is not None}
        secrets = (PASSWORD, OTHER_PASSWORD, self.standin.sysadmin.password)
        return run_process("stash_mail_server", arguments, check=check, secrets=secrets)

    def rest(self) -> Any:
        """The mail settings as REST shows them; None where there are none."""
        answer = self.standin.call("GET", MAIL, self.standin.sysadmin)
        return answer.body if answer.status == 200 else None

    def sender(self) -> str | None:
        """The sender's address; None where none is set."""
        answer = self.standin.call("GET", f"{MAIL}/sender-address", self.standin.sysadmin)
        return answer.body if answer.status == 200 else None

    def stored(self) -> dict[str, Any]:
        """The whole of what the stand-in keeps of the mail server, the password too."""
        content = json.loads((self.standin.home / STATE_FILE).read_text("utf-8"))
        return content["mail"] or {}


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Standin]]:
    """One running stand-in for each set of settings. No mail is sent here, so no JVM is needed."""
    running: dict[Settings, Standin] = {}

    def get(**settings: Any) -> Standin:
        key = Settings(**settings)
        if key not in running:
            running[key] = Standin(tmp_path_factory.mktemp("standin"), key, java=False).__enter__()
        return running[key]

    yield get
    for standin in running.values():
        standin.stop()


@pytest.fixture
def target(start: Callable[..., Standin], tmp_path: Path) -> Callable[..., Target]:
    """A stand-in with these settings and no mail server."""

    def get(**settings: Any) -> Target:
        standin = start(**settings)
        for path in (MAIL, f"{MAIL}/sender-address"):
            assert standin.call("DELETE", path, standin.sysadmin).status == 204
        return Target(standin, tmp_path / "state" / "passwords.json")

    return get
