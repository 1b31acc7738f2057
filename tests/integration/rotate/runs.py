# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the rotations share: who logs in with what, tasks for the switch, and runs that are killed."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import packed
from tests.integration.role.conftest import MAIL_SERVER, ROOT, Site
from tests.processes import family

Account = tuple[str, str]


def held(site: Site) -> Account:
    """The user name and the password that Bitbucket has, out of its database."""
    mail = json.loads((site.bitbucket.home / "shared" / "standin-state.json").read_text())["mail"]
    return mail["username"], mail["password"]


def start_over(site: Site, old: Account) -> None:
    """Give Bitbucket and the mail server the old account and no other, with nothing on record."""
    settings = {key: value for key, value in (site.mail_settings() or {}).items() if key != "senderAddress"}
    answer = site.bitbucket.call(
        "PUT", MAIL_SERVER, site.bitbucket.sysadmin, {**settings, "username": old[0], "password": old[1]}
    )
    assert answer.status == 200, answer
    Path(site.settings["stash_mail_password_state_path"]).unlink(missing_ok=True)
    site.smtp.accounts = {old}
    site.smtp.muted = set()
    site.smtp.maildir.clear()
    assert held(site) == old


class Watch:
    """Looks at what Bitbucket holds all the time: ``seen`` in this order; ``then`` is called once ``at`` is held."""

    def __init__(self, site: Site, at: Account | None = None, then: Callable[[], None] | None = None) -> None:
        self._site, self._at, self._then = site, at, then
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.seen: list[Account] = []
        self.times: list[float] = []

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            now = held(self._site)
            if self.seen[-1:] != [now]:
                self.seen.append(now)
                self.times.append(time.monotonic())
                if now == self._at and self._then:
                    self._then()

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        time.sleep(0.1)
        self._stop.set()
        self._thread.join(10)


class Hook:
    """A task file that has ``action`` done by the test while the playbook waits. ``times`` tells when."""

    def __init__(self, folder: Path, name: str, action: Callable[[], None]) -> None:
        self._flag, self._done, self._action = folder / f"{name}.wanted", folder / f"{name}.done", action
        self.path = folder / f"{name}.yml"
        self.times: list[float] = []
        tasks = [
            # In one step: Ansible's own module makes the file and then sets its times, and by then it may be gone.
            {"name": "Want it", "ansible.builtin.command": {"argv": ["touch", str(self._flag)]}},
            {"name": "Wait for it", "ansible.builtin.wait_for": {"path": str(self._done), "timeout": 120}},
            {"name": "Go on", "ansible.builtin.file": {"path": str(self._done), "state": "absent"}},
        ]
        self.path.write_text(json.dumps(tasks))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            if self._flag.exists():
                self._flag.unlink()
                self.times.append(time.monotonic())
                self._action()
                self._done.touch()

    def __enter__(self) -> Hook:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join(10)


def _command(site: Site, changes: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    settings = {**site.settings, **{f"stash_mail_{name}": value for name, value in changes.items()}}
    inventory = site.folder / "inventory.json"
    inventory.write_text(json.dumps({"bitbucket": {"hosts": {"stand_in": settings}}}))
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        *("-vvvv", "--inventory", str(inventory)),
        str(ROOT / "playbooks" / "rotate_credentials.yml"),
    ]
    ours = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1"}
    ours["TMPDIR"] = str(site.folder / "tmp")
    return command, {**os.environ, **packed.environment(), **ours}


def killed(site: Site, marker: str, delay: float, **changes: Any) -> str:
    """Start rotate_credentials; kill it and its processes ``delay`` seconds after ``marker`` is in its output.

    An empty marker: as soon as Bitbucket holds the new account.
    """
    command, environment = _command(site, changes)
    new = (changes["rotate_username"], changes["rotate_password"])
    log = site.folder / "killed.log"
    with log.open("w") as stream:
        run = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + 180
        while run.poll() is None and time.monotonic() < deadline:
            if (marker in log.read_text()) if marker else (held(site) == new):
                break
            time.sleep(0.02)
        assert run.poll() is None, log.read_text()
        time.sleep(delay)
        for pid in list(family(run.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run.wait(10)
    output = log.read_text()
    site.output += output
    return output


def typed(site: Site, password: str, **changes: Any) -> str:
    """Run rotate_credentials at a terminal, and type ``password`` when it is asked for; return all that was shown."""
    command, environment = _command(site, changes)
    terminal, end = pty.openpty()
    # The terminal is the controlling one, as it is for a user of a shell.
    command = ["setsid", "--ctty", "--wait", *command]
    run = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=end, stdout=end, stderr=end)
    os.close(end)
    output, asked = b"", False
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 1)
        try:
            piece = os.read(terminal, 65536) if ready else b""
        except OSError:
            break
        output += piece
        if not asked and b"New password of" in output:
            time.sleep(1)
            os.write(terminal, password.encode() + b"\r")
            asked = True
    run.wait(30)
    os.close(terminal)
    text = output.decode(errors="replace")
    site.output += text
    return text
