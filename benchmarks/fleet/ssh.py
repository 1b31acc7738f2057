# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host over SSH: an sshd of the benchmark's own on loopback, with keys that last as long as it does."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.fleet import runs
from benchmarks.fleet.lab import Lab
from tests import doc_table
from tests.standin.runner import free_port

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_REPEATS = 3
_START_SECONDS = 10


@contextlib.contextmanager
def server(folder: Path) -> Iterator[dict[str, Any]]:
    """Run sshd, and give the variables of a host that is reached through it."""
    assert SSHD
    for name in ("host", "user"):
        subprocess.run(  # noqa: S603 - a command of our own, no shell
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)],  # noqa: S607
            check=True,
            stdin=subprocess.DEVNULL,
        )
    port = free_port()
    lines = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder / 'host'}",
        f"AuthorizedKeysFile {folder / 'user.pub'}",
        f"PidFile {folder / 'sshd.pid'}",
        "PasswordAuthentication no",
        "UsePAM no",
        "StrictModes no",
        "PermitRootLogin prohibit-password",
    ]
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd locks itself in
    process = subprocess.Popen(  # noqa: S603 - a command of our own, no shell
        [SSHD, "-D", "-e", "-f", str(folder / "sshd_config")],
        stdin=subprocess.DEVNULL,
        stderr=(folder / "sshd.log").open("wb"),
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"sshd does not serve: {(folder / 'sshd.log').read_text()[-1000:]}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield {
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_port": port,
            "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": str(folder / "user"),
            # Each run pays for its own connection.
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={folder / 'known'} "
            f"-o StrictHostKeyChecking=accept-new -o ControlPath={folder / 'control'} -o ControlPersist=5",
        }
    finally:
        process.terminate()
        process.wait(timeout=10)


def walls(lab: Lab, folder: Path) -> dict[str, float]:
    """Seconds of an unchanged run of one host, by side."""
    found = {}
    with server(folder) as through:
        for side in runs.PLAYBOOKS:
            lab.reset(1)
            inventory = lab.inventory(1)
            inventory["bitbucket"]["vars"] = inventory["bitbucket"]["vars"] | through
            runs.run(folder, side, inventory)
            found[side] = statistics.median(runs.run(folder, side, inventory).wall for _ in range(_REPEATS))
    return found


def table(walls: Mapping[str, float], labels: Mapping[str, str]) -> str:
    """The seconds as a table."""
    lines = [[label, f"{walls[side]:.1f}"] for side, label in labels.items()]
    return doc_table.table([f"unchanged run, wall s (median of {_REPEATS})", "one host over SSH"], lines)
