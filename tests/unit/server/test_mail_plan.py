# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a password alone leads to a write, and what the diff shows of it."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._mail_plan import diff, plan
from ansible_collections.stashops.mail.plugins.module_utils._mail_settings import MailSettings, Observed

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


def test_diff_of_a_removal() -> None:
    shown = diff(Observed(WANTED), None)
    assert shown["before"]["host"] == "smtp.example.com"
    assert shown["after"] == {"state": "absent"}
    assert diff(Observed(None, "a@b"), None)["before"] == {"state": "absent", "sender": "a@b"}
