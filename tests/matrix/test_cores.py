# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks under each ansible-core from 2.16 on, by ``make test-matrix``."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import doc_table
from tests.integration.role.conftest import Site, make_site
from tests.pythons.interpreters import interpreter

ROOT = Path(__file__).resolve().parents[2]
PAGE = "../README.md"
# Each with the Pythons of a controller that it supports, the preferred one first.
CORES = {
    "2.16": ("3.12", "3.11"),
    "2.17": ("3.12", "3.11"),
    "2.18": ("3.12", "3.11"),
    "2.19": ("3.12", "3.11"),
    "2.20": ("3.12", "3.13"),
    "2.21": ("3.12", "3.13"),
}
# Set to 1 all of them, or to one or more such as 2.16,2.21; unset none, for each takes a minute.
ASKED = os.environ.get("STASH_MAIL_MATRIX", "")
TRIED = list(CORES) if ASKED == "1" else [core for core in CORES if core in ASKED.split(",")]
RUN_SECONDS = 280
# What was found in this run, for the table.
FOUND: dict[str, str] = {}

pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not TRIED, reason="make test-matrix runs this: STASH_MAIL_MATRIX is not set"),
]


def environment(core: str) -> tuple[Path, str]:
    """The folder of this core's programs, installed from the hash-checked pins, and the Python that it runs on."""
    version = next((version for version in CORES[core] if interpreter(version)), None)
    if version is None:
        pytest.skip(f"ansible-core {core} needs one of Python {', '.join(CORES[core])}")
    python = interpreter(version)
    assert python
    pins = ROOT / "requirements" / f"core-{core}.txt"
    folder = ROOT / ".cache" / "cores" / f"{core}-python{version}"
    stamp = folder / "installed-from"
    wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True, timeout=300)
        pip = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, "--require-hashes", "--requirement", str(pins)], check=True, timeout=600)
        stamp.write_text(wanted)
    return folder / "bin", version


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with make_site(tmp_path) as made:
        yield made


def run(programs: Path, site: Site, playbook: str, *options: str) -> str:
    """Run a playbook and return what it printed; fails the test with that where it ends non-zero."""
    inventory = site.folder / "matrix.json"
    inventory.write_text(json.dumps({"bitbucket": {"hosts": {"stand_in": site.settings}}}))
    done = subprocess.run(
        [
            str(programs / "ansible-playbook"),
            *("--inventory", str(inventory), *options),
            str(ROOT / "playbooks" / f"{playbook}.yml"),
        ],
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
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("core", TRIED)
def test_provisions_and_checks(core: str, site: Site) -> None:
    programs, python = environment(core)
    FOUND[core] = f"fails on Python {python}"
    before = site.state()
    run(programs, site, "provision", "--check", "--diff")
    assert site.state() == before
    run(programs, site, "provision", "--diff")
    assert site.arrived(1)
    after = site.state()
    assert after != before
    assert "changed=0 " in run(programs, site, "provision")
    assert site.arrived(2)
    assert site.state() == after
    reports = site.folder / "reports"
    run(programs, site, "check", "--extra-vars", f"stash_mail_report_dir={reports}")
    report = json.loads((reports / "stash_mail.json").read_text("utf-8"))
    assert report["counts"]["failed"] == 0, report
    FOUND[core] = f"works, tried on Python {python}"


def test_the_readme_says_what_was_found() -> None:
    if doc_table.wanted():
        rows = [[core, FOUND.get(core, "not tried")] for core in CORES]
        doc_table.write(PAGE, "cores", doc_table.table(["ansible-core", "provision, again, check"], rows))
    written = doc_table.read(PAGE, "cores")
    for core, found in FOUND.items():
        assert f"| {core} | {found}" in written
