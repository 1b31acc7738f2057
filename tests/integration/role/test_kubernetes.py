# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Secret that the role applies itself, by a kubernetes.core of the test's. All else of a pod: molecule/kube."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.role.conftest import ROOT, Site, run_playbook

# What is applied stays for the test to see; with the file "dies" the run's first process is killed before.
K8S = """
import os, signal, shutil
from ansible.module_utils.basic import AnsibleModule

FOLDER = {folder!r}
spec = {{"src": {{"type": "path"}}, "namespace": {{}}, "apply": {{"type": "bool"}}}}
module = AnsibleModule({{**spec, "server_side_apply": {{"type": "dict"}}}})
# The client's way has no room for a large truststore.
assert module.params["apply"] and module.params["server_side_apply"]
if os.path.exists(FOLDER + "/fails"):
    os.remove(FOLDER + "/fails")
    module.fail_json(msg="the cluster is away")
if os.path.exists(FOLDER + "/dies"):
    os.remove(FOLDER + "/dies")
    os.kill(int(open(FOLDER + "/pid").read()), signal.SIGKILL)
    raise SystemExit(1)
shutil.copy(module.params["src"], FOLDER + "/applied.yaml")
module.exit_json(changed=True)
"""


@pytest.fixture
def folder(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of the cluster."""
    made = tmp_path / "cluster"
    modules = made / "ansible_collections/kubernetes/core/plugins/modules"
    modules.mkdir(parents=True)
    (modules / "k8s.py").write_text(K8S.format(folder=str(made)))
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", f"{made}:{ROOT / 'collections'}")
    del site.settings["stash_mail_bitbucket_install_dir"]
    site.settings |= {
        "stash_mail_deployment": "kubernetes",
        "stash_mail_kubernetes_dir": str(tmp_path / "mail"),
        "stash_mail_kubernetes_values_files": [],
        "stash_mail_kubernetes_apply": True,
        # No process can be seen, which would tell.
        "stash_mail_truststore_base": str(site.bitbucket.install_dir / "jre/lib/security/cacerts"),
    }
    return made


@pytest.mark.parametrize("end", ["fails", "dies"])
def test_what_a_run_has_not_applied_is_applied_by_the_next(site: Site, folder: Path, end: str) -> None:
    (folder / end).touch()
    around = ["sh", "-c", f'echo $$ >{folder}/pid; exec "$@"', "sh"]
    inventory = {"bitbucket": {"hosts": {"stand_in": site.settings}}}
    code, output = run_playbook(site.folder, inventory, around=around)
    site.output += output
    assert code == (-9 if end == "dies" else 2), output
    assert "the cluster is away" in output or end == "dies"
    assert not (folder / "applied.yaml").exists()

    again = site.run()
    assert again.ok, again.output
    written = site.folder / "mail/secret.yaml"
    applied = (folder / "applied.yaml").read_text()
    assert applied.endswith(written.read_text())
    (folder / "applied.yaml").unlink()

    third = site.run()
    assert (third.ok, third.changed) == (True, 0), third.output
    assert not (folder / "applied.yaml").exists()
