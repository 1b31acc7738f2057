# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with an installation, its service and what is around it, all in a folder; started with a real JVM.

The installation is the stand-in's, with its real start scripts. In place of its launcher is a program that says which
truststore it got, opens it, and goes on running.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs
from ansible_collections.stashops.mail.plugins.module_utils._product import process as processes
from ansible_collections.stashops.mail.plugins.module_utils._product import supervisor, systemd

from tests.standin import layout
from tests.standin.settings import Settings

VARIABLE = "JVM_SUPPORT_RECOMMENDED_ARGS"
TRUST = "-Djavax.net.ssl.trustStore"
SECONDS = 30.0
LAUNCHER = """
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.KeyStore;
import java.util.*;
import javax.net.ssl.*;

public final class Launcher {
    public static void main(String[] arguments) throws Exception {
        String home = arguments[Arrays.asList(arguments).indexOf("--home") + 1];
        List<String> said = new ArrayList<>();
        said.add(System.getProperty("javax.net.ssl.trustStore", ""));
        try {
            TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init((KeyStore) null);
            X509TrustManager manager = (X509TrustManager) factory.getTrustManagers()[0];
            said.add(String.valueOf(manager.getAcceptedIssuers().length));
        } catch (Exception failure) {
            said.add(String.valueOf(failure));
        }
        Path file = Paths.get(home, "given");
        Files.write(file.resolveSibling("given.part"), said, StandardCharsets.UTF_8);
        Files.move(file.resolveSibling("given.part"), file);
        Thread.sleep(120000);
    }
}
"""


def compile_launcher(folder: Path) -> Path:
    (folder / "Launcher.java").write_text(LAUNCHER)
    command = ["javac", "--release", "8", "-nowarn", "-Xlint:-options", "Launcher.java"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return folder / "Launcher.class"


class Site:
    """``account`` is whom a login of another account leads to: here it is our own."""

    account = "root"

    def __init__(self, folder: Path, launcher: Path, version: str) -> None:
        self.folder = folder
        self.home = folder / "data"
        self.java = layout.find_java_home()
        self.install = folder / "opt" / version
        for name in ("units", "init.d", "default", "fakes"):
            (folder / name).mkdir(parents=True)
        plan = layout.Plan(
            self.install, self.home, Settings(version=version), java_home=self.java, launcher=launcher, javamail=None
        )
        layout.lay_out(plan)
        self.name = plan.settings.product.name
        jars = self.install / plan.settings.product.web_root / "WEB-INF/lib"
        (jars / "javax.mail.jar").touch()  # it sends nothing
        self.service = f"atl{self.name}"
        # As root the real ones are taken; without them, what a login comes to: nothing of the environment is passed on.
        for login in ("su", "sudo", "runuser"):
            if os.geteuid() != 0 or shutil.which(login) is None:
                fake = folder / "fakes" / login
                fake.write_text('#!/bin/sh\nfor last; do :; done\nexec env -i PATH="$PATH" sh -c "$last"\n')
                fake.chmod(0o755)

    def patch(self, patch: pytest.MonkeyPatch) -> None:
        """Have the modules look here, and see of the processes those of here only."""
        patch.setattr(systemd, "UNIT_PATHS", (str(self.folder / "units"),))
        patch.setattr(systemd, "INIT_SCRIPTS", str(self.folder / "init.d"))
        patch.setattr(systemd, "is_booted", lambda: False)
        patch.setattr(supervisor, "CONFIGURATIONS", (str(self.folder / "supervisord.conf"),))
        patch.setattr(installs, "INSTALL_ROOTS", (str(self.folder / "opt"),))
        everything = processes._read_products
        ours = f"={self.folder}/"
        patch.setattr(
            processes,
            "_read_products",
            lambda proc: [found for found in everything(proc) if any(ours in word for word in found.arguments)],
        )

    @property
    def starter(self) -> Path:
        return self.install / "bin" / f"start-{self.name}.sh"

    @property
    def script(self) -> Path:
        """The one that holds the arguments."""
        old = self.install / "bin/setenv.sh"
        return old if old.exists() else self.install / "bin/_start-webapp.sh"

    def edit(self, old: str, new: str, name: str = "") -> None:
        path = self.install / "bin" / name if name else self.script
        text = path.read_text()
        assert old in text, f"{path} is not as expected"
        path.write_text(text.replace(old, new))

    def unit(self, text: str = "", name: str = "", command: str = "") -> None:
        (self.folder / "units" / f"{name or self.service}.service").write_text(
            f"[Service]\nType=forking\nExecStart={command or self.starter}\n{text}"
        )

    def drop_in(self, name: str, text: str, folder: str = "") -> None:
        path = self.folder / "units" / (folder or f"{self.service}.service.d") / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"[Service]\n{text}\n")

    def wrapper(self, text: str, path: str = "init.d/atlbitbucket", *, is_unit: bool = True) -> Path:
        """A script that starts the product, and as systemd has it for one of init.d, a unit that starts that."""
        script = self.folder / path
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)
        if is_unit:
            self.unit(command=f"{script} start")
        return script

    def supervised(self, text: str, name: str = "bitbucket") -> None:
        (self.folder / "supervisord.d").mkdir()
        (self.folder / "supervisord.conf").write_text(
            f"[supervisord]\nlogfile={self.home}/log/supervisord.log\npidfile={self.home}/supervisord.pid\n"
            "[include]\nfiles = supervisord.d/*.conf\n"
        )
        (self.folder / "supervisord.d/product.conf").write_text(f"[program:{name}]\n{text}\n")

    def files(self) -> dict[str, bytes]:
        """All that belongs to the machine and could be changed, with its contents."""
        kept = (self.install / "bin", *(self.folder / name for name in ("units", "init.d", "default", "supervisord.d")))
        return {str(path): path.read_bytes() for top in kept for path in sorted(top.rglob("*")) if path.is_file()}

    @contextlib.contextmanager
    def running(self, service: str) -> Iterator[list[str]]:
        """Start the service; gives what the JVM says: its truststore's path, and how many it trusts by that."""
        given, pid = self.home / "given", self.home / f"log/{self.name}.pid"
        given.unlink(missing_ok=True)
        environment, command = self._start(service)
        environment["PATH"] = f"/usr/sbin:/usr/bin:/sbin:/bin:{self.folder}/fakes"
        if os.geteuid() != 0:
            environment["PATH"] = f"{self.folder}/fakes:{environment['PATH']}"
        with subprocess.Popen(
            command,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as started:
            try:
                yield self._wait(given, started)
            finally:
                self._end(pid, started)

    def _wait(self, given: Path, started: subprocess.Popen[bytes]) -> list[str]:
        until = time.monotonic() + SECONDS
        while not given.exists():
            if time.monotonic() > until or started.poll() not in (None, 0):
                log = self.home / "log/launcher.log"
                started.kill()
                assert started.stdout is not None
                said = started.stdout.read().decode() if started.poll() is not None else ""
                pytest.fail(f"it did not start: {said}{log.read_text() if log.exists() else ''}")
            time.sleep(0.02)
        return given.read_text().splitlines()

    @staticmethod
    def _end(pid: Path, started: subprocess.Popen[bytes]) -> None:
        if started.poll() is None and pid.exists() and int(pid.read_text()) != started.pid:
            started.terminate()  # supervisord, which ends its programs
            started.wait(SECONDS)
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            number = int(pid.read_text())
            os.kill(number, signal.SIGKILL)
            until = time.monotonic() + SECONDS
            while Path(f"/proc/{number}/cmdline").exists() and Path(f"/proc/{number}/cmdline").read_bytes():
                assert time.monotonic() < until
                time.sleep(0.02)
        pid.unlink(missing_ok=True)
        if started.poll() is None:
            started.kill()

    def _start(self, service: str) -> tuple[dict[str, str], list[str]]:
        """As the machine's init system would start it; the environment is what systemd is taken to give."""
        unit = systemd.find_unit(service)
        if unit is not None:
            return unit.variables(), shlex.split(systemd.commands(unit)[0])
        program = supervisor.find_program(service)
        daemon = shutil.which("supervisord", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        if program and daemon:
            return {}, [daemon, "--nodaemon", "--configuration", str(self.folder / "supervisord.conf")]
        if program:
            return dict(program.environment), program.command
        script = Path(systemd.init_script(service))
        return {}, [str(script), "start"] if script.exists() else [str(self.starter)]
