# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A product in a container, without mail, a mail server that it reaches, and what the role is told of both."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.integration.role.conftest import run_playbook
from tests.integration.role.test_phases import shown
from tests.jvm import images
from tests.mail_server import MailServer, authority, leaf

ROOT = authority()
INSTALL = "/opt/atlassian/bitbucket/9.4.2"
HOME = "/var/atlassian/application-data/bitbucket"
# What the container runs: the product as its account, by settings in its environment.
START = f"""\
echo "$SETTINGS" > {INSTALL}/standin.json
echo "$USERS" > {HOME}/standin-users.json
rm -f {HOME}/shared/bitbucket.properties
exec runuser -u atlbitbucket -- {INSTALL}/bin/_start-webapp.sh fg
"""
_PLAY = """---
- name: Recreate it
  ansible.builtin.command:
    argv: {argv}
    chdir: {folder}
  changed_when: false
"""


class Contained:
    """``container`` is its name; ``command``, run in ``folder``, recreates it; ``settings`` are the role's.

    ``address`` is this machine's as the container sees it, which may not be there before the container is.
    """

    def __init__(self, folder: Path, container: str, address: str = "127.0.0.1") -> None:
        self.folder, self.container = folder, container
        certificate = leaf(ROOT, address, sans=[address])
        self.server = MailServer("starttls_required", host=address, certificate=certificate)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.port = port
        bind = "127.0.0.1" if address == "127.0.0.1" else "0.0.0.0"  # noqa: S104 - inside of a container
        self.settings_text = json.dumps({"version": "9.4.2", "port": port, "bind": bind})
        account = {"name": "sysadmin", "password": "contained-s3cret", "permission": "SYS_ADMIN"}
        self.users_text = json.dumps({"users": [account]})
        self.command: list[str] = []
        self.settings: dict[str, Any] = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_become": False,
            "stash_mail_bitbucket_behind": self.behind,
            "stash_mail_bitbucket_service": "",
            "stash_mail_bitbucket_url": f"http://127.0.0.1:{port}",
            "stash_mail_bitbucket_admin_user": account["name"],
            "stash_mail_bitbucket_admin_password": account["password"],
            "stash_mail_pre_restart_tasks": str(folder / "recreate.yml"),
            "stash_mail_host": address,
            "stash_mail_sender": "bitbucket@example.com",
            "stash_mail_recipient": "r@example.com",
            "stash_mail_certificates": [{"pem": ROOT.pem}],
            "stash_mail_password_state_path": str(folder / "passwords.json"),
            "stash_mail_restart_timeout": 120,
            "stash_mail_install_packages": False,
        }

    @property
    def behind(self) -> list[str]:
        return ["podman", "exec", "-i", "--user", "atlbitbucket", self.container]

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """With the container, which the role recreates by the same command, and the mail server."""
        argv = ["env", f"PYTHONPATH={images.ROOT}", *self.command]
        play = _PLAY.format(argv=json.dumps(argv), folder=json.dumps(str(self.folder)))
        (self.folder / "recreate.yml").write_text(play)
        try:
            subprocess.run(argv, cwd=self.folder, check=True, capture_output=True, timeout=180)
            with self.server:
                self.settings["stash_mail_port"] = self.server.port
                self._wait()
                yield
        finally:
            self.remove()

    def _wait(self) -> None:
        until = time.monotonic() + 120
        status = f"{self.settings['stash_mail_bitbucket_url']}/status"
        while True:
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(status, timeout=10).status == 200:  # noqa: S310 - our own URL
                    return
            if time.monotonic() > until:
                raise TimeoutError(f"{self.container} does not serve")
            time.sleep(0.2)

    def remove(self) -> None:
        """Remove all that was made."""
        raise NotImplementedError

    def run(self, *options: str, **changes: Any) -> tuple[int, str]:
        settings = {**self.settings, **{f"stash_mail_{name}": value for name, value in changes.items()}}
        return run_playbook(self.folder, {"bitbucket": {"hosts": {"contained": settings}}}, *options)

    def arguments(self) -> list[str]:
        """Those of the running JVM."""
        script = "tr '\\0' '\\n' < /proc/$(pgrep -u atlbitbucket -x java)/cmdline"
        done = subprocess.run(
            [*self.behind, "sh", "-c", script], check=True, capture_output=True, text=True, timeout=60
        )
        return done.stdout.split("\n")


def provision(product: Contained, *arguments: str) -> None:
    """Provision it: the JVM has ``arguments`` in this order, a message arrives, and a second run changes nothing."""
    code, output = product.run()
    assert code == 0, output
    assert [word for word in product.arguments() if word in arguments] == [*arguments]
    assert len(product.server.messages) == 1
    # Its own Java says so again, by the truststore that is mounted there.
    code, output = product.run()
    assert code == 0, output
    assert "changed=0" in output
    assert "method: jvm" in output
    assert f"behind podman exec -i --user atlbitbucket {product.container}" in shown(output)


def take_back(product: Contained) -> None:
    """Have the role take out what it has made: the JVM has no truststore of anybody's any more."""
    code, output = product.run(state="absent")
    assert code == 0, output
    assert not any("trustStore" in word for word in product.arguments())


def new_name() -> str:
    return f"stash-mail-{uuid.uuid4().hex[:8]}"


@functools.cache
def image() -> str:
    """The stand-in's image, built where it is missing."""
    os.environ["CONTAINERS_CONF"] = str(images.CONTAINERS_CONF)
    done = subprocess.run(
        [sys.executable, str(images.BUILDER), "bitbucket"],
        check=True,
        capture_output=True,
        timeout=images.BUILD_SECONDS,
    )
    return str(json.loads(done.stdout)["bitbucket"])
