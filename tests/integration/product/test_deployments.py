# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments as sites have them, each started with its own start scripts and a real JVM, which is asked what it got.

It also writes the table in docs/deployments.md.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.modules import stash_mail_info, stash_mail_jvm

from tests import doc_table
from tests.ansible_module import patch_module_args
from tests.integration.product.site import TRUST, VARIABLE, Site, compile_launcher
from tests.integration.standin.smtp_server import Certificate

BITBUCKET, BITBUCKET_4, STASH = "9.4.2", "4.14.0", "3.11.6"
JMX = f"""JMX_OPTS=
JMX_AUTH=@AUTH@
JAVA_TRUSTSTORE=/opt/jmx.jks
JAVA_TRUSTSTORE_PASSWORD=s3cret
if [ "x$JMX_AUTH" = "xssl" ]; then
    JMX_OPTS="{TRUST}=${{JAVA_TRUSTSTORE}} {TRUST}Password=${{JAVA_TRUSTSTORE_PASSWORD}}"
fi
"""
SETS, EXTENDS = f"export {VARIABLE}=-Dx=1", f'export {VARIABLE}="${VARIABLE} -Dx=1"'
LAST = f'$JAVA_OPTS ${VARIABLE}"'
Prepare = Callable[[Site], object]


def jmx(site: Site, auth: str) -> None:
    """From 5 on: a script that the start script reads in."""
    (site.install / "bin/set-jmx-opts.sh").write_text(JMX.replace("@AUTH@", auth))
    site.edit("JVM_LIBRARY_PATH_ARG=\n", 'JVM_LIBRARY_PATH_ARG=\n. "$INST_DIR/bin/set-jmx-opts.sh"\n')
    site.edit("    $JAVA_OPTS", "    $JAVA_OPTS $JMX_OPTS")


def jmx_before_5(site: Site, auth: str, *, is_last: bool = False) -> None:
    line = f'JAVA_OPTS="-Xms$JVM_MINIMUM_MEMORY -Xmx$JVM_MAXIMUM_MEMORY {LAST}'
    if is_last:
        site.edit(
            "export JAVA_OPTS",
            f'{JMX.replace("@AUTH@", auth)}CATALINA_OPTS="$CATALINA_OPTS $JMX_OPTS"\nexport JAVA_OPTS',
        )
    else:
        site.edit(line, JMX.replace("@AUTH@", auth) + line.replace("$JAVA_OPTS", "$JMX_OPTS $JAVA_OPTS"))


def others_variable(site: Site, name: str = "", text: str = "") -> None:
    site.unit(name=name)
    site.drop_in("zz.conf", text or f"Environment={VARIABLE}=-Dx=1", f"{name or site.service}.service.d")


def from_file(site: Site, text: str) -> None:
    (site.folder / "default/bitbucket").write_text(f"{text}\n")
    site.unit(f"EnvironmentFile=-{site.folder}/default/bitbucket\n")


def as_defaults(site: Site, text: str) -> None:
    defaults = site.folder / "default/bitbucket"
    defaults.write_text(f"{text}\n")
    site.wrapper(f'DEFAULTS={defaults}\n[ -r "$DEFAULTS" ] && . "$DEFAULTS"\nexec {site.starter}')


def beside(site: Site, text: str) -> None:
    (site.folder / "init.d/settings").write_text(f"{VARIABLE}=-Dx=1\n")
    site.wrapper(text)


def lsb(site: Site) -> None:
    site.wrapper(
        f"RUNUSER={site.account}\nINSTALLDIR={site.install}\n"
        'run() {\n    su - "$RUNUSER" -c "export BITBUCKET_HOME=$HOME_DIR; ${INSTALLDIR}/bin/$1"\n}\n'
        f'HOME_DIR={site.home}\ncase "$1" in\nstart) run start-bitbucket.sh ;;\nstop) run stop-bitbucket.sh ;;\nesac'
    )


def red_hat(site: Site) -> None:
    site.wrapper(
        'daemon() {\n    [ "$1" = --user ] && shift 2\n    runuser -s /bin/sh - ' + site.account + ' -c "$*"\n}\n'
        f"daemon --user {site.account} {site.starter}"
    )


def elsewhere(site: Site) -> None:
    """An unversioned folder; the version is in the product's own record."""
    target = site.folder / "srv/bitbucket"
    target.parent.mkdir()
    shutil.move(site.install, target)
    site.install = target
    (target / "app/WEB-INF/classes").mkdir(parents=True)
    (target / "app/WEB-INF/classes/build.properties").write_text("version=9.4.2\n")


def linked(site: Site) -> None:
    (site.folder / "opt/current").symlink_to(site.install)
    site.unit(command=f"{site.folder}/opt/current/bin/start-bitbucket.sh")


def home_and_java(site: Site) -> None:
    elsewhere(site)
    site.edit(f'BITBUCKET_HOME="{site.home}"', "BITBUCKET_HOME=/nowhere", "set-bitbucket-home.sh")
    (site.install / "jre").unlink()
    site.wrapper(
        f"export BITBUCKET_HOME={site.home} JAVA_HOME={site.java}\ncd {site.install}/bin || exit\n./start-bitbucket.sh"
    )


def in_one_line(site: Site) -> None:
    site.unit(command=f"/bin/bash -c 'export JAVA_HOME={site.java}; exec {site.starter} --no-search'")


def as_supervised(site: Site, command: str = "", text: str = "") -> None:
    site.supervised(f"command={command or site.starter} -fg\nautorestart=true\n{text}")


def supervised_wrapper(site: Site) -> None:
    elsewhere(site)
    path = site.wrapper(
        f"export BITBUCKET_HOME={site.home}\nexec {site.install}/bin/start-bitbucket.sh -fg",
        "default/run",
        is_unit=False,
    )
    site.supervised(f"command={path}", "stash")


def java_agent(site: Site) -> None:
    """What many add to the script for an agent."""
    site.unit()
    site.edit("JVM_LIBRARY_PATH_ARG=\n", 'JVM_LIBRARY_PATH_ARG=\nexport JAVA_OPTS="-Dagent=x ${JAVA_OPTS}"\n')


def steps(*each: Callable[[Site], object]) -> Prepare:
    def prepare(site: Site) -> None:
        for step in each:
            step(site)

    return prepare


def in_the_script(value: str) -> Prepare:
    def prepare(site: Site) -> None:
        site.unit()
        site.edit(f"#{VARIABLE}=\n", f"{VARIABLE}={value}\n")

    return prepare


def wrapped(text: str) -> Prepare:
    return lambda site: site.wrapper(text.format(start=site.starter, account=site.account))


# What is there, the version, and what else is set up.
DEPLOYMENTS: dict[str, tuple[str, Prepare]] = {
    "5 and later, unit of the installer": (BITBUCKET, Site.unit),
    "service named `bitbucket`": (BITBUCKET, lambda site: site.unit(name="bitbucket")),
    "service named `atlassian-bitbucket`": (BITBUCKET, lambda site: site.unit(name="atlassian-bitbucket")),
    "service named `stash`": (BITBUCKET, lambda site: site.unit(name="stash")),
    "unit with the variable in `Environment=`": (
        BITBUCKET,
        lambda site: site.unit(f'Environment="{VARIABLE}=-Dx=1 -Dy=%%"\n'),
    ),
    "unit with the variable in an `EnvironmentFile`": (BITBUCKET, lambda site: from_file(site, f'{VARIABLE}="-Dx=1"')),
    "a truststore and its password in `JAVA_OPTS` of an `EnvironmentFile`": (
        BITBUCKET,
        lambda site: from_file(site, f'JAVA_OPTS="{TRUST}=/opt/theirs.jks {TRUST}Password=s3cret"'),
    ),
    "no unit and no init script": (BITBUCKET, lambda site: None),
    "installation reached through a link `current`": (BITBUCKET, linked),
    "installation in a folder without a version, elsewhere": (
        BITBUCKET,
        steps(elsewhere, Site.unit),
    ),
    "start script that sets the variable": (BITBUCKET, in_the_script('"-Dx=1"')),
    "start script that sets the variable over several lines": (BITBUCKET, in_the_script('"-Dx=1 \\\n    -Dy=2"')),
    "start script with a Java agent in `JAVA_OPTS`": (BITBUCKET, java_agent),
    "another script of the product that sets the variable": (
        BITBUCKET,
        steps(Site.unit, lambda site: site.edit("mode=", f"{SETS}\nmode=", "start-bitbucket.sh")),
    ),
    "JMX over SSL off, 5 and later": (BITBUCKET, steps(Site.unit, lambda site: jmx(site, ""))),
    "JMX over SSL on, 5 and later": (BITBUCKET, steps(Site.unit, lambda site: jmx(site, "ssl"))),
    "JMX over SSL on, no unit": (BITBUCKET, lambda site: jmx(site, "ssl")),
    "init script with `su -`": (BITBUCKET, wrapped("su - {account} -c {start}")),
    "init script with `su -` in a function": (BITBUCKET, lsb),
    "init script with `daemon --user`": (BITBUCKET, red_hat),
    "init script that keeps the environment": (BITBUCKET, wrapped("exec {start}")),
    "init script that reads in `/etc/default/...`, which sets the variable": (
        BITBUCKET,
        lambda site: as_defaults(site, f'{VARIABLE}="-Dx=1"'),
    ),
    "init script that reads in `/etc/default/...`, which does not": (
        BITBUCKET,
        lambda site: as_defaults(site, "JVM_MAXIMUM_MEMORY=64m"),
    ),
    "init script with `su` that keeps the environment": (BITBUCKET, wrapped("su {account} -c {start}")),
    "init script with `start-stop-daemon`": (
        BITBUCKET,
        wrapped("exec start-stop-daemon --start --chuid {account} --pidfile /run/no-such.pid --startas {start}"),
    ),
    "wrapper that reads in a file beside it, which sets the variable": (
        BITBUCKET,
        lambda site: beside(site, f'. "$(dirname "$0")/settings"\nexec {site.starter}'),
    ),
    "wrapper that reads in the files of a folder": (
        BITBUCKET,
        lambda site: beside(site, f'for file in {site.folder}/init.d/set*; do . "$file"; done\nexec {site.starter}'),
    ),
    "wrapper that exports what a file holds": (
        BITBUCKET,
        lambda site: beside(site, f"export $(xargs <{site.folder}/init.d/settings)\nexec {site.starter}"),
    ),
    "wrapper that exports what a file holds, line by line": (
        BITBUCKET,
        lambda site: beside(
            site, f'while read -r line; do export "$line"; done <{site.folder}/init.d/settings\nexec {site.starter}'
        ),
    ),
    "wrapper with `set -a` around a file that sets the variable": (
        BITBUCKET,
        lambda site: beside(site, f"set -a\n. {site.folder}/init.d/settings\nset +a\nexec {site.starter}"),
    ),
    "wrapper with a default for the variable": (
        BITBUCKET,
        wrapped(f': "${{{{{VARIABLE}:=-Dx=1}}}}"\nexport {VARIABLE}\nexec {{start}}'),
    ),
    "wrapper with `sudo`": (BITBUCKET, wrapped("sudo -u {account} sh -c {start}")),
    "wrapper that sets the variable": (BITBUCKET, wrapped(f"{SETS}\nexec {{start}}")),
    "wrapper that extends the variable": (BITBUCKET, wrapped(f"{EXTENDS}\nexec {{start}}")),
    "wrapper that unsets the variable": (BITBUCKET, wrapped(f"unset {VARIABLE}\nexec {{start}}")),
    "wrapper that sets home and Java and changes into `bin`": (BITBUCKET, home_and_java),
    "`ExecStart=` with `su -`": (
        BITBUCKET,
        lambda site: site.unit(command=f"/bin/su - {site.account} -c {site.starter}"),
    ),
    "`ExecStart=` with `env -i`": (BITBUCKET, lambda site: site.unit(command=f"/usr/bin/env -i {site.starter}")),
    "`ExecStart=` with a line for `bash`": (BITBUCKET, in_one_line),
    "another drop-in before the managed one": (
        BITBUCKET,
        steps(Site.unit, lambda site: site.drop_in("aa.conf", f"Environment={VARIABLE}=-Dx=1")),
    ),
    "another drop-in that sets the variable, after the managed one": (BITBUCKET, others_variable),
    "another drop-in that empties `Environment=`, after the managed one": (
        BITBUCKET,
        lambda site: others_variable(site, text="Environment="),
    ),
    "`UnsetEnvironment=` of the variable": (
        BITBUCKET,
        steps(Site.unit, lambda site: site.drop_in("aa.conf", f"UnsetEnvironment={VARIABLE}")),
    ),
    "`service.d` with the variable": (
        BITBUCKET,
        steps(Site.unit, lambda site: site.drop_in("aa.conf", f"Environment={VARIABLE}=-Dx=1", "service.d")),
    ),
    "supervisord with the variable in `environment=`": (
        BITBUCKET,
        lambda site: as_supervised(site, text=f'environment={VARIABLE}="-Dx=1 -Dy=%%",BITBUCKET_HOME="{site.home}"'),
    ),
    "supervisord with a truststore in `environment=`": (
        BITBUCKET,
        lambda site: as_supervised(
            site, text=f'environment={VARIABLE}="{TRUST}=/opt/theirs.jks {TRUST}Password=s3cret"'
        ),
    ),
    "supervisord with a wrapper": (BITBUCKET, supervised_wrapper),
    "Stash, no unit": (STASH, lambda site: None),
    "Stash with a unit": (STASH, Site.unit),
    "Stash, JMX over SSL off": (STASH, lambda site: jmx_before_5(site, "")),
    "Bitbucket 4, no unit": (BITBUCKET_4, lambda site: None),
    "Bitbucket 4, init script with `su -`": (BITBUCKET_4, wrapped("su - {account} -c {start}")),
    "Bitbucket 4, JMX over SSL on": (BITBUCKET_4, lambda site: jmx_before_5(site, "ssl")),
    "Bitbucket 4, JMX over SSL on, arguments in `CATALINA_OPTS`": (
        BITBUCKET_4,
        lambda site: jmx_before_5(site, "ssl", is_last=True),
    ),
    "Bitbucket 4, a truststore after the variable in `JAVA_OPTS`": (
        BITBUCKET_4,
        lambda site: site.edit(LAST, LAST.replace('"', f' {TRUST}=/opt/theirs.jks {TRUST}Password=s3cret"')),
    ),
}
# Where others have a truststore, it is said.
FOREIGN = ("JMX over SSL on", "a truststore")
PLACES = {"systemd": "drop-in of the service", "start_webapp": "`bin/_start-webapp.sh`", "setenv": "`bin/setenv.sh`"}

Module = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if missing := [tool for tool in ("java", "javac", "keytool") if not shutil.which(tool)]:
        pytest.skip(f"there is no {missing[0]} on the PATH")
    return compile_launcher(tmp_path_factory.mktemp("launcher"))


@pytest.fixture(scope="module")
def truststore(launcher: Path) -> Path:
    """One certificate, so that who trusts one has opened it."""
    return Certificate.create(launcher.parent, "one").truststore(launcher.parent / "cacerts")


@pytest.fixture(scope="module")
def rows() -> dict[str, str]:
    return {}


@pytest.fixture
def module(capsys: pytest.CaptureFixture[str]) -> Module:
    def call(which: Any, **options: Any) -> dict[str, Any]:
        with patch_module_args(options), pytest.raises(SystemExit):
            which.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert "s3cret" not in json.dumps(result)
        assert not result.get("failed"), result["msg"]
        return result

    return call


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_jvm_gets_ours(
    name: str,
    module: Module,
    launcher: Path,
    truststore: Path,
    rows: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version, prepare = DEPLOYMENTS[name]
    site = Site(tmp_path, launcher, version)
    prepare(site)
    site.patch(monkeypatch)
    before = site.files()

    ours = {"truststore": str(truststore)}
    planned = module(stash_mail_jvm, _ansible_check_mode=True, _ansible_diff=True, **ours)
    assert site.files() == before, "a check writes nothing"
    assert planned["changed"]
    foreign = planned["foreign_truststore"]
    assert bool(foreign) == any(mark in name for mark in FOREIGN), "before anything runs"
    done = module(stash_mail_jvm, **ours)
    assert (done["method"], done["path"], done["changed"]) == (planned["method"], planned["path"], True)

    found = module(stash_mail_info)
    with site.running(found["service"]["name"]) as said:
        assert said == [str(truststore), "1"]
        again = module(stash_mail_jvm, **ours)
        assert (again["changed"], again["restart_needed"]) == (False, False)
        running = module(stash_mail_info)
        assert running["process"]["truststore"] == str(truststore)
    for known in (found, running):
        assert (Path(known["install_dir"]).resolve(), known["version"]) == (site.install, version)
        assert known["home"] == str(site.home)
        assert Path(known["java"]["home"]).resolve() == site.java

    assert module(stash_mail_jvm, state="absent", **ours)["changed"]
    assert site.files() == before, "byte for byte as it was"
    rows[name] = PLACES[planned["method"]]


def test_the_page(rows: dict[str, str]) -> None:
    if len(rows) < len(DEPLOYMENTS):
        pytest.skip("not all of them were started in this run")
    content = doc_table.table(["what is there", "where the arguments are set"], [list(row) for row in rows.items()])
    if doc_table.wanted():
        doc_table.write("deployments.md", "deployments", content)
    assert doc_table.read("deployments.md", "deployments") == content
