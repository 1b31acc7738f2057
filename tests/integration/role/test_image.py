# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A product that gets its arguments from an environment file, as a container from the vendor's image does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.role.conftest import RECIPIENT, Site
from tests.integration.role.test_phases import shown

pytestmark = pytest.mark.timeout(900)

VARIABLE = "JVM_SUPPORT_RECOMMENDED_ARGS"
# What making the container anew comes to: another process, with the environment that the file says by now.
AGAIN = """---
- name: Stop the product
  ansible.builtin.command:
    argv: ["{install}/bin/stop-bitbucket.sh"]
  changed_when: false

- name: Start it with the environment of the file
  ansible.builtin.shell:
    cmd: >-
      export {variable}="$(sed -n 's/^{variable}=//p' {file})";
      setsid nohup {install}/bin/start-bitbucket.sh </dev/null >{file}.log 2>&1
  changed_when: false
"""


def test_the_arguments_go_through_the_environment(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "bitbucket.env"
    before = f"# ours\nBITBUCKET_X=1\n{VARIABLE}=-Dkept=1  -Dalso.kept=2\n"
    file.write_text(before)
    file.chmod(0o640)
    hook = tmp_path / "again.yml"
    hook.write_text(AGAIN.format(install=site.bitbucket.install_dir, file=file, variable=VARIABLE))
    script = site.bitbucket.jvm_args_file.read_bytes()

    left = site.run("--tags", "stash_mail_truststore,stash_mail_jvm", jvm_environment_file=str(file))
    assert left.ok, left.output
    assert "this is not in force until you restart the product" in shown(left.output)
    assert "Its container has to be recreated" in shown(left.output)

    options = {"jvm_environment_file": str(file), "pre_restart_tasks": str(hook)}
    done = site.run(**options)
    assert done.ok, done.output
    ours = f"-Dkept=1  -Dalso.kept=2 -Djavax.net.ssl.trustStore={site.truststore}"
    assert file.read_text().endswith(f"\n{VARIABLE}={ours}\n")
    assert file.stat().st_mode & 0o777 == 0o640
    arguments = Path(f"/proc/{site.bitbucket.pid}/cmdline").read_text().split("\0")
    assert [word for word in arguments if word in ours.split()] == ours.split()
    assert site.bitbucket.jvm_args_file.read_bytes() == script
    site.bitbucket.create_user("new.colleague", RECIPIENT)
    assert site.arrived(2), site.bitbucket.mail_log

    again = site.run(**options)
    assert (again.ok, again.changed) == (True, 0), again.output
    pid = site.bitbucket.pid
    assert site.run(**options, state="absent").ok
    assert file.read_text() == before
    assert site.bitbucket.pid != pid
    assert "trustStore" not in Path(f"/proc/{site.bitbucket.pid}/cmdline").read_text()
