# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments as sites have them: which place is taken for the arguments, and what a shell then gives the JVM.

The scripts are written for these tests. What the JVM gets is what a real shell makes of them, with a ``java`` that
prints its arguments.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import trust_properties
from ansible_collections.stashops.mail.plugins.module_utils._product import install as installs
from ansible_collections.stashops.mail.plugins.module_utils._product import systemd
from ansible_collections.stashops.mail.plugins.modules import stash_mail_info, stash_mail_jvm, stash_mail_kubernetes

from tests import doc_table
from tests.ansible_module import patch_module_args

P = "-Djavax.net.ssl.trustStore"
VARIABLE = "JVM_SUPPORT_RECOMMENDED_ARGS"

# Bitbucket 5 and later.
START_WEBAPP = f"""#!/bin/sh
#{VARIABLE}=
. "$(dirname "$0")/set-jmx-opts.sh"
JAVA_OPTS="-classpath x ${{JMX_OPTS}} ${{JAVA_OPTS}} ${{{VARIABLE}}}"
exec java ${{JAVA_OPTS}} com.example.Launcher
"""
SET_JMX_OPTS = f"""JMX_AUTH=
if [ "x$JMX_AUTH" = "xssl" ]; then
    JMX_OPTS="{P}=${{JAVA_TRUSTSTORE}} {P}Password=${{JAVA_TRUSTSTORE_PASSWORD}}"
fi
"""
# Stash 3.8 and Bitbucket 4.
SETENV = f"""{VARIABLE}=""

JMX_AUTH=
if [ "x$JMX_AUTH" = "xssl" ]; then
    JMX_OPTS="-Dx=${{JAVA_KEYSTORE}} {P}=${{JAVA_TRUSTSTORE}} {P}Password=${{JAVA_TRUSTSTORE_PASSWORD}}"
fi

JAVA_OPTS="${{JMX_OPTS}} ${{JAVA_OPTS}} ${{{VARIABLE}}}"
"""
SETENV_LAST = SETENV.replace(
    f'JAVA_OPTS="${{JMX_OPTS}} ${{JAVA_OPTS}} ${{{VARIABLE}}}"',
    f'JAVA_OPTS="${{JAVA_OPTS}} ${{{VARIABLE}}}"\nCATALINA_OPTS="${{CATALINA_OPTS}} ${{JMX_OPTS}}"',
)
JMX_ON = ("JMX_AUTH=\n", "JMX_AUTH=ssl\nJAVA_TRUSTSTORE=/opt/jmx.jks\nJAVA_TRUSTSTORE_PASSWORD=s3cret\n")

Run = Callable[..., dict[str, Any]]


class Site:
    """A machine with an installation, units and init scripts, all in a folder."""

    def __init__(self, folder: Path) -> None:
        self.units = folder / "units"
        self.init = folder / "init.d"
        self.install = folder / "opt" / "9.4.2"
        self.truststore = folder / "cacerts"
        for path in (self.units, self.init, self.install / "bin"):
            path.mkdir(parents=True)
        self.truststore.touch()

    def bitbucket(self, script: str = START_WEBAPP, jmx: str = SET_JMX_OPTS) -> Path:
        (self.install / "bin" / "set-jmx-opts.sh").write_text(jmx)
        (self.install / "bin" / "start-bitbucket.sh").write_text('exec sh "$(dirname "$0")/_start-webapp.sh"\n')
        (self.install / "bin" / "_start-webapp.sh").write_text(script)
        return self.install / "bin" / "_start-webapp.sh"

    def stash(self, script: str = SETENV) -> Path:
        (self.install / "bin" / "start-stash.sh").write_text(
            '. "$(dirname "$0")/setenv.sh"\neval java $JAVA_OPTS $CATALINA_OPTS org.example.Bootstrap\n'
        )
        (self.install / "bin" / "setenv.sh").write_text(script)
        return self.install / "bin" / "setenv.sh"

    def unit(self, text: str = "", name: str = "b", command: str = "") -> None:
        command = command or f"{self.install}/bin/start-bitbucket.sh"
        (self.units / f"{name}.service").write_text(f"[Service]\nExecStart={command}\n{text}")

    def drop_in(self, name: str, text: str, folder: str = "b.service.d") -> None:
        (self.units / folder).mkdir(exist_ok=True)
        (self.units / folder / name).write_text(f"[Service]\n{text}\n")

    def start(self, service: str = "b") -> list[str]:
        """The JVM's arguments when the service starts, by a real shell and what our reading of the unit gives it."""
        unit = systemd.find_unit(service)
        environment = {name: setting.value for name, setting in unit.environment.items()} if unit else {}
        for name in unit.unset if unit else ():
            environment.pop(name, None)
        programs = systemd.programs(unit) if unit else []
        start = next(iter((self.install / "bin").glob("start-*.sh")))
        command = ["sh", programs[0] if programs else str(start), "start"]
        java = self.install / "java"
        java.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        java.chmod(0o755)
        # A login of another account: nothing of the environment is passed on.
        for login in ("su", "sudo"):
            (self.install / login).write_text(
                '#!/bin/sh\nfor last; do :; done\nexec env -i PATH="$PATH" sh -c "$last"\n'
            )
            (self.install / login).chmod(0o755)
        env = {"PATH": f"{self.install}:/usr/bin:/bin", **environment}
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20, env=env)
        return done.stdout.split("\n")[:-1]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(tmp_path)
    monkeypatch.setattr(systemd, "UNIT_PATHS", (str(made.units),))
    monkeypatch.setattr(systemd, "INIT_SCRIPTS", str(made.init))
    monkeypatch.setattr(installs, "INSTALL_ROOTS", (str(tmp_path / "opt"),))
    return made


@pytest.fixture
def run(site: Site, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(**options: Any) -> dict[str, Any]:
        arguments = {"service": "b", "truststore": str(site.truststore), "_ansible_diff": True, **options}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            stash_mail_jvm.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return call


@contextlib.contextmanager
def running(site: Site, *arguments: str) -> Iterator[None]:
    command = ["java", "-c", "import time; print(1, flush=True); time.sleep(60)", f"-Dbitbucket.install={site.install}"]
    with subprocess.Popen([*command, *arguments], executable=sys.executable, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def check_in_force(run: Run, site: Site, *files: Path, method: str, service: str = "b") -> dict[str, Any]:
    """The place taken; the JVM gets ours; a second run changes nothing; all is put back byte for byte."""
    before = [file.read_bytes() for file in files]
    result = run(service=service)
    assert result.get("failed") is None, result
    assert result["method"] == method, result["method_reason"]
    got = trust_properties(site.start(service))
    assert got["javax.net.ssl.trustStore"] == str(site.truststore)
    assert got.get("javax.net.ssl.trustStorePassword", "") == "", "a password of others meets our file"
    assert run(service=service)["changed"] is False
    assert run(service=service, state="absent")["changed"] is True
    assert [file.read_bytes() for file in files] == before
    assert not list(site.units.glob("*/stash_mail.conf"))
    return result


def test_the_installers_unit(run: Run, site: Site) -> None:
    script = site.bitbucket()
    site.unit(f"Environment={VARIABLE}=-Xa\n")
    result = check_in_force(run, site, script, method="systemd")
    assert result["foreign_truststore"] is None


def test_a_stock_stash(run: Run, site: Site) -> None:
    """Its script names a truststore in a branch for JMX that is off."""
    script = site.stash()
    result = check_in_force(run, site, script, method="setenv")
    assert result["foreign_truststore"] is None


def test_the_case_of_a_site(run: Run, site: Site) -> None:
    case = Path(__file__).resolve().parents[4] / "shared" / "cases" / "setenv-jmx-branch.sh"
    if not case.exists():
        pytest.skip("no shared cases here")
    script = site.stash(case.read_text())
    assert check_in_force(run, site, script, method="setenv")["foreign_truststore"] is None


@pytest.mark.parametrize("jmx", [SET_JMX_OPTS, SET_JMX_OPTS.replace(*JMX_ON)], ids=["off", "on"])
def test_jmx_over_ssl_from_5_on(run: Run, site: Site, jmx: str) -> None:
    """It gives a password that must not meet our file."""
    script = site.bitbucket(jmx=jmx)
    site.unit()
    result = check_in_force(run, site, script, method="systemd")
    assert result["foreign_truststore"] == ("/opt/jmx.jks" if jmx != SET_JMX_OPTS else None)
    assert "s3cret" not in json.dumps(result)


@pytest.mark.parametrize("text", [SETENV, SETENV_LAST], ids=["before", "after"])
def test_jmx_over_ssl_on_4(run: Run, site: Site, text: str) -> None:
    script = site.stash(text.replace(*JMX_ON))
    assert check_in_force(run, site, script, method="setenv")["foreign_truststore"] == "/opt/jmx.jks"


def test_jmx_arguments_that_come_last_and_are_off(run: Run, site: Site) -> None:
    script = site.stash(SETENV_LAST)
    assert check_in_force(run, site, script, method="setenv")["foreign_truststore"] is None


def test_an_argument_after_the_variable(run: Run, site: Site) -> None:
    script = site.bitbucket(START_WEBAPP.replace(f"${{{VARIABLE}}}", f"${{{VARIABLE}}} {P}=/theirs {P}Password=s3cret"))
    for unit in (False, True):
        if unit:
            site.unit()
        result = run()
        assert "after JVM_SUPPORT_RECOMMENDED_ARGS, and the last one wins" in result["msg"]
        assert "s3cret" not in json.dumps(result)
    assert "BEGIN stash_mail" not in script.read_text()
    stash = site.stash(SETENV.replace(f"${{{VARIABLE}}}", f"${{{VARIABLE}}} {P}=/theirs"))
    (script.parent / "_start-webapp.sh").unlink()
    for file in ("b.service",):
        (site.units / file).unlink()
    (script.parent / "start-bitbucket.sh").unlink()
    assert check_in_force(run, site, stash, method="setenv")["foreign_truststore"] == "/theirs"


@pytest.mark.parametrize(
    "start",
    [
        "su - {user} -c {start}",
        "su -l {user} -c {start}",
        "su -s /bin/sh - {user} -c {start}",
        "sudo -u {user} sh -c {start}",
        "export JVM_SUPPORT_RECOMMENDED_ARGS=-Xmx1g; exec sh {start}",
        "su {user} -lc {start}",
        "su \\\n  - {user} -c {start}",
        "env -u JVM_SUPPORT_RECOMMENDED_ARGS sh {start}",
    ],
)
def test_a_wrapper_that_does_not_pass_the_variable_on(run: Run, site: Site, start: str) -> None:
    script = site.bitbucket()
    wrapper = site.init / "b"
    wrapper.write_text("#!/bin/sh\n# su -c\n" + start.format(user="x", start=f"{site.install}/bin/start-bitbucket.sh"))
    (site.install / "bin" / "start-bitbucket.sh").chmod(0o755)
    (site.install / "bin" / "start-bitbucket.sh").write_text('#!/bin/sh\nexec sh "$(dirname "$0")/_start-webapp.sh"\n')
    site.unit(command=f"{wrapper} start")
    result = check_in_force(run, site, script, method="start_webapp")
    assert str(wrapper) in result["method_reason"]


@pytest.mark.parametrize(
    "start",
    ["exec su x -c {start}", f'export {VARIABLE}="${VARIABLE} -Xa"; exec sh {{start}}', "# su - x\nexec sh {start}"],
)
def test_a_wrapper_that_passes_it_on(run: Run, site: Site, start: str) -> None:
    site.bitbucket()
    wrapper = site.init / "b"
    wrapper.write_text("#!/bin/sh\n" + start.format(start=f"{site.install}/bin/start-bitbucket.sh"))
    site.unit(command=f"{wrapper} start")
    assert run()["method"] == "systemd"


@pytest.mark.parametrize(
    ("folder", "name", "text"),
    [
        ("b.service.d", "zz.conf", "Environment="),
        ("b.service.d", "zz.conf", f"Environment={VARIABLE}=-Xz"),
        ("service.d", "zz.conf", "Environment="),
        ("service.d", "aa.conf", f"UnsetEnvironment={VARIABLE}"),
        ("b.service.d", "aa.conf", f"UnsetEnvironment=X {VARIABLE} Y"),
    ],
)
def test_a_drop_in_of_others_that_undoes_ours(run: Run, site: Site, folder: str, name: str, text: str) -> None:
    script = site.bitbucket()
    site.unit()
    site.drop_in(name, text, folder)
    result = check_in_force(run, site, script, method="start_webapp")
    assert f"{folder}/{name}" in result["method_reason"]
    assert "would have no effect" in run(method="systemd")["msg"]


@pytest.mark.parametrize(
    ("folder", "name", "text"),
    [
        ("b.service.d", "aa.conf", "Environment="),
        ("b.service.d", "zz.conf", "Environment=\nEnvironment=X=y\nUnsetEnvironment=X"),
        ("service.d", "aa.conf", f'Environment="{VARIABLE}=-Xa -Xb"'),
        ("other.service.d", "zz.conf", "Environment="),
    ],
)
def test_a_drop_in_of_others_that_does_not(run: Run, site: Site, folder: str, name: str, text: str) -> None:
    site.bitbucket()
    site.unit(f"Environment={VARIABLE}=-Xunit\n")
    site.drop_in(name, text, folder)
    expected = "start_webapp" if text.startswith("Environment=\nE") else "systemd"
    result = run()
    assert result["method"] == expected
    if folder == "service.d":
        assert result["arguments"] == ["-Xa", "-Xb", f"{P}={site.truststore}"]


def test_drop_ins_of_a_name_with_dashes(site: Site) -> None:
    site.unit(name="atlassian-bitbucket")
    site.drop_in("a.conf", "Environment=A=1 B=1 C=1", "service.d")
    site.drop_in("b.conf", "Environment=B=2 C=2", "atlassian-.service.d")
    site.drop_in("c.conf", "Environment=C=3", "atlassian-bitbucket.service.d")
    site.drop_in("c.conf", "Environment=C=4", "service.d")
    unit = systemd.find_unit("atlassian-bitbucket")
    assert unit is not None
    assert {name: setting.value for name, setting in unit.environment.items()} == {"A": "1", "B": "2", "C": "3"}


def test_the_process_says_that_another_one_wins(run: Run, site: Site) -> None:
    """What no reading of scripts could tell is seen at the next run, before anything is restarted again."""
    script = site.bitbucket()
    run()
    with running(site, f"{P}={site.truststore}", f"{P}=/by/jmx"):
        result = run()
    assert "was given the managed truststore, and after it" in result["msg"]
    assert "stash_mail" in script.read_text()


@pytest.mark.parametrize("name", ["bitbucket", "atlassian-bitbucket", "stash"])
def test_a_service_by_another_usual_name(run: Run, site: Site, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = site.bitbucket()
    site.unit(name=name)
    result = run(service="atlbitbucket")
    assert result["path"] == f"{site.units}/{name}.service.d/stash_mail.conf"
    with patch_module_args({}), pytest.raises(SystemExit):
        stash_mail_info.main()
    info = json.loads(capsys.readouterr().out)
    assert (info["service"]["name"], info["service"]["exists"]) == (name, True)
    assert info["install_dir"] == str(script.parent.parent)
    assert run(service="nothing")["path"] == str(script), "only the default is a guess"


def test_several_services_that_could_be_it(run: Run, site: Site) -> None:
    site.bitbucket()
    for name in ("bitbucket", "stash"):
        site.unit(name=name)
    assert "bitbucket, stash. Say by service" in run(service="atlbitbucket")["msg"]


def test_all_that_only_a_wrapper_says(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.bitbucket()
    elsewhere = tmp_path / "srv" / "bitbucket"
    elsewhere.parent.mkdir()
    site.install.rename(elsewhere)
    java = tmp_path / "java"
    (java / "bin").mkdir(parents=True)
    (java / "bin" / "java").touch(0o755)
    library = elsewhere / "app" / "WEB-INF" / "lib"
    library.mkdir(parents=True)
    for jar in ("bitbucket-api-8.19.3.jar", "bitbucket-spi-8.19.3.jar", "bitbucket-ui-9.0.0.jar", "guava-33.1.0.jar"):
        (library / jar).touch()
    (site.init / "b").write_text(
        f"#!/bin/sh\n# Bitbuckets Dienst f\xfcr alle\nexport BITBUCKET_HOME=/data/bitbucket\nJAVA_HOME={java}\n"
        f'case "$1" in start) su - x -c "{elsewhere}/bin/start-bitbucket.sh" ;; esac\n',
        "latin-1",
    )
    with patch_module_args({"service": "b"}), pytest.raises(SystemExit):
        stash_mail_info.main()
    info = json.loads(capsys.readouterr().out)
    assert info["install_dir"] == str(elsewhere)
    assert info["version"] == "8.19.3"
    assert info["home"] == "/data/bitbucket"
    assert info["java"]["home"] == str(java)
    assert str(site.init / "b") in info["java"]["source"]


def test_a_password_that_only_the_process_shows(run: Run, site: Site) -> None:
    """As a login's environment gives it: ours resets it, and goes on doing so."""
    script = site.bitbucket()
    theirs = [f"{P}=/theirs", f"{P}Password=s3cret"]
    ours = [f"{P}={site.truststore}", f"{P}Password="]
    with running(site, *theirs):
        result = run()
    assert (result["arguments"], result["foreign_truststore"]) == ([ours[0], f"{P}Password=********"], "/theirs")
    with running(site, *theirs, *ours):
        again = run()
        assert (again["changed"], again["restart_needed"], again["foreign_truststore"]) == (False, False, None)
    assert f'{P}Password="' in script.read_text()


def test_a_password_of_the_unit_is_replaced_once(run: Run, site: Site) -> None:
    site.bitbucket()
    site.unit(f'Environment="{VARIABLE}={P}=/theirs {P}Password=s3cret"\n')
    with running(site, f"{P}=/theirs", f"{P}Password=s3cret"):
        result = run()
    assert result["arguments"] == [f"{P}={site.truststore}"]
    with running(site, *result["arguments"]):
        again = run()
        assert (again["changed"], again["restart_needed"]) == (False, False)


def test_a_password_of_ours_that_is_taken_back(run: Run, site: Site) -> None:
    site.bitbucket()
    site.unit()
    run(truststore_password="old")
    with running(site, f"{P}={site.truststore}", f"{P}Password=old"):
        assert run()["changed"] is True
        assert run()["changed"] is False, "before it is restarted, too"


@pytest.mark.parametrize("name", ["set-jre-home.sh", "set-jmx-opts.sh"])
def test_a_script_that_is_read_in_and_sets_the_variable_anew(run: Run, site: Site, name: str) -> None:
    """What stands before is lost, and no drop-in is heard either."""
    script = site.bitbucket(START_WEBAPP.replace("set-jmx-opts.sh", name))
    site.unit()
    (script.parent / name).write_text(f'{VARIABLE}="-Dx=1"\n')
    assert f"reads in a script that sets {VARIABLE} anew" in run()["msg"]
    assert "BEGIN stash_mail" not in script.read_text()
    (script.parent / name).write_text(f'{VARIABLE}="${{{VARIABLE}}} -Dx=1"\n')
    check_in_force(run, site, script, method="systemd")


def test_a_unit_made_from_a_template(run: Run, site: Site) -> None:
    script = site.bitbucket()
    elsewhere = site.install.parent / "bitbucket-one"
    site.install.rename(elsewhere)
    site.install = elsewhere
    site.unit(name="bitbucket@", command=f"{elsewhere.parent}/bitbucket-%i/bin/start-bitbucket.sh")
    result = run(service="bitbucket@one")
    assert result["path"] == f"{site.units}/bitbucket@one.service.d/stash_mail.conf"
    assert not script.exists()


def check_chart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As :func:`check_in_force`, by the arguments that the chart joins."""
    site, truststore, made = folder / "site.yaml", folder / "cacerts", folder / "values.yaml"
    site.write_text("bitbucket: {additionalJvmArgs: [-Xa]}\n")
    truststore.write_bytes(b"x")
    before = site.read_bytes()
    options = {"truststore": str(truststore), "values": str(made), "values_files": [str(site)]}
    for state, changed in (("present", True), ("present", False), ("absent", True)):
        arguments = {**options, "manifest": str(folder / "secret.yaml"), "state": state}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            stash_mail_kubernetes.main()
        assert json.loads(capsys.readouterr().out)["changed"] is changed
        if state == "present":
            words = yaml.safe_load(made.read_text())["bitbucket"]["additionalJvmArgs"]
            assert words[:2] == ["-Xa", f"{P}=/var/stash_mail/cacerts"]
    assert site.read_bytes() == before
    assert not made.exists()


# Of containers: what is there, the file, what it says, and where the arguments are set.
CONTAINERS = {
    "container with an environment file": (
        "environment_file",
        "bitbucket.env",
        f"{VARIABLE}=-Xa\n",
        "its line in that file",
    ),
    "compose, `env_file:`": ("environment_file", "site.env", f"A=b\n{VARIABLE}=-Xa\n", "its line in that file"),
    "compose, `environment:` as a mapping": (
        "compose_override",
        "compose.yaml",
        f"services: {{bitbucket: {{environment: {{{VARIABLE}: -Xa}}}}}}\n",
        "compose file of its own over the project's",
    ),
    "compose, `environment:` as a list": (
        "compose_override",
        "docker-compose.yml",
        f"services: {{bitbucket: {{environment: ['{VARIABLE}=-Xa']}}}}\n",
        "compose file of its own over the project's",
    ),
}


def check_container(run: Run, folder: Path, option: str, file: Path) -> None:
    """As :func:`check_in_force`, by what the file gives a container."""
    written = file if option == "environment_file" else file.with_name(f"{file.stem}.override.yaml")
    before, truststore = file.read_bytes(), str(folder / "mail" / "cacerts")
    options = {"service": "", "truststore": truststore, option: str(written)}
    assert run(**options)["changed"] is True
    if option == "environment_file":
        given = written.read_text().rpartition(f"{VARIABLE}=")[2].strip()
    else:
        given = yaml.safe_load(written.read_text())["services"]["bitbucket"]["environment"][VARIABLE]
        assert file.read_bytes() == before
    assert given == f"-Xa {P}={truststore}"
    assert run(**options)["changed"] is False
    assert run(**options, state="absent")["changed"] is True
    assert file.read_bytes() == before
    assert written == file or not written.exists()


def test_the_page_of_containers(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was chosen stands in the documentation."""
    rows = []
    for number, (name, (option, project, text, place)) in enumerate(CONTAINERS.items()):
        folder = tmp_path / f"container{number}"
        folder.mkdir()
        (folder / project).write_text(text)
        check_container(run, folder, option, folder / project)
        rows.append([name, place])
    check_chart(tmp_path, capsys)
    rows.append(["the vendor's Helm chart", "values of its own after the site's, and a Secret"])
    content = doc_table.table(["what is there", "where the arguments are set"], rows)
    if doc_table.wanted():
        doc_table.write("deployments.md", "containers", content)
    assert doc_table.read("deployments.md", "containers") == content


@pytest.mark.parametrize(
    ("line", "is_new"),
    [
        ("daemon --user x {start}", True),
        ("daemon --pidfile=/run/b.pid --user x {start}", True),
        ("daemon +5 --check b \\\n  --user=x {start}", True),
        ("setpriv --reuid 7 --reset-env {start}", True),
        ("su -m x -c '{start} -log'", False),
        ("start-stop-daemon --start --user x --exec {start}", False),
        ("echo daemon; run --user x {start}", False),
    ],
)
def test_an_init_script_with_an_environment_of_its_own(run: Run, site: Site, line: str, is_new: bool) -> None:
    site.bitbucket()
    wrapper = site.init / "b"
    wrapper.write_text("#!/bin/sh\n" + line.format(start=f"{site.install}/bin/start-bitbucket.sh"))
    site.unit(command=f"{wrapper} start")
    assert run()["method"] == ("start_webapp" if is_new else "systemd")


def read_in(site: Site, text: str, unit: str = "") -> Path:
    """A wrapper that reads in a file which sets the variable, by lines with its folder and its name put in."""
    site.bitbucket()
    settings = site.init.parent / "default" / "b"
    settings.parent.mkdir()
    settings.write_text(f'{VARIABLE}="-Dx=1"\n')
    wrapper = site.init / "b"
    wrapper.write_text(
        f"#!/bin/sh\n{text.format(folder=settings.parent)}\nexec sh {site.install}/bin/start-bitbucket.sh\n"
    )
    site.unit(unit.format(folder=settings.parent), command=f"{wrapper} start")
    return settings


@pytest.mark.parametrize(
    "text",
    [
        '[ -r {folder}/$(basename $0) ] && . {folder}/$(basename "$0")',
        "NAME=`basename $0`\n. {folder}/$NAME",
        '. "{folder}/${{0##*/}}"',
        ". {folder}/$1",
        ". $HOME/b",
        ". {folder}/$USER",
        ". {folder}/[ab]",
        "CONF={folder}/none; if [ -f {folder}/b ]; then CONF={folder}/b; fi; . $CONF",
        "[ -f {folder}/b ] && CONF={folder}/b\n. $CONF",
        '. "$(dirname "$0")/../default/b"',
    ],
)
def test_a_wrapper_reads_in_a_file_that_only_a_shell_knows(run: Run, site: Site, text: str) -> None:
    read_in(site, text)
    result = run()
    assert result.get("failed") is None, result["msg"]
    assert result["method"] == "start_webapp"
    assert "cannot be told what it sets" in result["method_reason"]


def test_a_wrapper_reads_in_a_file_that_the_unit_names(run: Run, site: Site) -> None:
    settings = read_in(site, '. "$CONF/b"', "Environment=CONF={folder}\n")
    assert f"{settings}, which" in run()["method_reason"]
    settings.write_text("JVM_MAXIMUM_MEMORY=64m\n")
    assert run()["method"] == "systemd"


def test_a_wrapper_reads_in_a_file_that_we_cannot_read(run: Run, site: Site) -> None:
    settings = read_in(site, ". {folder}/b")
    settings.unlink()
    assert run(_ansible_check_mode=True)["method"] == "systemd", "what is not there sets nothing"
    settings.mkdir()
    assert "cannot be told what it sets" in run()["method_reason"]


def test_a_start_script_reads_in_what_no_file_can_be_called(run: Run, site: Site) -> None:
    site.bitbucket(START_WEBAPP.replace("set-jmx-opts.sh", "set-$(uname)-opts.sh"))
    assert run()["changed"] is True
