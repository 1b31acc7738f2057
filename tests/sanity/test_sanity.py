# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as Ansible's own tools see it: ansible-test's sanity tests, the build, and the documentation."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from scripts.stage import stage

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

# ansible-test fetches a script to put pip into its ten empty environments unless one of that name is in its cache. For
# each it takes three seconds less to copy the pip of this one than to install what Python brings.
GET_PIP = """import shutil
import sysconfig

shutil.copytree({pip!r}, sysconfig.get_path("purelib") + "/pip")
"""


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The staged collection, outside any git checkout, since ansible-test leaves out what git ignores."""
    return stage(tmp_path_factory.mktemp("stage"))


def package(name: str) -> Path:
    """The folder of a package of this environment."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


@pytest.fixture(scope="session")
def ansible_test_home() -> Path:
    """A home folder for ansible-test, kept between runs, so that it leaves the user's own as it is."""
    home = ROOT / ".cache" / "ansible-test"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    requirements = package("ansible_test") / "_internal" / "python_requirements.py"
    for version in re.findall(r"pip='([\d.]+)'", requirements.read_text()):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP.format(pip=str(package("pip"))))
    user_pip = Path.home() / ".config" / "pip"
    if user_pip.is_dir():
        shutil.copytree(user_pip, home / ".config" / "pip", dirs_exist_ok=True)
    return home


def run(*command: str, cwd: Path, **environment: str) -> str:
    """Run a command and return what it printed; fails the test with that when it ends non-zero."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-8000:]}", pytrace=False)
    return done.stdout


@pytest.mark.timeout(1200)
def test_ansible_test_sanity(collection: Path, ansible_test_home: Path) -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    printed = run(
        "ansible-test",
        "sanity",
        "--python",
        python,
        "--color",
        "no",
        cwd=collection,
        HOME=str(ansible_test_home),
    )
    # It says nothing and ends with 0 where it finds no files: the tests that matter must really have run.
    for name in ("validate-modules", "import", "compile", "ansible-doc", "pylint"):
        assert f'Running sanity test "{name}"' in printed


def test_staged_modules_are_those_of_the_checkout(collection: Path) -> None:
    for checkout, staged in (("library", "plugins/modules"), ("filter_plugins", "plugins/filter")):
        names = sorted(path.name for path in (ROOT / checkout).glob("*.py"))
        assert names
        assert sorted(path.name for path in (collection / staged).glob("*.py")) == names
        for name in names:
            assert not (collection / staged / name).is_symlink()
            assert filecmp.cmp(ROOT / checkout / name, collection / staged / name, shallow=False)


@pytest.mark.parametrize(
    "module", sorted(path.stem for path in (ROOT / "library").glob("*.py") if not path.stem.startswith("_"))
)
def test_documentation_from_the_checkout(module: str) -> None:
    shown = run("ansible-doc", "-t", "module", f"stashops.mail.{module}", cwd=ROOT)
    for part in ("OPTIONS", "ATTRIBUTES", "EXAMPLES", "RETURN VALUES"):
        assert part in shown
    assert "action_group" in shown


def test_the_action_group_is_complete() -> None:
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text("utf-8"))["action_groups"]
    assert groups == {"stash_mail": sorted(path.stem for path in (ROOT / "library").glob("*.py"))}


def test_role_documentation_from_the_checkout() -> None:
    shown = run("ansible-doc", "-t", "role", "-r", "roles", "stash_mail", cwd=ROOT)
    assert "stash_mail_host" in shown
    assert "stash_mail_security" in shown


def test_it_is_laid_out_without_git_too(collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.stage.shutil.which", lambda _name: None)

    def files(folder: Path) -> list[str]:
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    # ansible-test leaves its output in the staged copy.
    staged = [name for name in files(collection) if not name.endswith(".pyc") and not name.startswith("tests/output/")]
    assert files(stage(tmp_path)) == staged


def test_documentation_for_the_site_of_ansible(collection: Path) -> None:
    # References to options that there are not are shown in red there, and no other check looks for them.
    references = ("--validate-collection-refs", "dependent", "--disallow-unknown-collection-refs")
    run("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", *references, ".", cwd=collection)
