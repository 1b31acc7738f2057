# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks under each ansible-core from 2.16 on, and on each Python of a target from 3.8 on.

The oldest and the newest core in every run of the tests, all of them by ``make test-matrix``.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from tests import doc_table
from tests.integration.role.conftest import Site, make_site
from tests.mail_server import authority, leaf
from tests.pythons.environments import environment
from tests.pythons.interpreters import interpreter
from tests.standin import Settings
from tests.unit.bitbucket.hostile import hostile, reply

ROOT = Path(__file__).resolve().parents[2]
PAGE = "../README.md"


class Core(NamedTuple):
    """One release of ansible-core, with Pythons in the order of preference."""

    controllers: tuple[str, ...]
    targets: tuple[str, ...]


# Between them they run on every Python of a target.
CORES = {
    "2.16": Core(("3.11", "3.12"), ("3.8", "3.11")),
    "2.17": Core(("3.11", "3.12"), ("3.9",)),
    "2.18": Core(("3.11", "3.12"), ("3.10",)),
    "2.19": Core(("3.11", "3.12"), ("3.11",)),
    "2.20": Core(("3.12", "3.13"), ("3.12",)),
    "2.21": Core(("3.12", "3.13"), ("3.14", "3.13", "3.12")),
}
# Set to 1 all of them, or to one or more such as 2.17,2.18; unset the corners, for each takes a minute.
ASKED = os.environ.get("STASH_MAIL_MATRIX", "2.16,2.21")
TRIED = list(CORES) if ASKED == "1" else [core for core in CORES if core in ASKED.split(",")]
RUN_SECONDS = 280
# What was found in this run, for the table.
FOUND: dict[str, list[str]] = {}

pytestmark = pytest.mark.timeout(1200)


def first(versions: tuple[str, ...], what: str) -> str:
    """The first of the Pythons that this machine has; skips without any."""
    version = next((version for version in versions if interpreter(version)), None)
    if version is None:
        pytest.skip(f"{what} needs one of Python {', '.join(versions)}")
    return version


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site whose Bitbucket speaks HTTPS with a certificate of a private CA."""
    issuer = authority()
    folder = tmp_path / "https"
    folder.mkdir()
    certificate, key = leaf(issuer, "127.0.0.1", sans=["127.0.0.1"]).write(folder)
    ca = folder / "ca.pem"
    ca.write_text(issuer.pem)
    # Of the whole chain, the stand-in's own client finds the CA in it.
    certificate.write_text(certificate.read_text() + issuer.pem)
    with make_site(tmp_path, settings=Settings(tls_certificate=str(certificate), tls_key=str(key))) as made:
        made.settings["stash_mail_bitbucket_ca_path"] = str(ca)
        vault_the_passwords(made)
        yield made


def vault_the_passwords(site: Site) -> None:
    """Put the passwords into a file of variables, each encrypted by itself as administrators have them."""
    (site.folder / "vault-password").write_text("of the vault")
    vault = VaultLib([("default", VaultSecret(b"of the vault"))])
    lines = []
    for name in ("stash_mail_password", "stash_mail_bitbucket_admin_password"):
        text = vault.encrypt(site.settings.pop(name)).decode()
        lines += [f"{name}: !vault |", *(f"  {line}" for line in text.splitlines())]
    (site.folder / "passwords.yml").write_text("\n".join(lines) + "\n")


def run(programs: Path, site: Site, playbook: Path, *options: str, fails: bool = False) -> str:
    """Run a playbook and return what it printed; fails the test with that where its end is another than expected."""
    inventory = site.folder / "matrix.json"
    inventory.write_text(json.dumps({"bitbucket": {"hosts": {"stand_in": site.settings}}}))
    vault_password = str(site.folder / "vault-password")
    passwords = ["--vault-password-file", vault_password, "--extra-vars", f"@{site.folder / 'passwords.yml'}"]
    done = subprocess.run(
        [str(programs / "ansible-playbook"), "--inventory", str(inventory), *passwords, *options, str(playbook)],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    site.output += done.stdout  # which must show no password
    assert (done.returncode != 0) == fails, done.stdout
    return done.stdout


def server_task(name: str, **options: Any) -> dict[str, Any]:
    """A question to Bitbucket that has to fail; what it failed with is kept in a file on the controller."""
    account = {"url_username": "admin", "url_password": "of no importance", "state": "absent"}
    return {
        "name": name,
        "stashops.mail.stash_mail_server": {**account, "timeout": 5, **options},
        "check_mode": True,
        "register": "said",
        "failed_when": f"said.code | default('') != '{name}'",
    }


def assert_rest_is_refused(programs: Path, site: Site) -> None:
    """A CA that is not known, a redirect and silence end as such, and no redirect is followed."""
    book = site.folder / "rest.json"
    with (
        hostile(lambda _request: [reply({})]) as (elsewhere, followed),
        hostile(lambda _request: [reply({}, "302 Found", f"Location: {elsewhere}/login")]) as (redirect, _),
        hostile(lambda _request: [b""], pause=20) as (silence, _),
    ):
        tasks = [
            server_task("tls_untrusted", url=site.bitbucket.url),
            server_task("redirected", url=redirect),
            server_task("timeout", url=silence, timeout=0.5),
        ]
        book.write_text(json.dumps([{"hosts": "bitbucket", "gather_facts": False, "tasks": tasks}]))
        run(programs, site, book)
        assert not followed


@pytest.mark.parametrize("core", TRIED)
def test_provisions_and_checks(core: str, site: Site) -> None:
    controller = first(CORES[core].controllers, f"ansible-core {core}")
    target = first(CORES[core].targets, f"the target of ansible-core {core}")
    FOUND[core] = [controller, target, "fails"]
    programs = environment(f"core-{core}", controller)
    site.settings["ansible_python_interpreter"] = str(environment("target", target) / "python")
    provision, check = ROOT / "playbooks" / "provision.yml", ROOT / "playbooks" / "check.yml"
    before = site.state()
    run(programs, site, provision, "--check", "--diff")
    assert site.state() == before
    run(programs, site, provision, "--diff")
    assert site.arrived(1)
    after = site.state()
    assert after != before
    assert "changed=0 " in run(programs, site, provision)
    assert site.arrived(2)
    assert site.state() == after
    reports = site.folder / "reports"
    run(programs, site, check, "--extra-vars", f"stash_mail_report_dir={reports}")
    report = json.loads((reports / "stash_mail.json").read_text("utf-8"))
    assert report["counts"]["failed"] == 0, report
    assert_rest_is_refused(programs, site)
    FOUND[core][-1] = "works"


def test_the_readme_says_what_was_found() -> None:
    if doc_table.wanted():
        rows = [[core, *FOUND.get(core, ["", "", "not tried"])] for core in CORES]
        header = ["ansible-core", "on Python", "target's Python", "result"]
        doc_table.write(PAGE, "cores", doc_table.table(header, rows))
    written = doc_table.read(PAGE, "cores").splitlines()
    for core, found in FOUND.items():
        # This machine's Pythons may be others.
        (row,) = [line for line in written if line.startswith(f"| {core} |")]
        assert row.endswith(f"| {found[-1]} |")
