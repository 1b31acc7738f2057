# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Phases alone, restarts left out, drift, and what other people's settings make of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.role.conftest import Site, make_site
from tests.standin import Settings


def shown(output: str) -> str:
    """The output with the callback's folded lines joined."""
    return re.sub(r"\s+", " ", output)


def test_each_phase_alone(site: Site) -> None:
    untouched = site.state()
    site.run("--tags", "stash_mail_prereqs")
    assert site.state() == untouched
    early = site.run("--tags", "stash_mail_prereqs,stash_mail_verify")
    assert (early.code, site.smtp.messages) == (2, []), "a JVM without our truststore would not deliver it"

    assert site.run("--tags", "stash_mail_truststore").ok
    assert site.truststore.exists()
    assert site.state()[:3] == untouched[:3]

    left_out = site.run("--tags", "stash_mail_jvm", restart="none")
    assert left_out.ok
    assert "not in force until you restart the product" in shown(left_out.output)
    assert site.bitbucket.pid == untouched[0]
    assert site.run("--tags", "stash_mail_jvm", restart="none").changed == 0

    made_up_for = site.run("--tags", "stash_mail_jvm")
    assert made_up_for.ok, made_up_for.output
    assert site.bitbucket.pid != untouched[0], "the restart that was left out"

    probed = site.run("--tags", "stash_mail_probe")
    assert probed.ok, probed.output
    assert site.mail_settings() is None
    assert site.run("--tags", "stash_mail_server").changed == 1
    assert site.mail_settings() is not None
    assert site.smtp.messages == []
    sent = site.run("--tags", "stash_mail_verify")
    assert (sent.ok, sent.changed) == (True, 0)
    assert len(site.smtp.messages) == 1
    assert site.run(verify="on_change").ok
    assert len(site.smtp.messages) == 1, "nothing had changed"


def test_without_certificates_the_jvm_keeps_its_own_truststore(site: Site) -> None:
    assert site.run().ok
    pid = site.bitbucket.pid
    # Nothing vouches for the server any more, so the preflight refuses that, and all stays.
    assert site.run(certificates=[]).code == 2
    assert (site.bitbucket.pid, site.truststore.exists()) == (pid, True)
    taken_out = site.run("--tags", "stash_mail_jvm,stash_mail_truststore", certificates=[])
    assert taken_out.ok, taken_out.output
    assert site.bitbucket.pid != pid
    assert not site.truststore.exists()
    assert "BEGIN stash_mail" not in site.bitbucket.jvm_args_file.read_text()


@pytest.mark.skipif(not shutil.which("java"), reason="no java on the PATH")
def test_a_truststore_of_somebody_else_is_built_on_or_left(tmp_path: Path) -> None:
    java = Path(str(shutil.which("java"))).resolve().parent.parent
    theirs = tmp_path / "theirs"
    shutil.copy(java / "lib" / "security" / "cacerts", theirs)
    with make_site(tmp_path, jvm_args=f"-Dother=1 -Djavax.net.ssl.trustStore={theirs}") as site:
        before = site.state()
        refused = site.run()
        assert refused.code == 2
        assert "(stash_mail_truststore_base) to that path to build on it" in shown(refused.output)
        assert site.state() == before
        # The environment of the start script is not ours to change, so here it is gone after the restart.
        assert site.run(truststore_base=str(theirs)).ok
        assert site.run(truststore_base=str(theirs)).changed == 0


def test_arguments_that_something_else_overrides_are_found_out(site: Site) -> None:
    script = site.bitbucket.jvm_args_file
    text = script.read_text()
    script.write_text(text.replace('"-Dbitbucket.home', '-Djavax.net.ssl.trustStore=/nowhere "-Dbitbucket.home'))
    changed = script.read_text()
    assert changed != text
    outcome = site.run(
        truststore_base="/etc/ssl/certs/java/cacerts" if Path("/etc/ssl/certs/java/cacerts").exists() else "none"
    )
    assert outcome.code == 2
    assert "gives -Djavax.net.ssl.trustStore=/nowhere after JVM_SUPPORT_RECOMMENDED_ARGS" in shown(outcome.output)
    assert script.read_text() == changed, "before anything has changed"
    assert site.mail_settings() is None


def test_a_restart_after_which_the_jvm_runs_with_something_else(site: Site, tmp_path: Path) -> None:
    """Another program, such as a configuration management, has changed the start scripts meanwhile."""
    script, hook = site.bitbucket.jvm_args_file, tmp_path / "meanwhile.yml"
    original = tmp_path / "original"
    shutil.copy(script, original)

    def restarted(command: str) -> str:
        hook.write_text(f"- ansible.builtin.shell: {command}\n")
        pid = site.bitbucket.pid
        outcome = site.run(pre_restart_tasks=str(hook))
        assert outcome.code == 2, outcome.output
        assert site.bitbucket.pid != pid
        assert site.mail_settings() is None
        return shown(outcome.output)

    output = restarted(f"cp {original} {script}")
    assert f"but its JVM still runs with other arguments instead of what {script} says" in output
    variable = "export _JAVA_OPTIONS=-Djavax.net.ssl.trustStore=/nowhere"
    output = restarted(f"echo {variable} >> {script.parent}/set-jre-home.sh")
    assert "gets truststore /nowhere from _JAVA_OPTIONS of its environment, which wins" in output
    assert "The product was restarted, but" in output
    assert "has not said RUNNING" not in output


# Stash 3.11 on its own Java has the scenario legacy_stash.
@pytest.mark.parametrize("version", ["3.6.1", "4.14.1"])
def test_before_version_5(tmp_path: Path, version: str) -> None:
    with make_site(tmp_path, settings=Settings(version=version, key_style="hyphen")) as site:
        script = site.bitbucket.jvm_args_file
        original = script.read_text()
        outcome = site.run()
        assert outcome.ok, outcome.output
        assert script.name == "setenv.sh"
        assert site.run().changed == 0
        site.bitbucket.create_user("new.colleague", "inbox@example.com")
        assert site.arrived(3), site.bitbucket.mail_log
        assert site.run(state="absent").ok
        assert script.read_text() == original


def test_the_product_outlives_the_run(site: Site) -> None:
    assert site.run().ok
    session = subprocess.run(
        ["ps", "-o", "sid=", "-p", str(site.bitbucket.pid)], capture_output=True, text=True, check=True
    ).stdout
    assert int(session) not in (os.getsid(0), 0), "a session of its own"


def test_check_mode_where_nothing_is_installed(site: Site, tmp_path: Path) -> None:
    site.bitbucket.stop()
    site.settings.pop("stash_mail_bitbucket_install_dir")
    outcome = site.run("--check", bitbucket_service="stash-mail-test-nothing")
    site.bitbucket.start()
    if '"found": false' not in outcome.output and "found: false" not in outcome.output:
        pytest.skip("another Bitbucket, or a stand-in of another test, is on this machine")
    assert outcome.ok
    assert "No Stash or Bitbucket is installed or running here" in shown(outcome.output)
    assert outcome.changed == 0
