# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""OAuth 2.0 of Bitbucket 10, in both readings of whether its ids are shown, and the guard in front of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ansible_module import Outcome
from tests.integration.server.conftest import PASSWORD, Target
from tests.integration.server.test_ansible import play
from tests.pythons.interpreters import interpreter

Start = Callable[..., Target]
WANTED: dict[str, Any] = {
    "username": "bitbucket@example.com",
    "password": None,
    "auth_type": "oauth2",
    "oauth2_provider_id": "provider-1",
    "oauth2_token_id": "7",
}
VARIANTS: list[dict[str, Any]] = [
    {"version": "10.0.0"},
    {"version": "10.3.1", "hides_oauth2_ids": True},
    {"version": "10.0.0", "hides_oauth2_ids": True, "key_style": "hyphen"},
    {"version": "10.0.0", "keeps_password": True, "returns_password": True},
]


def run(there: Target, **options: Any) -> Outcome:
    return there.run(**{**WANTED, **options})


@pytest.mark.parametrize("variant", VARIANTS)
def test_configure_then_nothing_to_do(target: Start, variant: dict[str, Any]) -> None:
    there = target(**variant)
    checked = run(there, check=True)
    assert checked.changed
    assert there.rest() is None
    first = run(there)
    assert first.changed
    assert first.result["mail_server"] == checked.result["mail_server"]
    assert first.result["diff"] == checked.result["diff"]
    assert first.result["mail_server"]["after"] == {
        "host": "smtp.example.com",
        "port": 587,
        "security": "starttls_required",
        "username": "bitbucket@example.com",
        "sender": "bitbucket@example.com",
        "auth_type": "OAUTH2",
        "oauth2_provider_id": "provider-1",
        "oauth2_token_id": "7",
    }
    assert first.result["password_changed"] is None
    stored = there.stored()
    assert (stored["authType"], stored["oauth2ProviderId"], stored["tokenId"]) == ("OAUTH2", "provider-1", "7")
    assert not stored.get("password")
    for again in (run(there, check=True), run(there)):
        assert not again.changed
        assert again.result["diff"]["before"] == again.result["diff"]["after"]
    # What Bitbucket shows needs no memory on this side.
    assert there.state_path.exists() is bool(variant.get("hides_oauth2_ids"))


@pytest.mark.parametrize("variant", VARIANTS[:2])
@pytest.mark.parametrize("change", [{"oauth2_provider_id": "provider-2"}, {"oauth2_token_id": "8"}])
def test_another_id_is_noticed(target: Start, variant: dict[str, Any], change: dict[str, str]) -> None:
    there = target(**variant)
    run(there)
    before = there.rest()
    checked = run(there, check=True, **change)
    assert checked.changed
    assert there.rest() == before
    done = run(there, **change)
    assert done.changed
    assert done.result["diff"] == checked.result["diff"]
    assert done.result["diff"]["before"] != done.result["diff"]["after"]
    stored = there.stored()
    assert (
        change.items()
        <= {"oauth2_provider_id": stored["oauth2ProviderId"], "oauth2_token_id": stored["tokenId"]}.items()
    )
    assert not run(there, **change).changed


def test_hidden_ids_that_nothing_is_known_of_are_written_once(target: Start) -> None:
    there = target(version="10.0.0", hides_oauth2_ids=True)
    run(there)
    there.state_path.unlink()
    again = run(there)
    assert again.changed
    assert "nothing is known of the OAuth 2.0 ids" in again.result["msg"]
    assert not run(there).changed
    assert not run(there, update_password="on_create").changed
    assert run(there, update_password="always").changed


@pytest.mark.parametrize("variant", VARIANTS)
def test_from_a_password_to_oauth2_and_back(target: Start, variant: dict[str, Any]) -> None:
    there = target(**variant)
    there.run(username="bitbucket@example.com")
    assert there.stored()["password"] == PASSWORD
    there_after = run(there)
    assert there_after.changed
    assert "auth_type" in there_after.result["msg"]
    # One that keeps a password where none is given keeps it here too; there is no way to say otherwise.
    assert bool(there.stored().get("password")) is bool(variant.get("keeps_password"))
    before = there.rest()
    for check in (True, False):
        refused = there.run(check=check, username="bitbucket@example.com")
        assert refused.result["code"] == "oauth2"
        assert "overwrite_oauth2" in refused.message
        assert there.rest() == before
    back = there.run(username="bitbucket@example.com", overwrite_oauth2=True)
    assert back.changed
    assert back.result["password_changed"] is True
    assert "oauth2ProviderId" not in there.stored()
    assert "tokenId" not in there.stored()
    assert not there.run(username="bitbucket@example.com").changed


@pytest.mark.parametrize(("version", "configured"), [("3.11.2", False), ("9.4.2", True)])
def test_a_version_that_is_too_old(target: Start, version: str, configured: bool) -> None:
    there = target(version=version)
    if configured:
        there.run()
    before, memory = there.rest(), there.state_path.exists()
    for check in (True, False):
        refused = run(there, check=check)
        assert refused.result["code"] == "too_old"
        assert "needs Bitbucket 10 or later" in refused.message
        assert version in refused.message
        assert there.rest() == before
        assert there.state_path.exists() is memory


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"password": PASSWORD}, "password is set although auth_type is oauth2"),
        ({"oauth2_provider_id": ""}, "oauth2_provider_id is empty"),
        ({"oauth2_token_id": None}, "oauth2_token_id is empty"),
        ({"oauth2_token_id": "7\n"}, "oauth2_token_id holds a control character"),
        ({"auth_type": "basic", "password": PASSWORD}, "oauth2_provider_id is set although auth_type is basic"),
        ({"auth_type": "xoauth2"}, "value of auth_type must be one of"),
    ],
)
def test_bad_input_changes_nothing(target: Start, options: dict[str, Any], said: str) -> None:
    there = target(version="10.0.0")
    assert said in run(there, **options).message
    assert there.rest() is None


def test_the_product_refuses(target: Start) -> None:
    there = target(version="10.0.0")
    there.run(port=2525)
    before = there.rest()
    there.standin.configure_mail({**before, "password": PASSWORD})
    # The stand-in, as the product may, wants a sender that is an address; the module lets this one through.
    refused = run(there, sender="a@[127.0.0.1]")
    assert refused.result["code"] == "invalid"
    assert there.rest() == before


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_through_ansible(target: Start, tmp_path: Path, version: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    there = target(version="10.0.0", hides_oauth2_ids=True)
    options = {key: value for key, value in WANTED.items() if value is not None}
    connection = {"host": "smtp.example.com", "port": 587, "sender": "bitbucket@example.com"}
    task: dict[str, object] = {"stashops.mail.stash_mail_server": {**connection, **options}}
    said = play(tmp_path, there, [task, task], python=python)
    assert "ok=2    changed=1    unreachable=0    failed=0" in said
    assert "no_log" not in said.replace('"no_log"', ""), "no warning about an option that looks like a secret"
    assert "changed=0" in play(tmp_path, there, [task], "--check", python=python)
