# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input that only real servers know of: a clear error in the preflight, and nothing has changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.lab import Lab
from tests.lab.runs import Runs

WRONG = "Wrong#Password%of+nobody"
CASES: dict[str, tuple[dict[str, Any], str, int]] = {
    "no certificate": ({"certificates": []}, "the JVM does not trust mail.stashops.test", 0),
    "administrator's password": ({"bitbucket_admin_password": WRONG}, "user name or password is wrong", 0),
    "mail password": ({"password": WRONG}, "535", 1),
    "sender of somebody else": ({"sender": "inbox@stashops.test"}, "553", 0),
    "unknown recipient": ({"recipient": "nobody@stashops.test"}, "550", 0),
}


@pytest.mark.parametrize(("changes", "message", "refused_logins"), CASES.values(), ids=CASES)
def test_input(lab: Lab, runs: Runs, changes: dict[str, Any], message: str, refused_logins: int) -> None:
    refused(lab, runs, message, refused_logins, **changes)


def test_administrator_without_the_permission(lab: Lab, runs: Runs) -> None:
    password = lab.password("admin")
    refused(
        lab, runs, "SYS_ADMIN; Admin is not enough", bitbucket_admin_user="admin", bitbucket_admin_password=password
    )


def test_another_name(lab: Lab, runs: Runs) -> None:
    """The mail server under a name that is not in its certificate."""
    refused(lab, runs, f"made out to {lab.mail_host}, not to", host=lab.containers["mail"])


def refused(lab: Lab, runs: Runs, message: str, refused_logins: int = 0, **changes: Any) -> None:
    before, logins = lab.state(), lab.refused_logins()
    run = runs("--diff", secrets=(WRONG,), **changes)
    assert run.code == 2, run.evidence
    assert run.in_preflight, run.evidence
    assert message in run.error, run.evidence
    assert run.changed == 0
    assert lab.state() == before
    assert lab.refused_logins() - logins == refused_logins
