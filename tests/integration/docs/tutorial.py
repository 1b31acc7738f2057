# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.integration.docs.tutorial FOLDER``: do what docs/tutorial.md says, in a copy of this checkout.

Run by test_tutorial.py in namespaces of its own, in which the ports that the page names are free. ``make sandbox`` is
the first terminal: it goes on while the other commands run, and is stopped as the page says.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.integration.docs.blocks import Command, missing, steps
from tests.integration.docs.checkout import ROOT, copy_checkout, run
from tests.integration.docs.reader import Reader

FIRST_TERMINAL = "make sandbox"


def main() -> int:
    folder = Path(sys.argv[1])
    run("ip", "link", "set", "lo", "up")
    checkout = copy_checkout(folder / "stash_mail")
    # The environment that the tests run in serves the page's commands as well.
    (checkout / ".venv").symlink_to(Path(sys.executable).parents[1])
    environment = {**os.environ, "HOME": str(folder), "TERM": "dumb"}
    reader = Reader(checkout, environment, "")
    first, *todo = steps((ROOT / "docs/tutorial.md").read_text("utf-8"))
    assert isinstance(first, Command)
    assert first.line == FIRST_TERMINAL
    # The environment is there: what make runs then is the sandbox.
    *_, command = run("make", "--dry-run", "--silent", "sandbox", cwd=checkout).splitlines()
    with subprocess.Popen(
        [str(checkout / ".venv/bin/python"), *command.split()[1:]],
        cwd=checkout,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as sandbox:
        said = _until_ready(sandbox)
        assert missing(first.shown, said) is None, said
        try:
            for step in todo:
                print(reader.follow(step), flush=True)
        finally:
            os.killpg(sandbox.pid, signal.SIGINT)
            sandbox.wait(30)
    assert not (checkout / "sandbox").exists()
    print(f"{reader.commands + 1} commands of the tutorial ended as it says.")
    return 0


def _until_ready(sandbox: subprocess.Popen[str]) -> str:
    assert sandbox.stdout is not None
    said = ""
    for line in sandbox.stdout:
        said += line
        if "Ready for docs/tutorial.md" in line:
            # What it says later is read too, so that it never waits for a reader.
            threading.Thread(target=sandbox.stdout.read, daemon=True).start()
            return said
    raise AssertionError(f"the sandbox ended: {said}")


if __name__ == "__main__":
    sys.exit(main())
