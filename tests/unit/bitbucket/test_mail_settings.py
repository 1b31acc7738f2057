# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and spelling the mail settings."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.settings import (
    STYLES,
    MailSettings,
    Observed,
    as_dict,
    differences,
    hyphenated,
    observe,
    starttls_flags,
    to_wire,
)
from ansible_collections.stashops.mail.plugins.module_utils._inputs import SECURITY_MODES
from hypothesis import given
from hypothesis import strategies as st

SETTINGS = MailSettings("smtp.example.com", 587, "starttls_required", "bitbucket", "bitbucket@example.com")
any_settings = st.builds(
    MailSettings,
    host=st.text(min_size=1),
    port=st.integers(1, 65535),
    security=st.sampled_from(SECURITY_MODES),
    username=st.text(),
    sender=st.text(min_size=1),
    auth_type=st.just("BASIC"),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def no_sender() -> str:
    raise AssertionError("the sender was asked for although it is shown")


@pytest.mark.parametrize(
    ("security", "protocol", "use", "require"),
    [
        ("plain", "SMTP", False, False),
        ("starttls_optional", "SMTP", True, False),
        ("starttls_required", "SMTP", True, True),
        ("smtps", "SMTPS", False, False),
    ],
)
def test_modes_on_the_wire(security: str, protocol: str, use: bool, require: bool) -> None:
    wanted = MailSettings("h", 25, security, "", "a@b")
    camel = to_wire(wanted, "", "camel", auth_type=False)
    assert camel == {
        "hostname": "h",
        "port": 25,
        "protocol": protocol,
        "useStartTls": use,
        "requireStartTls": require,
        "username": "",
        "password": "",
        "senderAddress": "a@b",
    }
    assert starttls_flags(security) == (use, require)


def test_hyphenated_keys() -> None:
    body = to_wire(SETTINGS, "secret", "hyphen", auth_type=True)
    assert body == {
        "hostname": "smtp.example.com",
        "port": 587,
        "protocol": "SMTP",
        "use-start-tls": True,
        "require-start-tls": True,
        "username": "bitbucket",
        "password": "secret",
        "sender-address": "bitbucket@example.com",
        "auth-type": "BASIC",
    }
    assert hyphenated("oauth2ProviderId") == "oauth2-provider-id"


@given(any_settings, st.sampled_from(STYLES), st.booleans())
def test_what_is_written_is_read_the_same(settings: MailSettings, style: str, auth_type: bool) -> None:
    observed = observe(to_wire(settings, "pw-12", style, auth_type=auth_type), no_sender)
    assert observed.settings == settings
    assert observed.style == style
    assert observed.password == "pw-12"
    assert observed.shows_auth_type is auth_type
    assert differences(settings, observed.settings) == []


@given(st.dictionaries(st.sampled_from(["hostname", "port", "protocol", "useStartTls", "use-start-tls"]), json_values))
def test_odd_answers_are_read_without_an_error(body: dict[str, Any]) -> None:
    assert observe(body, lambda: "").settings is not None


def test_smtps_ignores_the_flags() -> None:
    body = {"hostname": "h", "protocol": "SMTPS", "useStartTls": True, "requireStartTls": True, "senderAddress": "a@b"}
    observed = observe(body, no_sender)
    assert observed.settings == MailSettings("h", 25, "smtps", "", "a@b")
    assert observed.flags == (True, True)


def test_required_but_not_used_is_no_mode() -> None:
    body = {"hostname": "h", "protocol": "SMTP", "useStartTls": False, "requireStartTls": True, "senderAddress": "a@b"}
    settings = observe(body, no_sender).settings
    assert settings is not None
    assert settings.security == "unknown"
    for mode in SECURITY_MODES:
        assert "security" in differences(MailSettings("h", 25, mode, "", "a@b"), settings)


def test_missing_values_are_the_products_defaults() -> None:
    observed = observe({"hostname": "h"}, lambda: "a@b")
    assert observed.settings == MailSettings("h", 25, "plain", "", "a@b")
    assert observed.style is None


@pytest.mark.parametrize("mask", ["", "*", "********", "••••", "xxxx", "<password>", "[hidden]", None, 7])
def test_masks_are_no_passwords(mask: object) -> None:
    assert observe({"hostname": "h", "password": mask}, lambda: "").password is None


def test_a_password_is_not_in_the_representation() -> None:
    observed = observe({"hostname": "h", "password": "geheim-77"}, lambda: "")
    assert observed.password == "geheim-77"
    assert "geheim-77" not in repr(observed)


def test_differences_are_named() -> None:
    other = MailSettings("smtp.example.com", 25, "plain", "bitbucket", "bitbucket@example.com", "OAUTH2")
    assert differences(SETTINGS, other) == ["port", "security", "auth_type"]
    assert differences(SETTINGS, None) == ["host", "port", "security", "username", "sender", "auth_type"]


def test_as_dict() -> None:
    assert as_dict(Observed(None)) is None
    assert as_dict(Observed(None, "a@b")) == {"sender": "a@b"}
    shown = as_dict(Observed(SETTINGS, password="secret"))
    assert shown is not None
    assert "secret" not in shown.values()


@pytest.mark.parametrize(
    ("shown", "read"),
    [("7", "7"), (7, "7"), ("77", "77"), ("a", "a"), ("", None), (None, None), ("*****", None), ("<hidden>", None)],
)
def test_ids_are_read_where_they_are_shown(shown: object, read: str | None) -> None:
    body = {"hostname": "h", "authType": "OAUTH2", "oauth2ProviderId": "p", "tokenId": shown}
    observed = observe(body, lambda: "a@b").settings
    assert observed is not None
    assert (observed.oauth2_provider_id, observed.oauth2_token_id) == ("p", read)
    assert observed.hides_ids is (read is None)
    basic = observe({**body, "authType": "BASIC"}, lambda: "a@b")
    assert basic.settings is not None
    assert not basic.settings.hides_ids
    assert "oauth2_token_id" not in (as_dict(basic) or {})
