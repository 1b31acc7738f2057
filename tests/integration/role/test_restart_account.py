# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the product's own scripts get of root, whose run restarts them: nothing but what they need."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.role.conftest import ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has what others could get")
# A system account that every Debian has, in place of the product's.
ACCOUNT = "daemon"
SECRET = "Umgebung-Geheim-5f1c"
SPY = """
{ echo "uid $(id -u)"; echo "groups $(id -G)"; echo "home $HOME"; env; cat /proc/self/stat | sed 's/.*) /stat /'
  (: </dev/tty) 2>/dev/null && echo "has a terminal"; ls -l /proc/$$/fd | sed -n 's/.*-> /open /p'; }
"""


def restart(tmp_path: Path, user: str, script: str, root_runs_it: bool = False) -> dict[str, Any]:
    """Have the role's way to run the scripts run ``script``, at a terminal; return what its task gave."""
    home = tmp_path / "home"
    home.mkdir()
    product = {
        "current_user": "root",
        "user": user,
        "product": "bitbucket",
        "home": str(home),
        "java": {"home": "/jre"},
    }
    variables = ROOT / "roles" / "stash_mail" / "vars" / "main" / "main.yml"
    tasks: list[dict[str, Any]] = [
        {"ansible.builtin.include_vars": str(variables)},
        {
            "ansible.builtin.command": {
                "argv": "{{ __stash_mail_restart_wrapper + ['sh', '-c', script] }}",
                "expand_argument_vars": False,
            },
            "register": "ran",
        },
        {
            "ansible.builtin.copy": {
                "content": "{{ {'said': ran.stdout, 'log': __stash_mail_start_log} }}",
                "dest": str(tmp_path / "answer"),
                "mode": "0600",
            }
        },
    ]
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": tasks,
            "vars": {"__stash_mail_plan": {"product": product}, "script": f"{script}\necho started"},
        }
    ]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    terminal, end = pty.openpty()
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-c", "local", "-i", "localhost,"]
    interpreter = ["-e", f"ansible_python_interpreter={sys.executable}"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "A_SECRET": SECRET}
    # The terminal is root's, and the one that controls the run, as it is for a user of a shell.
    done = subprocess.run(
        ["setsid", "--ctty", "--wait", *command, *interpreter, str(tmp_path / "play.yml")],
        stdin=end,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )
    os.close(end)
    os.close(terminal)
    assert done.returncode == 0, done.stdout
    found: dict[str, Any] = json.loads((tmp_path / "answer").read_text())
    return found


def test_the_scripts_get_nothing_of_roots(tmp_path: Path) -> None:
    said = restart(tmp_path, ACCOUNT, SPY)["said"]
    lines = said.splitlines()
    assert "uid 1" in lines
    assert [line for line in lines if line.startswith("groups ")] == ["groups 1"]
    assert SECRET not in said
    assert "home /root" not in lines
    names = {line.partition("=")[0] for line in lines if "=" in line and line[0].isupper()}
    # Of the shell, and of runuser, by the account.
    assert names - {"PWD", "OLDPWD", "SHLVL", "_", "HOME", "USER", "LOGNAME"} == {
        "PATH",
        "LANG",
        "BITBUCKET_HOME",
        "JRE_HOME",
    }
    assert "has a terminal" not in lines
    (stat,) = [line.split() for line in lines if line.startswith("stat ")]
    assert stat[5] == "0", "its controlling terminal"
    opened = [line.removeprefix("open ") for line in lines if line.startswith("open ")]
    assert opened
    assert not [name for name in opened if not name.startswith(("pipe:", "/dev/null", "/proc/"))]


def test_root_opens_no_log_in_a_folder_of_others(tmp_path: Path) -> None:
    """Where the product runs as root, the log is root's to open, and the home folder may be another's."""
    log = restart(tmp_path, "root", "id -u")["log"]
    assert Path(log).parent == Path("/run")
    assert Path(log).parent.stat().st_mode & 0o022 == 0
    assert Path(log).parent.owner() == "root"
