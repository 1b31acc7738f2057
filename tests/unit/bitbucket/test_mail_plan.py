# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a password alone leads to a write, and what the diff shows of it."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.plan import diff, plan, secret_of
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.settings import MailSettings, Observed

WANTED = MailSettings("smtp.example.com", 587, "starttls_required", "bitbucket", "bitbucket@example.com")
ANONYMOUS = dataclasses.replace(WANTED, username="")
SECRET = "Mail-Geheim-55"


def unasked() -> bool | None:
    raise AssertionError("the slow hash was asked for although its answer does not matter")


@pytest.mark.parametrize(
    ("mode", "recorded", "writes"),
    [
        ("on_change", True, False),
        ("on_change", False, True),
        ("on_change", None, True),
        ("always", True, True),
        ("always", False, True),
        ("always", None, True),
        ("on_create", True, False),
        ("on_create", False, False),
        ("on_create", None, False),
    ],
)
def test_same_settings(mode: str, recorded: bool | None, writes: bool) -> None:
    decided = plan(Observed(WANTED), WANTED, SECRET, mode, lambda: recorded)
    assert decided.write is writes
    assert decided.fields == []
    assert decided.same_password is recorded


@pytest.mark.parametrize("mode", ["on_change", "always", "on_create"])
@pytest.mark.parametrize("before", [None, dataclasses.replace(WANTED, username="other")])
def test_create_and_another_user_are_written_in_all_modes(mode: str, before: MailSettings | None) -> None:
    decided = plan(Observed(before), WANTED, SECRET, mode, unasked)
    assert decided.write
    assert decided.same_password is False


@pytest.mark.parametrize("mode", ["on_change", "on_create"])
@pytest.mark.parametrize(("shown", "same"), [(SECRET, True), ("another-one", False)])
def test_a_shown_password_is_compared_itself(mode: str, shown: str, same: bool) -> None:
    decided = plan(Observed(WANTED, password=shown), WANTED, SECRET, mode, unasked)
    assert decided.same_password is same
    assert decided.write is (mode == "on_change" and not same)


@pytest.mark.parametrize("mode", ["on_change", "always", "on_create"])
def test_anonymous_has_no_password_to_write(mode: str) -> None:
    decided = plan(Observed(ANONYMOUS), ANONYMOUS, "", mode, unasked)
    assert not decided.write
    assert decided.same_password is True


@pytest.mark.parametrize(
    ("before", "mode", "recorded", "old", "new", "reason"),
    [
        (WANTED, "on_change", True, "<password>", "<password>", "as wanted"),
        (WANTED, "on_change", False, "<password>", "<different-password>", "password differs"),
        (WANTED, "on_change", None, "<unknown-password>", "<password>", "nothing is known of the password"),
        (WANTED, "always", True, "<password>", "<password-written-again>", "always"),
        (dataclasses.replace(WANTED, port=25), "on_create", True, "<password>", "<password>", "these differ: port"),
        (dataclasses.replace(WANTED, username=""), "on_create", None, "", "<different-password>", "username"),
        (None, "on_change", None, None, "<different-password>", "no mail server was configured"),
    ],
)
def test_diff_and_reason(
    before: MailSettings | None, mode: str, recorded: bool | None, old: str | None, new: str, reason: str
) -> None:
    observed = Observed(before, password=None)
    decided = plan(observed, WANTED, SECRET, mode, lambda: recorded)
    shown = diff(observed, WANTED, decided)
    assert shown["before"].get("password") == old
    assert shown["after"]["password"] == new
    assert (shown["before"] != shown["after"]) is decided.write
    assert reason in decided.reason
    assert SECRET not in str(shown) + decided.reason


OAUTH2 = dataclasses.replace(WANTED, auth_type="OAUTH2", oauth2_provider_id="provider-1", oauth2_token_id="7")
HIDDEN = dataclasses.replace(OAUTH2, oauth2_provider_id=None, oauth2_token_id=None)


@pytest.mark.parametrize("mode", ["on_change", "always", "on_create"])
def test_shown_ids_are_compared_themselves(mode: str) -> None:
    same = plan(Observed(OAUTH2), OAUTH2, "", mode, unasked)
    assert (same.write, same.same_password) == (False, True)
    before = dataclasses.replace(OAUTH2, oauth2_token_id="8")
    other = plan(Observed(before), OAUTH2, "", mode, unasked)
    assert other.write
    assert other.fields == ["oauth2_token_id"]
    shown = diff(Observed(before), OAUTH2, other)
    assert (shown["before"]["oauth2_token_id"], shown["after"]["oauth2_token_id"]) == ("8", "7")
    assert "password" not in {**shown["before"], **shown["after"]}


@pytest.mark.parametrize(
    ("mode", "recorded", "word", "reason"),
    [
        ("on_change", True, None, "as wanted"),
        ("on_change", False, "<another>", "ids differ from those before"),
        ("on_change", None, "<unknown>", "nothing is known of the OAuth 2.0 ids"),
        ("always", True, "<not-shown>", "does not show the OAuth 2.0 ids"),
        ("on_create", None, None, "as wanted"),
        ("on_create", False, None, "as wanted"),
    ],
)
def test_hidden_ids_are_treated_as_a_password_is(
    mode: str, recorded: bool | None, word: str | None, reason: str
) -> None:
    observed = Observed(HIDDEN)
    decided = plan(observed, OAUTH2, "", mode, lambda: recorded)
    assert decided.fields == []
    assert decided.write is (word is not None)
    assert reason in decided.reason
    shown = diff(observed, OAUTH2, decided)
    assert shown["before"]["oauth2_token_id"] == (word or "7")
    assert (shown["before"] != shown["after"]) is decided.write


def test_hidden_ids_beside_another_difference() -> None:
    observed = Observed(dataclasses.replace(HIDDEN, port=25))
    decided = plan(observed, OAUTH2, "", "on_change", lambda: True)
    assert decided.fields == ["port"]
    shown = diff(observed, OAUTH2, decided)
    assert {key for key in shown["after"] if shown["after"][key] != shown["before"][key]} == {"port"}


@pytest.mark.parametrize(("before", "after"), [(WANTED, OAUTH2), (OAUTH2, WANTED)])
def test_from_one_login_to_the_other(before: MailSettings, after: MailSettings) -> None:
    secret = "" if after.is_oauth2 else SECRET
    decided = plan(Observed(before), after, secret, "on_create", unasked)
    assert decided.write
    assert decided.same_password is False
    assert "auth_type" in decided.reason
    shown = diff(Observed(before), after, decided)
    assert ("password" in shown["after"]) is not after.is_oauth2
    assert ("oauth2_token_id" in shown["after"]) is after.is_oauth2


def test_what_is_remembered_of_ids_is_of_both() -> None:
    assert secret_of(WANTED, SECRET) == SECRET
    swapped = dataclasses.replace(OAUTH2, oauth2_provider_id="7", oauth2_token_id="provider-1")
    assert len({secret_of(OAUTH2, ""), secret_of(swapped, ""), secret_of(WANTED, "")}) == 3


def test_diff_of_a_removal() -> None:
    shown = diff(Observed(WANTED), None)
    assert shown["before"]["host"] == "smtp.example.com"
    assert shown["after"] == {"state": "absent"}
    assert diff(Observed(None, "a@b"), None)["before"] == {"state": "absent", "sender": "a@b"}
