# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""stash_mail_server as a process against the stand-in: both spellings, both readings of the password, every mode."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.server.conftest import MAIL, OTHER_PASSWORD, PASSWORD, Target
from tests.mail_server import self_signed
from tests.standin import Settings, Standin
from tests.standin.runner import free_port

MODES = {
    "plain": ("SMTP", False, False),
    "starttls_optional": ("SMTP", True, False),
    "starttls_required": ("SMTP", True, True),
    "smtps": ("SMTPS", False, False),
}
# Both spellings and both readings of the password, not their product: they do not touch one another.
VARIANTS: list[dict[str, Any]] = [
    {"key_style": "camel", "returns_password": False},
    {"key_style": "hyphen", "returns_password": True},
]
Start = Callable[..., Target]


@pytest.mark.parametrize("security", MODES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_configure_then_nothing_to_do(target: Start, variant: dict[str, Any], security: str) -> None:
    there = target(**variant)
    first = there.run(security=security)
    assert first.changed
    assert first.result["mail_server"]["before"] is None
    assert first.result["mail_server"]["after"] == {
        "host": "smtp.example.com",
        "port": 587,
        "security": security,
        "username": "bitbucket",
        "sender": "bitbucket@example.com",
        "auth_type": "BASIC",
    }
    assert first.result["style"] == variant["key_style"]
    protocol, use, require = MODES[security]
    stored = there.stored()
    assert (stored["protocol"], stored["useStartTls"], stored["requireStartTls"]) == (protocol, use, require)
    assert stored["password"] == PASSWORD
    before = there.rest()
    second = there.run(security=security)
    assert not second.changed
    assert second.result["password_changed"] is False
    assert second.result["diff"]["before"] == second.result["diff"]["after"]
    assert there.rest() == before


@pytest.mark.parametrize("variant", VARIANTS)
def test_check_mode_says_what_the_run_then_does(target: Start, variant: dict[str, Any]) -> None:
    there = target(**variant)
    there.run()
    state = there.state_path.read_bytes()
    before = there.rest()
    changes: dict[str, Any] = {
        "port": 465,
        "security": "smtps",
        "password": OTHER_PASSWORD,
        "sender": "other@example.com",
    }
    checked = there.run(check=True, **changes)
    assert there.rest() == before
    assert there.state_path.read_bytes() == state
    done = there.run(**changes)
    assert checked.changed
    assert done.changed
    for part in ("diff", "mail_server", "password_changed", "msg"):
        assert checked.result[part] == done.result[part]
    assert there.stored()["password"] == OTHER_PASSWORD
    assert not there.run(check=True, **changes).changed


def test_check_mode_on_an_empty_instance_leaves_no_trace(target: Start) -> None:
    there = target()
    assert there.run(check=True).changed
    assert there.rest() is None
    assert not there.state_path.parent.exists()


def test_diff_shows_what_changes_and_no_password(target: Start) -> None:
    there = target()
    there.run()
    diff = there.run(check=True, host="new.example.com", username="new", password=OTHER_PASSWORD).result["diff"]
    assert {key for key in diff["after"] if diff["after"][key] != diff["before"][key]} == {
        "host",
        "username",
        "password",
    }
    assert diff["after"]["password"] == "<different-password>"


@pytest.mark.parametrize("variant", VARIANTS)
def test_on_change_follows_the_password(target: Start, variant: dict[str, Any]) -> None:
    there = target(**variant)
    there.run()
    assert not there.run().changed
    changed = there.run(password=OTHER_PASSWORD)
    assert changed.changed
    assert changed.result["password_changed"] is True
    assert there.stored()["password"] == OTHER_PASSWORD
    assert not there.run(password=OTHER_PASSWORD).changed
    assert there.state_path.stat().st_mode & 0o777 == 0o600
    assert there.state_path.parent.stat().st_mode & 0o777 == 0o700
    text = there.state_path.read_text()
    assert PASSWORD not in text
    assert OTHER_PASSWORD not in text


@pytest.mark.parametrize("loss", ["missing", "damaged"])
def test_a_lost_record_is_written_once(target: Start, loss: str) -> None:
    there = target()
    there.run()
    if loss == "missing":
        there.state_path.unlink()
    else:
        there.state_path.write_text("{")
    again = there.run()
    assert again.changed
    assert again.result["password_changed"] is None
    assert "nothing is known of the password" in again.result["msg"]
    assert bool(again.result.get("warnings")) is (loss == "damaged")
    assert not there.run().changed


def test_a_shown_password_needs_no_record(target: Start) -> None:
    there = target(returns_password=True)
    there.run()
    there.state_path.unlink()
    assert not there.run().changed
    assert there.run(check=True, password=OTHER_PASSWORD).result["password_changed"] is True


def test_always_writes_at_each_run(target: Start) -> None:
    there = target()
    there.run()
    there.standin.configure_mail({**there.rest(), "password": "set in the UI"})
    assert not there.run().changed, "what somebody typed into the product cannot be seen"
    assert there.run(update_password="always").changed
    assert there.stored()["password"] == PASSWORD
    assert there.run(update_password="always").changed


def test_always_keeps_the_record_true(target: Start) -> None:
    there = target()
    there.run()
    there.run(update_password="always", password=OTHER_PASSWORD)
    assert there.run(password=PASSWORD).changed
    assert there.stored()["password"] == PASSWORD


def test_on_create_leaves_an_existing_password(target: Start) -> None:
    there = target()
    there.run(update_password="on_create")
    assert there.stored()["password"] == PASSWORD
    assert not there.run(update_password="on_create", password=OTHER_PASSWORD).changed
    assert there.stored()["password"] == PASSWORD
    assert there.run(update_password="on_create", password=OTHER_PASSWORD, username="other").changed
    assert there.stored()["password"] == OTHER_PASSWORD


def test_drift_of_each_setting_is_put_right(target: Start) -> None:
    there = target()
    there.run()
    wanted = there.stored()
    for key, value in (
        ("hostname", "evil.example.com"),
        ("useStartTls", False),
        ("username", "somebody"),
        ("senderAddress", "somebody@example.com"),
    ):
        there.standin.configure_mail({**there.rest(), "password": "x", key: value})
        assert there.run().changed, key
        assert there.stored() == wanted
        assert there.rest()["senderAddress"] == "bitbucket@example.com"


@pytest.mark.parametrize("style", ["camel", "hyphen"])
def test_from_login_to_anonymous(target: Start, style: str) -> None:
    there = target(key_style=style)
    there.run()
    anonymous = there.run(security="plain", username="", password="")
    assert anonymous.changed
    assert anonymous.result["mail_server"]["after"]["username"] == ""
    assert not there.stored().get("username")
    assert not there.stored().get("password")
    assert "smtp.example.com" not in there.state_path.read_text()
    assert not there.run(security="plain", username=None, password=None).changed


def test_a_product_that_keeps_the_password_gets_the_new_one(target: Start) -> None:
    there = target(keeps_password=True)
    there.run()
    there.run(password=OTHER_PASSWORD)
    assert there.stored()["password"] == OTHER_PASSWORD


@pytest.mark.parametrize("version", ["3.11.6", "10.0.0"])
def test_removal(target: Start, version: str) -> None:
    there = target(version=version, unset_sender_status=404)
    there.run()
    assert there.run(check=True, state="absent", host=None, sender=None, username=None, password=None).changed
    assert there.rest() is not None
    removed = there.run(state="absent", host=None, sender=None, username=None, password=None)
    assert removed.changed
    assert removed.result["mail_server"]["after"] is None
    assert there.rest() is None
    assert there.sender() is None
    assert not there.run(state="absent").changed
    assert json.loads(there.state_path.read_text())["entries"] == {}


@pytest.mark.parametrize("status", [200, 204, 404])
def test_a_sender_left_over_is_removed(target: Start, status: int) -> None:
    there = target(unset_sender_status=status)
    there.standin.call("PUT", f"{MAIL}/sender-address", there.standin.sysadmin, "left@example.com")
    removed = there.run(state="absent")
    assert removed.changed
    assert removed.result["mail_server"]["before"] == {"sender": "left@example.com"}
    assert not there.run(state="absent").changed


def test_oauth2_is_overwritten_only_when_told(target: Start) -> None:
    there = target(version="10.0.0")
    oauth2 = {
        "hostname": "smtp.example.com",
        "port": 587,
        "protocol": "SMTP",
        "useStartTls": True,
        "requireStartTls": True,
        "username": "bitbucket",
        "senderAddress": "bitbucket@example.com",
        "authType": "OAUTH2",
        "oauth2ProviderId": "provider",
        "tokenId": "token",
    }
    assert there.standin.configure_mail(oauth2).status == 200
    before = there.rest()
    for check in (True, False):
        refused = there.run(check=check)
        assert "overwrite_oauth2" in refused.message
        assert refused.result["code"] == "oauth2"
        assert there.rest() == before
    assert there.run(overwrite_oauth2=True).changed
    assert there.rest()["authType"] == "BASIC"
    assert not there.run().changed


def test_context_path(target: Start) -> None:
    there = target(context_path="/bitbucket")
    assert there.run(url=there.standin.url + "/").changed
    assert not there.run().changed
    wrong = there.run(url=there.standin.url[: -len("/bitbucket")])
    assert wrong.result["code"] == "not_bitbucket"
    assert "context path" in wrong.message


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host": None}, "host is empty"),
        ({"host": ""}, "host is empty"),
        ({"host": "smtp.exämple.com"}, "host holds a non-ASCII character"),
        ({"host": "smtp\nexample.com"}, "host holds a control character"),
        ({"host": "smtp://example.com"}, "not a host name"),
        ({"port": 0}, "port 0 is out of range"),
        ({"port": 65536}, "port 65536 is out of range"),
        ({"security": "ssl"}, "value of security must be one of"),
        ({"username": ""}, "username is empty"),
        ({"password": ""}, "password is empty"),
        ({"password": "with\nbreak"}, "password holds a control character"),
        ({"sender": None}, "sender is empty"),
        ({"sender": "a@example.com\r\nRCPT TO:<x@y>"}, "sender holds a control character"),
        ({"sender": "bücher@example.com"}, "sender holds a non-ASCII character"),
        ({"sender": "Bitbucket <a@example.com>"}, "not a mail address"),
        ({"url": "bitbucket.example.com"}, "url 'bitbucket.example.com' is not an http or https URL"),
        ({"url_username": ""}, "url_username and url_password"),
        ({"timeout": 0}, "timeout 0 is out of range"),
        ({"password_state_path": "/proc/stash_mail/p.json"}, "password_state_path"),
    ],
)
def test_bad_input_changes_nothing(target: Start, options: dict[str, Any], said: str) -> None:
    there = target()
    assert said in there.run(**options).message
    assert there.rest() is None
    assert there.sender() is None


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_refused_admins(target: Start, check: bool, state: str) -> None:
    there = target()
    before = there.rest()
    for user in (there.standin.admin, there.standin.user):
        refused = there.run(check=check, state=state, url_username=user.name, url_password=user.password)
        assert refused.result["code"] == "no_sys_admin"
        assert "SYS_ADMIN" in refused.message
        assert user.password not in json.dumps(refused.result)
    wrong = there.run(check=check, state=state, url_password="not-the-password")
    assert wrong.result["code"] == "unauthorised"
    assert "url_password" in wrong.message
    assert there.rest() == before


def test_nothing_listens(target: Start) -> None:
    refused = target().run(url=f"http://127.0.0.1:{free_port()}")
    assert refused.result["code"] == "connection_refused"


def test_something_silent_listens(target: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        refused = target().run(url=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=1)
    assert refused.result["code"] == "timeout"


@pytest.mark.parametrize("status", [200, 503])
def test_a_bitbucket_that_is_starting(tmp_path: Path, status: int) -> None:
    folder = tmp_path / "starting"
    folder.mkdir()
    standin = Standin(folder, Settings(start_delay=600, starting_status=status), java=False)
    standin.install()
    try:
        # Not start(), which waits until it is RUNNING.
        standin._script("start", "--no-search")
        for _ in range(150):
            if standin.state() == "STARTING":
                break
            time.sleep(0.1)
        refused = Target(standin, tmp_path / "passwords.json").run()
    finally:
        standin.stop()
    assert refused.result["code"] == "not_running"
    assert "STARTING" in refused.message


def test_self_signed_https(start: Callable[..., Standin], tmp_path: Path) -> None:
    file, key = self_signed("127.0.0.1", ca=True).write(tmp_path)
    there = Target(start(tls_certificate=str(file), tls_key=str(key)), tmp_path / "passwords.json")
    refused = there.run()
    assert refused.result["code"] == "tls_untrusted"
    assert "ca_path" in refused.message
    assert there.rest() is None
    assert there.run(ca_path=str(file)).changed
    assert not there.run(validate_certs=False).changed
    plain = there.run(url=there.standin.url.replace("https:", "http:"))
    assert plain.failed
