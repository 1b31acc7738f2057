# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""check.yml on a product that nothing was provisioned on yet."""

from __future__ import annotations

from pathlib import Path

from tests.integration.check.conftest import check
from tests.integration.role.conftest import make_site


def test_before_provisioning(tmp_path: Path) -> None:
    with make_site(tmp_path) as site:
        checked = check(site)
        assert checked.outcome.code == 2
        answers = checked.answers()
        assert checked.statuses() == {
            "reachable": "ok",
            "settings": "failed",
            "truststore": "failed",
            "jvm": "failed",
            "delivery": "failed",
            "message": "skipped",
        }
        assert answers["settings"]["summary"] == "No mail server is configured."
        assert "lacks stash_mail:" in answers["truststore"]["reason"]
        assert "does not have the JVM's arguments" in answers["jvm"]["summary"]
        assert answers["delivery"]["details"]["outcome"] == "tls_untrusted"
        assert "with the truststore that it writes the JVM would deliver" in answers["delivery"]["remedy"]

        # Without any certificate the product's own truststore counts, and nothing of ours is missed.
        without = check(site, certificates=[])
        assert without.statuses()["truststore"] == "skipped"
        assert without.statuses()["jvm"] == "ok"
