# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator types is refused with the option's name and the remedy, or taken as it is."""

from __future__ import annotations

import pytest
from ansible_collections.stashops.mail.plugins.module_utils import _inputs
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from hypothesis import given
from hypothesis import strategies as st

CONTROL_OR_FOREIGN = st.characters(exclude_categories=()).filter(lambda c: not " " <= c <= "~")


@pytest.mark.parametrize(
    "host",
    [
        "mail",
        "mail.example.com",
        "mail.example.com.",
        "10.0.0.1",
        "::1",
        "2001:db8::25",
        "xn--mil-ela.example",
        "a_b.lab",
    ],
)
def test_hosts_that_are_taken(host: str) -> None:
    assert _inputs.check_host(host) == host


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("", "is empty"),
        ("smtp://mail", "without scheme"),
        ("mail:25", "without scheme, port"),
        ("[::1]", "brackets"),
        ("mail example", "spaces"),
        ("-mail", "not a host name"),
        ("mail..example", "not a host name"),
        ("a" * 64, "not a host name"),
        ("mäil", "non-ASCII character (U+00E4) at position 2"),
        ("mail\r\nRCPT TO:<x@y>", "control character (U+000D) at position 5"),
    ],
)
def test_hosts_that_are_refused(host: str, said: str) -> None:
    with pytest.raises(StashMailError) as caught:
        _inputs.check_host(host, "stash_mail_host")
    assert str(caught.value).startswith("stash_mail_host")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "address",
    ["a@b", "stash-no-reply@company.com", "o'brien+tag@mail.example.com", "x@[10.0.0.1]", "x@[IPv6:::1]"],
)
def test_addresses_that_are_taken(address: str) -> None:
    assert _inputs.check_address(address, "sender") == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "@b",
        "a@",
        "a b@c",
        "Stash <a@b>",
        "a@b@c",
        "a@b\n",
        "a@b\r\nRCPT TO:<x@y>",
        "ä@b",
        ".a@b",
        "a@[x]",
    ],
)
def test_addresses_that_are_refused(address: str) -> None:
    with pytest.raises(StashMailError, match="sender"):
        _inputs.check_address(address, "sender")


@given(st.text(" abcxyz@.", max_size=10), CONTROL_OR_FOREIGN, st.text(" abcxyz@.", max_size=10))
def test_no_control_or_foreign_character_gets_through(before: str, bad: str, after: str) -> None:
    for check in (_inputs.check_printable_ascii, _inputs.check_host, _inputs.check_address):
        with pytest.raises(StashMailError):
            check(before + bad + after, "option")


@pytest.mark.parametrize("port", [1, 25, 65535])
def test_ports_that_are_taken(port: int) -> None:
    assert _inputs.check_port(port) == port


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_ports_that_are_refused(port: int) -> None:
    with pytest.raises(StashMailError, match="1 to 65535"):
        _inputs.check_port(port)


def test_credentials_are_both_or_neither() -> None:
    assert _inputs.check_credentials("", "") is None
    assert _inputs.check_credentials(None, None) is None
    assert _inputs.check_credentials("user", "pass wörd") == ("user", "pass wörd")
    with pytest.raises(StashMailError, match="username is set but password is empty"):
        _inputs.check_credentials("user", "")
    with pytest.raises(StashMailError, match="password is set but username is empty"):
        _inputs.check_credentials("", "secret")


@given(st.text(min_size=1).filter(lambda p: any(ord(c) < 0x20 or ord(c) == 0x7F for c in p)))
def test_a_refused_password_is_not_shown(password: str) -> None:
    secret = "s3cr3t-start" + password
    with pytest.raises(StashMailError) as caught:
        _inputs.check_credentials("user", secret)
    assert "s3cr3t" not in str(caught.value)


@given(st.binary(min_size=32, max_size=32), st.sampled_from(["", ":", " ", "-"]), st.booleans())
def test_fingerprints_in_any_usual_spelling(digest: bytes, separator: str, upper: bool) -> None:
    spelled = separator.join(f"{byte:02x}" for byte in digest)
    assert _inputs.check_sha256(spelled.upper() if upper else spelled, "sha256") == digest.hex()


@pytest.mark.parametrize("fingerprint", ["", "12", "g" * 64, "0" * 63, "0" * 65, "sha256:" + "0" * 64])
def test_fingerprints_that_are_refused(fingerprint: str) -> None:
    with pytest.raises(StashMailError, match=r"fetch\.sha256 is not a SHA-256"):
        _inputs.check_sha256(fingerprint, "fetch.sha256")


def test_connection_names_the_option() -> None:
    good = {"host": "mail", "port": 25, "username": "", "password": "", "sender": "a@b", "recipient": None}
    _inputs.check_connection(good)
    for option, value in (("host", None), ("port", 0), ("username", "u"), ("sender", "x"), ("recipient", "x")):
        with pytest.raises(StashMailError, match=option):
            _inputs.check_connection({**good, option: value})


@pytest.mark.parametrize("value", [0, -1, 61, float("nan"), float("inf"), -float("inf")])
def test_seconds_out_of_range(value: float) -> None:
    with pytest.raises(StashMailError, match=r"^wait .* is out of range: give seconds, more than 0 and at most 60\.$"):
        _inputs.check_seconds(value, "wait", 60)


def test_seconds_in_range() -> None:
    assert [_inputs.check_seconds(value, "wait", 60) for value in (0.001, 1, 60)] == [0.001, 1, 60]
    assert _inputs.check_seconds(0, "wait", 60, zero=True) == 0
    with pytest.raises(StashMailError, match=r"0 or more"):
        _inputs.check_seconds(-0.1, "wait", 60, zero=True)
