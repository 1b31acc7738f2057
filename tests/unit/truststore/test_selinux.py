# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The truststore's SELinux context, with something in place of libselinux that keeps contexts by inode, as disks do."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils import basic

from tests.ansible_module import Outcome, run_module
from tests.unit.truststore.factory import make

FIRST, SECOND = make("First CA"), make("Second CA")
BY_POLICY = "system_u:object_r:cert_t:s0"
AS_CREATED = "unconfined_u:object_r:etc_t:s0"
OF_ADMIN = "system_u:object_r:usr_t:s0"


class Selinux:
    """What Ansible calls of libselinux."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.contexts: dict[int, str] = {}
        # The contexts with which a file has taken the store's place.
        self.renamed: list[str] = []

    def is_selinux_enabled(self) -> int:
        return 1

    def is_selinux_mls_enabled(self) -> int:
        return 1

    def matchpathcon(self, path: str, _mode: int) -> list[t.Any]:
        return [0, BY_POLICY if path == str(self.store) else AS_CREATED]

    def lgetfilecon_raw(self, path: str) -> list[t.Any]:
        return [0, self.contexts.get(Path(path).stat().st_ino, AS_CREATED)]

    def lsetfilecon(self, path: str, context: str) -> int:
        self.contexts[Path(path).stat().st_ino] = context
        return 0

    def of_store(self) -> str:
        return str(self.lgetfilecon_raw(str(self.store))[1])


@pytest.fixture
def selinux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Selinux:
    fake = Selinux(tmp_path / "cacerts")
    monkeypatch.setattr(basic, "HAVE_SELINUX", True)
    monkeypatch.setattr(basic, "selinux", fake, raising=False)
    original = os.rename

    def rename(source: str, target: str, src_dir_fd: int, dst_dir_fd: int) -> None:
        assert Path(f"/proc/self/fd/{dst_dir_fd}/{target}").resolve() == fake.store
        fake.renamed.append(str(fake.lgetfilecon_raw(f"/proc/self/fd/{src_dir_fd}/{source}")[1]))
        original(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr("os.rename", rename)
    return fake


def write(selinux: Selinux, pem: str, check: bool = False, **options: t.Any) -> Outcome:
    outcome = run_module(check, path=str(selinux.store), base="none", certificates=[{"pem": pem}], **options)
    assert not outcome.failed, outcome.message
    return outcome


def test_a_new_file_has_what_the_policy_says_of_its_path(selinux: Selinux) -> None:
    """And has it when it takes its place, not some time later."""
    write(selinux, FIRST.pem)
    assert (selinux.renamed, selinux.of_store()) == ([BY_POLICY], BY_POLICY)
    assert not write(selinux, FIRST.pem).result["changed"]


def test_an_existing_file_keeps_its_own(selinux: Selinux) -> None:
    write(selinux, FIRST.pem)
    selinux.lsetfilecon(str(selinux.store), OF_ADMIN)
    assert write(selinux, SECOND.pem).result["changed"]
    assert (selinux.renamed[1:], selinux.of_store()) == ([OF_ADMIN], OF_ADMIN)


def test_the_options_win(selinux: Selinux) -> None:
    write(selinux, FIRST.pem)
    checked = write(selinux, FIRST.pem, check=True, setype="usr_t")
    assert checked.result["changed"]
    assert selinux.of_store() == BY_POLICY
    changed = write(selinux, FIRST.pem, setype="usr_t")
    assert changed.result["changed"]
    assert selinux.of_store() == OF_ADMIN
    assert changed.result["diff"][0]["after"]["secontext"] == OF_ADMIN.split(":")
    assert not write(selinux, FIRST.pem, setype="usr_t").result["changed"]
