# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units as we read them, held against what systemd says of them and what it gives the processes that it starts."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from testinfra.host import Host

from tests.lab.lab import ROOT, Lab

HERE = "/root/reading"
UNITS = {
    "odd-quotes": r"""Environment="A=1 2" 'B=3 "4"' C=\x41\101\s D="%%n" 'E=%n %N %p'
Environment=F=one \
# in between
  G=two
""",
    "odd-reset": "Environment=A=1\nEnvironment=\nEnvironment=B=2\n",
    "odd-files": "EnvironmentFile=-/nothing\nEnvironmentFile=/etc/odd.env\n"
    "Environment=A=unit B=unit U=unit\nUnsetEnvironment=U\n",
    "odd-drop-ins": "Environment=A=unit B=unit C=unit\n",
    "odd-template@one.two": "Environment=A=%i B=%p C=%N\n",
}
FILE = """# comment
A="file 1"
C=three four
D='five'
  E=six
; F=no
"""
DROP_INS = {
    "/etc/systemd/system/service.d/10-all.conf": "Environment=B=all C=all ALL=yes\n",
    "/etc/systemd/system/odd-.service.d/20-dash.conf": "Environment=C=dash\n",
    "/run/systemd/system/odd-drop-ins.service.d/10-all.conf": "Environment=OWN=yes\n",
    "/run/systemd/system/odd-drop-ins.service.d/30-own.conf": "Environment=A=own\n",
}
READ = f"""
import json, sys
sys.path.insert(0, "{HERE}")
from ansible_collections.stashops.mail.plugins.module_utils._product import systemd
def read(name, **how):
    unit = systemd.find_unit(name, **how)
    return {{"path": unit.path, "drop_ins": unit.drop_ins, "variables": unit.variables()}}
names = sys.argv[1:]
print(json.dumps({{name: [read(name), read(name, unit_paths=systemd.UNIT_PATHS)] for name in names}}))
"""


@pytest.fixture(scope="module")
def read(lab: Lab, bitbucket: Host) -> dict[str, list[dict[str, Any]]]:
    """Of each unit, as we read it with systemd's help and without."""
    folder = f"{HERE}/ansible_collections/stashops/mail/plugins"
    bitbucket.check_output(f"mkdir -p {folder} /etc/systemd/system/service.d")
    command = ["podman", "cp", str(ROOT / "plugins/module_utils"), f"{lab.containers['bitbucket']}:{folder}/"]
    subprocess.run(command, check=True, timeout=60)
    files = {"/etc/odd.env": FILE, **{path: f"[Service]\n{text}" for path, text in DROP_INS.items()}}
    for name, text in UNITS.items():
        unit = name.replace("one.two", "") if "@" in name else name
        files[f"/run/systemd/system/{unit}.service"] = (
            f"[Service]\nType=oneshot\nExecStart=/bin/sh -c 'env -0 >/run/%n.env'\n{text}"
        )
    for path, text in files.items():
        bitbucket.check_output(f"mkdir -p {path.rpartition('/')[0]} && cat >{path} <<'END'\n{text}END")
    bitbucket.check_output("systemctl set-environment 'ODD=of all' && systemctl daemon-reload")
    bitbucket.check_output(f"systemctl start {' '.join(UNITS)}")
    said = bitbucket.check_output(f"python3 - {' '.join(UNITS)} <<'END'\n{READ}END")
    found: dict[str, list[dict[str, Any]]] = json.loads(said)
    return found


@pytest.mark.parametrize("name", UNITS)
def test_as_systemd_does(read: dict[str, list[dict[str, Any]]], bitbucket: Host, name: str) -> None:
    shown = bitbucket.check_output(f"systemctl show {name} --property FragmentPath,DropInPaths").splitlines()
    said = dict(line.split("=", 1) for line in shown)
    with_systemd, by_ourselves = read[name]
    for ours in (with_systemd, by_ourselves):
        assert (ours["path"], sorted(ours["drop_ins"])) == (said["FragmentPath"], sorted(said["DropInPaths"].split()))
    environment = bitbucket.file(f"/run/{name}.service.env").content_string.rstrip("\0")
    given = dict(item.split("=", 1) for item in environment.split("\0"))
    # What a shell and systemd add for themselves.
    added = set(given) - set(with_systemd["variables"])
    assert added <= {"PWD", "SHLVL", "_", "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "OLDPWD"}
    assert {variable: given[variable] for variable in with_systemd["variables"]} == with_systemd["variables"]
    assert by_ourselves["variables"].items() <= with_systemd["variables"].items()
    assert with_systemd["variables"]["ODD"] == "of all"
