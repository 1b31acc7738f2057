# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""check.yml on a site of the role's tests, with its reports read back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.role.conftest import Outcome, Site, make_site
from tests.unit.check.validate import assert_junit, assert_report, samples

FILES = ("stash_mail.html", "stash_mail.xml", "stash_mail.json", "stash_mail.prom")


class Checked:
    """What one run of check.yml left: how it ended, its answers by question, and its report."""

    def __init__(self, outcome: Outcome, folder: Path) -> None:
        self.outcome, self.folder = outcome, folder
        self.report: dict[str, Any] = json.loads((folder / "stash_mail.json").read_text())
        self.metrics = samples((folder / "stash_mail.prom").read_text())
        assert_report(self.report)
        assert_junit((folder / "stash_mail.xml").read_text())

    def instance(self, name: str = "stand_in") -> dict[str, Any]:
        """One host's part of the report."""
        return next(item for item in self.report["instances"] if item["name"] == name)

    def answers(self, name: str = "stand_in") -> dict[str, dict[str, Any]]:
        """The answers of one host by question."""
        return {item["check"]: item for item in self.instance(name)["checks"]}

    def statuses(self, name: str = "stand_in") -> dict[str, str]:
        """Their statuses."""
        return {check: answer["status"] for check, answer in self.answers(name).items()}


def state(site: Site) -> tuple[Any, ...]:
    """All that a run may change; of a product that is down, its files."""
    if site.bitbucket.state():
        return site.state()
    return (site.bitbucket.jvm_args_file.read_bytes(), site.truststore.read_bytes())


def check(site: Site, *options: str, **changes: Any) -> Checked:
    """Run check.yml; see that it changes nothing, that its reports are valid, and that no secret stands in them."""
    folder = site.folder / "reports"
    changes.setdefault("report_dir", str(folder))
    # The certificates of the test sites end after 30 days.
    changes.setdefault("check_warn_days", 10)
    before = state(site)
    outcome = site.run(*options, playbook="check", **changes)
    assert state(site) == before
    for name in FILES:
        text = (folder / name).read_text()
        assert not [secret for secret in site.secrets if secret in text], name
    return Checked(outcome, folder)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A provisioned site that the tests of a module share: a check changes nothing."""
    with make_site(tmp_path_factory.mktemp("check")) as made:
        provisioned = made.run()
        assert provisioned.ok, provisioned.output
        yield made
