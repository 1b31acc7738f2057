# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running stand-in for tests and the demo, in a directory of its own on a free loopback port."""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from . import layout
from .settings import Settings
from .store import STATE_FILE

_START_SECONDS = 30.0


@dataclass(frozen=True)
class Credentials:
    """A user's name and password, for Basic authentication, and in their place an OAuth 2.0 access token."""

    name: str
    password: str
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def header(self) -> str:
        return "Basic " + base64.b64encode(f"{self.name}:{self.password}".encode()).decode()


@dataclass(frozen=True)
class Answer:
    """What a call of :meth:`Standin.call` got; ``body`` is None where there is none."""

    status: int
    body: Any
    headers: dict[str, str]


def free_port() -> int:
    """A loopback port that nothing listens on now.

    Below those that the system hands out itself: other tests' servers, which let it, cannot take the port in between.
    """
    while True:
        port = 15_000 + secrets.randbelow(17_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@functools.cache
def _launcher() -> Path | None:
    """Compiled once for all stand-ins of this process."""
    directory = Path(tempfile.mkdtemp(prefix="standin-launcher-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return layout.compile_launcher(directory, layout.find_java_home(), Path("/usr/share/java"))


class Standin:
    """Context manager: lays out an install below ``directory``, starts it by its own scripts, stops it at the end.

    :param directory: ``install`` and ``home`` are made in it.
    :param settings: the port is replaced by a free one where it is the default.
    :param jvm_args: value of JVM_SUPPORT_RECOMMENDED_ARGS in the environment of the start scripts.
    :param java: False leaves Java out, so that mail is sent without a JVM.
    :param cluster: the first node of the cluster that this is a node of: its database and its accounts.

    Credentials: ``sysadmin``, ``admin`` (without SYS_ADMIN) and ``user`` (neither), with random passwords.
    """

    home: Path
    sysadmin: Credentials
    admin: Credentials
    user: Credentials

    def __init__(
        self,
        directory: Path,
        settings: Settings | None = None,
        *,
        jvm_args: str = "",
        java: bool = True,
        cluster: Standin | None = None,
    ) -> None:
        settings = settings or Settings()
        if settings.port == Settings.port:
            settings = replace(settings, port=free_port())
        if cluster:
            settings = replace(settings, database=str(cluster.home / STATE_FILE))
        self.settings = settings
        self.install_dir = directory / "install"
        self.home = directory / "home"
        self.sysadmin = cluster.sysadmin if cluster else Credentials("sysadmin", secrets.token_urlsafe(12))
        self.admin = cluster.admin if cluster else Credentials("admin", secrets.token_urlsafe(12))
        self.user = cluster.user if cluster else Credentials("user", secrets.token_urlsafe(12))
        self.environment = {"JVM_SUPPORT_RECOMMENDED_ARGS": jvm_args}
        self._java = java
        self.seconds_to_start = 0.0
        self.start_output = ""

    def __enter__(self) -> Standin:
        self.install()
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return self.settings.url

    @property
    def mail_log(self) -> str:
        """The text of the product's mail log."""
        return self._log(f"atlassian-{self.settings.product.name}-mail.log")

    @property
    def pid(self) -> int:
        """The process of the pid file: the JVM, or Python where there is none."""
        return int((self.home / self.settings.product.pid_file).read_text("ascii"))

    @property
    def children(self) -> list[int]:
        """The processes that :attr:`pid` has started."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]

    @property
    def jvm_args_file(self) -> Path:
        """The file that may set JVM_SUPPORT_RECOMMENDED_ARGS."""
        return self.install_dir / self.settings.product.jvm_args_file

    def install(self) -> None:
        """Lay out install and home."""
        accounts = (
            (self.sysadmin, "SYS_ADMIN"),
            (self.admin, "ADMIN"),
            (self.user, "LICENSED_USER"),
        )
        users = [
            {"name": a.name, "password": a.password, "token": a.token, "permission": permission}
            for a, permission in accounts
        ]
        layout.lay_out(
            layout.Plan(
                self.install_dir,
                self.home,
                self.settings,
                java_home=layout.find_java_home() if self._java else None,
                launcher=_launcher() if self._java else None,
                users=json.dumps({"users": users}),
            )
        )

    def start(self) -> None:
        """Run the start script and wait until RUNNING; raises TimeoutError with the log's end."""
        began = time.monotonic()
        self.start_output = self._script("start", "--no-search")
        while self.state() != "RUNNING":
            if time.monotonic() - began > _START_SECONDS + self.settings.start_delay:
                raise TimeoutError(f"{self.url} is not RUNNING: {self._log('launcher.log')[-2000:]}")
            time.sleep(0.05)
        self.seconds_to_start = time.monotonic() - began

    def stop(self) -> None:
        """Run the stop script, which waits for the end."""
        self._script("stop")

    def restart(self) -> None:
        self.stop()
        self.start()

    def state(self) -> str | None:
        """What ``/status`` says; None while nothing answers."""
        try:
            state: str = self.call("GET", "/status").body["state"]
        except (OSError, KeyError, TypeError):
            return None
        return state

    def call(
        self,
        method: str,
        path: str,
        credentials: Credentials | None = None,
        body: object = None,
        *,
        raw: bytes | None = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request; ``body`` is sent as JSON unless None, ``raw`` as it is. HTTP errors are answers."""
        url = self.url + path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, data=data, method=method)  # noqa: S310 - our own URL
        request.add_header("Content-Type", "application/json")
        if credentials is not None:
            request.add_header("Authorization", credentials.header)
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        context = None
        if self.settings.tls_certificate:
            context = ssl.create_default_context(cafile=self.settings.tls_certificate)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            response = opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            content = response.read()
            return Answer(response.status, json.loads(content) if content else None, dict(response.headers))

    def configure_mail(self, config: dict[str, Any]) -> Answer:
        """PUT the mail settings as the system admin."""
        return self.call("PUT", "/rest/api/latest/admin/mail-server", self.sysadmin, config)

    def create_user(self, name: str, email: str, *, notify: bool = True) -> Answer:
        """Create a user as the admin; with ``notify`` a mail with a password link is sent."""
        query = {"name": name, "displayName": name, "emailAddress": email, "notify": str(notify).lower()}
        if not notify:
            query["password"] = secrets.token_urlsafe(12)
        query["addToDefaultGroup"] = "false"
        return self.call("POST", "/rest/api/latest/admin/users", self.admin, query=query)

    def wait_for_mail_failure(self, start: int = 0, seconds: float = 15.0) -> str:
        """What the mail log holds from ``start`` on, once there is something; TimeoutError if nothing comes."""
        deadline = time.monotonic() + seconds
        while not (log := self.mail_log[start:]):
            if time.monotonic() > deadline:
                raise TimeoutError("nothing came into the mail log")
            time.sleep(0.05)
        return log

    def _log(self, name: str) -> str:
        path = self.home / "log" / name
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def _script(self, action: str, *arguments: str) -> str:
        script = self.install_dir / "bin" / f"{action}-{self.settings.product.name}.sh"
        if not script.exists():
            return ""
        # A Java of the caller's environment would take the place of the bundled one.
        unwanted = ("JRE_HOME", "JAVA_HOME", "JAVA_OPTS", "BITBUCKET_HOME", "STASH_HOME")
        inherited = {k: v for k, v in os.environ.items() if k not in unwanted}
        result = subprocess.run(
            [str(script), *arguments],
            env=inherited | self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if result.returncode != 0:
            raise RuntimeError(f"{script} ended with {result.returncode}: {result.stderr or result.stdout}")
        return result.stdout
