# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each way to install the collection, from an empty home, up to an answer of one of its modules."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from scripts.stage import stage

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
# What a folder holds that serves the developers only, or leads back to itself.
DEVELOPERS = ("collections", "tests/unit", "benchmarks", ".venv", "scripts")
HOST = {
    "ansible_connection": "local",
    "ansible_become": False,
    "ansible_python_interpreter": sys.executable,
    "stash_mail_bitbucket_install_dir": "/nowhere",
}
# What the role's module says to that. Only who has playbook, role, filters and modules gets so far.
ANSWER = "/nowhere holds no Stash or Bitbucket"
INVENTORY = {"bitbucket": {"hosts": {"one": HOST}}}


class Sources(NamedTuple):
    """Where the collection can be had from, all of them made from what is committed here."""

    tarball: Path
    clone: Path
    # The same without git.
    folder: Path


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    made = tmp_path_factory.mktemp("sources")
    clone = made / "stash_mail"
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(clone)], check=True)
    folder = made / "folder"
    shutil.copytree(clone, folder, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    said = User(made).run("ansible-galaxy", "collection", "build", "--output-path", str(made), cwd=stage(made))
    (tarball,) = made.glob("stashops-mail-*.tar.gz")
    assert tarball.name in re.sub(r"\s", "", said)
    return Sources(tarball, clone, folder)


class User:
    """Somebody with an empty home and a project of their own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.project = folder / "project"
        for made in (self.home, self.project):
            made.mkdir()
        (self.project / "inventory.yml").write_text(yaml.safe_dump(INVENTORY))

    def run(
        self, *command: str, cwd: Path | None = None, code: int = 0, path: str = os.environ["PATH"], **more: str
    ) -> str:
        """Run a command of ansible-core, which has to end with ``code``, and return in one line what it printed."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            cwd=cwd or self.project,
            env={**kept, "HOME": str(self.home), "PATH": path, "ANSIBLE_NOCOLOR": "1", **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return re.sub(r"\s+", " ", done.stdout)

    def requires(self, **entry: Any) -> tuple[str, ...]:
        """Write requirements.yml with one entry, and return how it is given."""
        (self.project / "requirements.yml").write_text(yaml.safe_dump({"collections": [entry]}))
        return ("-r", "requirements.yml")

    @property
    def installed(self) -> Path:
        return self.home / ".ansible" / "collections" / "ansible_collections" / "stashops" / "mail"


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path)


@pytest.mark.parametrize("way", ["tarball", "required tarball", "required git", "git", "folder without git"])
def test_installed(sources: Sources, user: User, way: str) -> None:
    path = os.environ["PATH"]
    if way == "tarball":
        what: tuple[str, ...] = (str(sources.tarball),)
    elif way == "required tarball":
        what = user.requires(name=str(sources.tarball), type="file")
    elif way == "required git":
        what = user.requires(name=f"git+file://{sources.clone}", type="git")
    elif way == "git":
        what = (f"git+file://{sources.clone}",)
    else:
        what, path = (str(sources.folder),), str(BIN)
    user.run("ansible-galaxy", "collection", "install", *what, path=path)
    assert not [name for name in DEVELOPERS if (user.installed / name).exists()]
    # By the name of the collection, whatever folder the user is in.
    assert ANSWER in user.run("ansible-playbook", "--inventory", "inventory.yml", "stashops.mail.check", code=2)


def test_no_link_is_in_the_tarball(sources: Sources) -> None:
    with tarfile.open(sources.tarball) as tar:
        members = tar.getmembers()
    assert not [member.name for member in members if member.issym() or member.islnk()]
    assert {"plugins/modules/stash_mail_plan.py", "roles/stash_mail/meta/argument_specs.yml"} <= {
        member.name for member in members
    }


def test_a_project_checkout_of_awx(sources: Sources, user: User) -> None:
    """It installs what the project asks for, and puts its own folders before those of the project's configuration."""
    required = user.home / "requirements_collections"
    asked = ("-r", "collections/requirements.yml", "-p", str(required))
    user.run("ansible-galaxy", "collection", "install", *asked, cwd=sources.clone)
    said = user.run(
        "ansible-playbook",
        *("--inventory", str(user.project / "inventory.yml"), "playbooks/check.yml"),
        cwd=sources.clone,
        code=2,
        ANSIBLE_COLLECTIONS_PATH=f"{required}:collections:{user.home}/.ansible/collections",
        ANSIBLE_ROLES_PATH=f"{user.home}/requirements_roles:roles:{user.home}/.ansible/roles",
    )
    assert ANSWER in said


def test_a_checkout_comes_before_what_is_installed(sources: Sources, user: User) -> None:
    """Whoever works in it tries what is in it; to install from there goes by ``-p``, as the README says."""
    target = str(user.home / ".ansible" / "collections")
    user.run(
        "ansible-galaxy", "collection", "install", "--force", "-p", target, str(sources.tarball), cwd=sources.clone
    )
    assert (user.installed / "MANIFEST.json").is_file()
    module = ("ansible-doc", "--type", "module", "stashops.mail.stash_mail_plan")
    assert str(user.installed) in user.run(*module)
    assert str(sources.clone) in user.run(*module, cwd=sources.clone)


@pytest.mark.parametrize(
    ("way", "entry"),
    [
        ("copied", "main"),
        ("copied", "check"),
        ("copied", "rotate_certificate_ask"),
        ("by ansible-galaxy", "rotate_credentials_prepare"),
    ],
)
def test_the_role_alone_says_what_it_needs(sources: Sources, user: User, way: str, entry: str) -> None:
    if way == "copied":
        shutil.copytree(sources.folder / "roles" / "stash_mail", user.project / "roles" / "stash_mail")
    else:
        # Of a repository, it installs the one role that it finds in it.
        user.run("ansible-galaxy", "role", "install", f"git+file://{sources.clone}")
    task = {"ansible.builtin.import_role": {"name": "stash_mail", "tasks_from": entry}}
    book = user.project / "play.yml"
    book.write_text(yaml.safe_dump([{"hosts": "bitbucket", "gather_facts": False, "tasks": [task]}]))
    said = user.run("ansible-playbook", "--inventory", "inventory.yml", str(book), code=4)
    assert "The module is missing? Run ansible-galaxy collection install git+https://" in said


def test_it_is_built_with_ansible_core_alone(sources: Sources, user: User, tmp_path: Path) -> None:
    """``make collection`` without git and without an environment of the project's."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("make", "bash", "sh", "mkdir", "grep"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    for name in ("ansible-galaxy", "python3"):
        (programs / name).symlink_to(BIN / name)
    folder = tmp_path / "with blank"
    shutil.copytree(sources.folder, folder, symlinks=True)
    done = subprocess.run(
        [str(programs / "make"), "collection"],
        cwd=folder,
        env={"HOME": str(user.home), "PATH": str(programs)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (folder / ".venv").exists()
    (built,) = (folder / ".cache" / "dist").glob("*.tar.gz")
    with tarfile.open(built) as ours, tarfile.open(sources.tarball) as theirs:
        assert sorted(ours.getnames()) == sorted(theirs.getnames())
