# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing to instances that read, show, ignore and keep settings in all the ways that are not ruled out."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import time
from collections.abc import Callable

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket import apply
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.apply import (
    check_oauth2,
    read_settings,
    remove,
    write,
)
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.client import Bitbucket
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.settings import (
    MailSettings,
    differences,
    observe,
)
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._inputs import SECURITY_MODES
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.unit.bitbucket.scripted import CANONICAL, MAIL, SENDER, Oddities, Reply, Scripted, serving

WANTED = MailSettings("smtp.example.com", 587, "starttls_required", "bitbucket", "bitbucket@example.com")
ANONYMOUS = MailSettings("smtp.example.com", 25, "plain", "", "bitbucket@example.com")
OAUTH2 = dataclasses.replace(WANTED, auth_type="OAUTH2", oauth2_provider_id="provider-1", oauth2_token_id="7")
SECRET = "Mail-Geheim-55"


def client(scripted: Scripted, timeout: float = 10.0) -> Bitbucket:
    return Bitbucket(scripted.url, "admin", "Admin-Geheim", timeout=timeout)


def password_of(wanted: MailSettings) -> str:
    return SECRET if wanted.username else ""


def put(scripted: Scripted, wanted: MailSettings = WANTED) -> MailSettings | None:
    bitbucket = client(scripted)
    return write(bitbucket, wanted, password_of(wanted), read_settings(bitbucket)).settings


def refused(scripted: Scripted, wanted: MailSettings = WANTED, timeout: float = 10.0) -> StashMailError:
    bitbucket = client(scripted, timeout)
    before = read_settings(bitbucket)
    with pytest.raises(StashMailError) as caught:
        write(bitbucket, wanted, password_of(wanted), before)
    assert SECRET not in str(caught.value)
    return caught.value


def configured(oddities: Oddities | None = None) -> Scripted:
    scripted = Scripted(oddities)
    scripted.mail = {
        "hostname": "old.example.com",
        "port": 2525,
        "protocol": "SMTP",
        "useStartTls": True,
        "requireStartTls": False,
        "username": "old",
        "password": "old-password",
    }
    scripted.sender = "old@example.com"
    return scripted


@pytest.mark.parametrize("security", SECURITY_MODES)
@pytest.mark.parametrize("style", ["camel", "hyphen"])
@pytest.mark.parametrize("version", ["3.11.6", "6.10.0", "8.19.1", "10.0.0"])
@pytest.mark.parametrize("start", [Scripted, configured])
def test_every_mode_in_either_spelling(
    security: str, style: str, version: str, start: Callable[[Oddities], Scripted]
) -> None:
    wanted = MailSettings("smtp.example.com", 587, security, "bitbucket", "bitbucket@example.com")
    with serving(start(Oddities(version=version, reads=(style,), shows=style))) as scripted:
        assert put(scripted, wanted) == wanted
        assert scripted.mail is not None
        assert scripted.mail["password"] == SECRET
        assert scripted.sender == "bitbucket@example.com"


def test_a_shown_spelling_needs_one_write() -> None:
    with serving(configured(Oddities(reads=("hyphen",), shows="hyphen"))) as scripted:
        assert put(scripted) == WANTED
        assert scripted.writes == [("PUT", MAIL)]


def test_false_is_sent() -> None:
    with serving(configured()) as scripted:
        assert put(scripted, ANONYMOUS) == ANONYMOUS
        body = scripted.requests[-2][2]
        assert body["useStartTls"] is False
        assert body["requireStartTls"] is False


def test_anonymous_takes_the_credentials_away() -> None:
    with serving(configured()) as scripted:
        put(scripted, ANONYMOUS)
        assert scripted.mail is not None
        assert (scripted.mail["username"], scripted.mail["password"]) == ("", "")


def test_an_old_user_name_that_sticks_is_an_error() -> None:
    with serving(configured(Oddities(keeps_if_empty=frozenset({"username", "password"})))) as scripted:
        error = refused(scripted, ANONYMOUS)
        assert error.details["not_stuck"] == ["username"]
        assert "Bitbucket's mail settings are now: host 'smtp.example.com'" in str(error)
        assert "username 'old'" in str(error)


@pytest.mark.parametrize("shown", [True, False])
def test_a_sender_that_the_mail_server_ignores_is_set_by_its_own_resource(shown: bool) -> None:
    oddities = Oddities(ignores=frozenset({"senderAddress"}), sender_in_mail_server=shown)
    with serving(configured(oddities)) as scripted:
        assert put(scripted) == WANTED
        assert scripted.writes == [("PUT", MAIL), ("PUT", SENDER)]
        assert scripted.sender == "bitbucket@example.com"


def test_a_flag_that_does_not_stick_is_named_and_what_was_written_is_removed() -> None:
    with serving(Scripted(Oddities(ignores=frozenset({"requireStartTls"})))) as scripted:
        error = refused(scripted)
        assert error.details == {"code": "not_stuck", "not_stuck": ["security"]}
        assert "security" in str(error)
        assert "removed again. Bitbucket has no mail server configured, as before." in str(error)
        assert scripted.mail is None
        assert scripted.sender == ""
        assert all(not state["username"] for state in scripted.history), "credentials were written without STARTTLS"


@pytest.mark.parametrize(("version", "style"), [("9.4.2", "hyphen"), ("6.10.0", "camel")])
def test_a_wrong_guess_at_the_spelling_opens_no_plain_text(version: str, style: str) -> None:
    with serving(Scripted(Oddities(version=version, reads=(style,), shows=style))) as scripted:
        assert put(scripted) == WANTED
        assert len(scripted.history) == 3, "the guess was right, so this test has shown nothing"
        for state in scripted.history:
            assert state["protocol"] == "SMTPS" or state["requireStartTls"]


def test_a_server_that_shows_one_spelling_and_reads_the_other() -> None:
    for reads, shows in (("camel", "hyphen"), ("hyphen", "camel")):
        with serving(configured(Oddities(reads=(reads,), shows=shows))) as scripted:
            assert put(scripted) == WANTED


def test_a_refusal_changes_nothing_and_says_so() -> None:
    with serving(configured()) as scripted:
        scripted.replies["PUT", MAIL] = Reply.error(400, "no such host", context="hostname")
        error = refused(scripted)
        assert "hostname: no such host" in str(error)
        assert "are as before" in str(error)
        assert scripted.writes == [("PUT", MAIL)]


def test_a_connection_lost_in_the_middle_is_taken_back() -> None:
    scripted = Scripted()

    def second_put_fails() -> Reply:
        del scripted.replies["PUT", MAIL]
        reply = scripted.answer("PUT", MAIL, b'{"hostname": "x", "protocol": "SMTPS", "useStartTls": true}')
        scripted.replies["PUT", MAIL] = Reply(502)
        return reply

    with serving(scripted):
        bitbucket = client(scripted)
        before = read_settings(bitbucket)
        scripted.replies["PUT", MAIL] = second_put_fails
        with pytest.raises(StashMailError, match=r"HTTP 502.*removed again.*as before"):
            write(bitbucket, WANTED, SECRET, before)
        assert scripted.mail is None


def test_what_cannot_be_taken_back_is_said() -> None:
    with serving(Scripted(Oddities(ignores=frozenset({"hostname"})))) as scripted:
        scripted.replies["DELETE", MAIL] = Reply(500)
        scripted.mail = None
        error = refused(scripted, ANONYMOUS)
        assert "host" in str(error)


def test_a_slow_write_is_found_out_within_new_time() -> None:
    scripted = configured()

    def slow() -> Reply:
        del scripted.replies["PUT", MAIL]
        time.sleep(1.2)
        return Reply(503)

    with serving(scripted):
        scripted.replies["PUT", MAIL] = slow
        error = refused(scripted, timeout=0.8)
        assert error.details["code"] == "timeout"
        assert "are as before, as far as they can be read" in str(error)


def test_authtype_is_sent_only_where_it_is_shown() -> None:
    with serving(configured()) as scripted:
        put(scripted)
        assert "authType" not in scripted.requests[-2][2]
    ten = configured(Oddities(version="10.0.0", known_fields=CANONICAL))
    assert ten.mail is not None
    ten.mail.update(authType="OAUTH2", oauth2ProviderId="p", tokenId="t")
    with serving(ten) as scripted:
        assert put(scripted) == WANTED
        assert scripted.requests[-2][2]["authType"] == "BASIC"
        assert "tokenId" not in scripted.mail  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["OAUTH2", "oauth2", "SOMETHING_NEW"])
def test_oauth2_is_guarded(kind: str) -> None:
    other = observe({"hostname": "h", "authType": kind}, lambda: "a@b")
    nobody = Bitbucket("http://127.0.0.1:1", "admin", "Admin-Geheim")
    with pytest.raises(StashMailError, match="overwrite_oauth2") as caught:
        check_oauth2(nobody, other, WANTED, False)
    assert caught.value.details["code"] == "oauth2"
    check_oauth2(nobody, other, WANTED, True)
    check_oauth2(nobody, other, OAUTH2, False)
    check_oauth2(nobody, observe(None, lambda: ""), WANTED, False)


@pytest.mark.parametrize("version", ["3.11.6", "7.21.0", "9.4.2", "9.99.0", "unknown"])
@pytest.mark.parametrize("start", [Scripted, configured])
def test_oauth2_needs_version_10(version: str, start: Callable[[Oddities], Scripted]) -> None:
    with serving(start(Oddities(version=version))) as scripted:
        bitbucket = client(scripted)
        with pytest.raises(StashMailError, match="needs Bitbucket 10 or later") as caught:
            check_oauth2(bitbucket, read_settings(bitbucket), OAUTH2, False)
        assert caught.value.details["code"] == "too_old"
        assert repr(version) in str(caught.value)
        assert scripted.writes == []


@pytest.mark.parametrize("security", SECURITY_MODES)
@pytest.mark.parametrize("style", ["camel", "hyphen"])
@pytest.mark.parametrize("hidden", [(), ("oauth2ProviderId", "tokenId"), ("tokenId",)])
@pytest.mark.parametrize("start", [Scripted, configured])
def test_oauth2_in_either_spelling_and_reading(
    security: str, style: str, hidden: tuple[str, ...], start: Callable[[Oddities], Scripted]
) -> None:
    wanted = dataclasses.replace(OAUTH2, security=security)
    odd = Oddities(version="10.0.0", known_fields=CANONICAL, reads=(style,), shows=style, hides=frozenset(hidden))
    with serving(start(odd)) as scripted:
        bitbucket = client(scripted)
        before = read_settings(bitbucket)
        check_oauth2(bitbucket, before, wanted, False)
        after = write(bitbucket, wanted, "", before)
        assert scripted.mail is not None
        assert scripted.mail["authType"] == "OAUTH2"
        assert (scripted.mail["oauth2ProviderId"], scripted.mail["tokenId"]) == ("provider-1", "7")
        assert not scripted.mail.get("password")
        assert after.settings is not None
        assert differences(wanted, after.settings) == []
        assert after.settings.hides_ids is bool(hidden)


@pytest.mark.parametrize("ignored", ["authType", "oauth2ProviderId", "tokenId"])
def test_oauth2_that_does_not_stick(ignored: str) -> None:
    kept = {"authType": "BASIC", "oauth2ProviderId": "another", "tokenId": "8"}
    odd = Oddities(version="10.0.0", known_fields=CANONICAL, keeps=frozenset({ignored}))
    with serving(configured(odd)) as scripted:
        assert scripted.mail is not None
        scripted.mail.update({**kept, **({} if ignored == "authType" else {"authType": "OAUTH2"})})
        bitbucket = client(scripted)
        before = read_settings(bitbucket)
        with pytest.raises(StashMailError, match="otherwise when read back") as caught:
            write(bitbucket, OAUTH2, "", before)
        name = {"authType": "auth_type", "oauth2ProviderId": "oauth2_provider_id", "tokenId": "oauth2_token_id"}
        assert name[ignored] in caught.value.details["not_stuck"]


@pytest.mark.parametrize("clears", [True, False])
def test_removal(clears: bool) -> None:
    with serving(configured(Oddities(delete_clears_sender=clears))) as scripted:
        bitbucket = client(scripted)
        remove(bitbucket, read_settings(bitbucket))
        assert scripted.mail is None
        assert scripted.sender == ""


def test_a_removal_that_does_nothing_is_an_error() -> None:
    with serving(configured()) as scripted:
        scripted.replies["DELETE", MAIL] = Reply(204)
        bitbucket = client(scripted)
        with pytest.raises(StashMailError, match=r"still shows mail settings.*now: host 'old.example.com'"):
            remove(bitbucket, read_settings(bitbucket))


INTERRUPTIONS = {
    "too many requests": Reply(429, headers={"Retry-After": "3600"}),
    "a conflict": Reply.error(409, "locked"),
    "a start": Reply(503, b"<html>wait</html>", "text/html"),
    "early hints and no more": Reply(103),
    "half a pair": Reply(500, b'{"errors":[{"message":"\\ud800"}]}'),
}


@pytest.mark.parametrize("name", INTERRUPTIONS)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_interrupted_first_configuration_leaves_no_trial_behind(
    name: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial is there when it happens, and it goes on for a while, so that taking it back fails at first, too."""
    monkeypatch.setattr(apply, "_PAUSES", (0.05, 0.05, 0.05))
    with serving(Scripted()) as scripted:
        bitbucket = client(scripted)
        before = read_settings(bitbucket)
        left = 3

        def interrupted() -> Reply | None:
            nonlocal left
            if not scripted.history or not left:
                return None
            left -= 1
            return INTERRUPTIONS[name]

        scripted.interruptions[method, MAIL] = scripted.interruptions["DELETE", MAIL] = interrupted
        with pytest.raises(StashMailError) as caught:
            write(bitbucket, WANTED, password_of(WANTED), before)
        assert scripted.mail is None
        assert scripted.sender == ""
    assert "no mail server configured, as before" in str(caught.value)
    json.dumps({"msg": str(caught.value), **caught.value.details}).encode()
    assert "\ud800" not in str(caught.value)


def test_a_signal_leaves_no_trial_behind() -> None:
    with serving(Scripted()) as scripted:
        bitbucket = client(scripted)
        before = read_settings(bitbucket)

        def ended() -> Reply | None:
            if len(scripted.history) == 1:
                scripted.interruptions.clear()
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.2)
            return None

        scripted.interruptions["GET", MAIL] = ended
        with pytest.raises(StashMailError, match="ended by SIGTERM") as caught:
            write(bitbucket, WANTED, password_of(WANTED), before)
        assert scripted.mail is None
    assert caught.value.details["code"] == "interrupted"


styles = st.sampled_from(["camel", "hyphen"])


# Without shrinking: each example is a server of its own.
@settings(max_examples=120, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(
    oddities=st.builds(
        Oddities,
        version=st.sampled_from(["3.11.6", "7.21.0", "8.0.0", "10.3.0"]),
        reads=st.lists(styles, unique=True, min_size=1).map(tuple),
        shows=styles,
        shows_false=st.booleans(),
        ignores=st.frozensets(st.sampled_from(CANONICAL[1:8]), max_size=2),
        refuses_unknown=st.booleans(),
        smtps_drops_flags=st.booleans(),
        sender_in_mail_server=st.booleans(),
        delete_clears_sender=st.booleans(),
        shown_password=st.sampled_from([None, "********", "clear"]),
    ),
    security=st.sampled_from(SECURITY_MODES),
)
def test_it_sticks_or_is_taken_back_and_nothing_leaks(oddities: Oddities, security: str) -> None:
    """From no mail server: as wanted or none again, and never credentials with less TLS than asked for."""
    wanted = MailSettings("smtp.example.com", 587, security, "bitbucket", "bitbucket@example.com")
    with serving(Scripted(oddities)) as scripted:
        said = ""
        try:
            put(scripted, wanted)
        except StashMailError as error:
            said = str(error)
        assert SECRET not in said
        if said:
            assert scripted.mail is None
            assert scripted.sender == ""
        else:
            assert scripted.mail is not None
            seen = observe({**scripted.mail, "senderAddress": scripted.sender}, lambda: "").settings
            assert seen == wanted
        if security.startswith("starttls"):
            for state in scripted.history:
                shown = observe({**state, "senderAddress": "a@b"}, lambda: "").settings
                assert shown is not None
                assert not state.get("username") or shown.security == security
