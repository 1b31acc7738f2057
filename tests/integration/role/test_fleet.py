# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Independent instances in one run: one that fails ends nothing for the others."""

from __future__ import annotations

import re
from typing import Any

from tests.integration.role.conftest import Outcome, Site, run_playbook


def run(site: Site, hosts: dict[str, dict[str, Any]]) -> Outcome:
    inventory = {
        name: {**site.settings, **{f"stash_mail_{key}": value for key, value in changes.items()}}
        for name, changes in hosts.items()
    }
    code, output = run_playbook(site.folder, {"bitbucket": {"hosts": inventory}})
    site.output += output
    return Outcome(code, output)


def test_one_that_fails_ends_nothing_for_the_others(site: Site) -> None:
    nowhere = {"bitbucket_url": "http://127.0.0.1:1"}
    outcome = run(
        site,
        {
            "broken": nowhere,
            "stand_in": {},
            # A cluster of which one node cannot be prepared: the other one is left as it is.
            "node1": {**nowhere, "cluster": "main"},
            "node2": {"cluster": "main", "truststore_path": str(site.folder / "node2" / "cacerts")},
        },
    )
    assert outcome.code == 2, outcome.output
    assert (outcome.recap["failed"], outcome.recap["changed"]) == (0, 3), outcome.output
    assert len(site.smtp.messages) == 1
    assert not (site.folder / "node2").exists()
    shown = re.sub(r"\s+", " ", outcome.output)
    assert "4 hosts: 1 changed, 1 verified, 3 failed" in shown
    assert re.search(r"broken no no FAILED: .*nothing listens on port 1", shown)
    assert "node2 no no FAILED: node1 of the same cluster failed, and the run went no further on node2" in shown
    assert "stand_in yes delivered ok" in shown
    assert re.search(r"^node2 +: .*changed=0 .*failed=1", outcome.output, re.MULTILINE)
