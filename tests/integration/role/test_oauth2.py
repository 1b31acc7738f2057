# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role with OAuth 2.0: what can be judged is judged, and what cannot is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.role.conftest import Site, make_site
from tests.standin import Settings

OAUTH2: dict[str, Any] = {
    "auth_type": "oauth2",
    "oauth2_provider_id": "provider-1",
    "oauth2_token_id": "7",
    "username": "bitbucket@example.com",
    "password": "",
}


def words(output: str) -> str:
    """Ansible folds its warnings."""
    return re.sub(r"\s+", " ", output)


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with make_site(tmp_path_factory.mktemp("ten"), settings=Settings(version="10.0.0")) as site:
        yield site


def test_bad_input_changes_nothing(ten: Site) -> None:
    before = ten.state()
    for changes, message in (
        ({"oauth2_token_id": ""}, "set stash_mail_oauth2_provider_id and stash_mail_oauth2_token_id"),
        ({"password": ten.password}, "leave stash_mail_password empty"),
        ({"auth_type": "token"}, "value of stash_mail_auth_type must be one of"),
        ({"certificates": []}, "JVM does not trust the server"),
    ):
        outcome = ten.run(**{**OAUTH2, **changes})
        assert outcome.code == 2, outcome.output
        assert message in words(outcome.output)
        assert ten.state() == before


def test_provision_and_the_way_back(ten: Site) -> None:
    outcome = ten.run(**OAUTH2)
    assert outcome.ok, outcome.output
    found = ten.mail_settings()
    assert found is not None
    assert (found["authType"], found["oauth2ProviderId"], found["tokenId"]) == ("OAUTH2", "provider-1", "7")
    assert ten.truststore.exists(), "the JVM's part is as with a password"
    said = words(outcome.output)
    assert "AUTH by token (OAuth 2.0) cannot be tried from here" in said
    assert "set stash_mail_verify_notification to true" in said
    assert "as bitbucket@example.com by OAuth 2.0" in said
    assert len(ten.smtp.messages) == 0
    assert ten.smtp.auth_attempts == []
    assert ten.run(**OAUTH2).changed == 0

    before = ten.state()
    guarded = ten.run()
    assert guarded.code == 2
    assert "overwrite_oauth2" in guarded.output
    assert ten.state() == before
    back = ten.run(overwrite_oauth2=True)
    assert back.ok, back.output
    assert ten.arrived(1)


def test_a_version_that_is_too_old(tmp_path: Path) -> None:
    with make_site(tmp_path, settings=Settings(version="9.4.2")) as site:
        before = site.state()
        outcome = site.run(**OAUTH2)
        assert outcome.code == 2
        assert "needs Bitbucket 10 or later" in words(outcome.output)
        assert site.state() == before
