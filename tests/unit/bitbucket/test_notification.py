# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user is gone at the end, or it is said loudly; and no other user's message or error is taken for ours."""

from __future__ import annotations

import mailbox
from pathlib import Path

import pytest
import yaml
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket import notification as notifications
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket import notify
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.argument_specs import NOTIFICATION
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.mail_log import MailLog
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.notification import Notification
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.users import PREFIX, UserAdmin
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.base import Account
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store
from ansible_collections.stashops.mail.plugins.modules import stash_mail_notification

from tests.integration.smtp.pop3_server import Pop3Server
from tests.mail_server import self_signed
from tests.unit.bitbucket.users_server import Users, serving

RECIPIENT = "ops@example.com"
FAILED = "2030-01-31 09:30:00,123 ERROR [mail-1] c.a.s.Mail Mail sending failed. Please verify; recipient: {}\n"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_LATE_SECONDS", "_LOOK_SECONDS"):
        monkeypatch.setattr(notifications, name, 0.1)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.write_text("")
    return path


def notification(users: Users, log: Path, account: Account | None = None, deadline: float = 1.0) -> Notification:
    client = UserAdmin(users.url, "admin", "secret phrase", timeout=5.0)
    return Notification(client, RECIPIENT, MailLog(str(log)), account, Deadline(deadline))


def fail(one: Notification) -> StashMailError:
    with pytest.raises(StashMailError) as caught:
        one.run()
    return caught.value


def test_created_and_deleted(log: Path) -> None:
    with serving(Users()) as users:
        one = notification(users, log)
        one.run()
    assert one.outcome == "no_error"
    assert users.names == []
    assert users.requests.count("POST /rest/api/latest/admin/users") == 1
    assert one.result["user"]["deleted"] is True
    assert one.warnings == []


def test_a_user_that_is_listed_as_inactive_is_deleted(log: Path) -> None:
    with serving(Users(keeps=True)) as users:
        one = notification(users, log)
        one.run()
    assert one.result["user"]["deleted"] is True


@pytest.mark.parametrize("status", [0, 500, 502])
def test_no_answer_to_the_creation(log: Path, status: int) -> None:
    """The user may be there, so it is deleted; and Bitbucket is not asked a second time for one."""
    with serving(Users(create_status=status)) as users:
        one = notification(users, log)
        error = fail(one)
    assert users.names == []
    assert users.requests.count("POST /rest/api/latest/admin/users") == 1
    assert one.created
    assert one.result["user"]["deleted"] is True
    assert error.details["code"] in ("connection_failed", "server_error")


def test_the_second_attempt_deletes(log: Path) -> None:
    with serving(Users(delete_statuses=[500, 503])) as users:
        one = notification(users, log)
        one.run()
    assert users.names == []
    assert one.outcome == "no_error"


def test_a_user_that_cannot_be_deleted_is_named_loudly(log: Path) -> None:
    with serving(
        Users(delete_statuses=[500] * 9, created=lambda _name: append(log, FAILED.format(RECIPIENT)))
    ) as users:
        one = notification(users, log)
        error = fail(one)
    (name,) = users.names
    assert error.details["code"] == "user_left"
    assert str(error).startswith(f"THE USER {name} IS STILL IN BITBUCKET")
    assert "It went wrong" in str(error)
    assert "Before that: Bitbucket could not send the message" in str(error)
    assert one.result["user"] == {"name": name, "deleted": False}
    assert users.requests.count("DELETE /rest/api/latest/admin/users") == 3


@pytest.mark.parametrize(
    ("refusal", "code", "words"),
    [
        (
            (409, "The mail server is not configured.", "mail.NoMailHostConfigurationException"),
            "no_mail_server",
            "first",
        ),
        ((409, "A user with this name exists.", "IntegrityException"), "refused", "user directory of its own"),
        ((400, "The address is not valid.", "BadRequestException"), "refused", "The address is not valid"),
        ((401, "You are not permitted", "AuthorisationException"), "no_admin", "global permission Admin"),
        ((403, "You are not permitted", "AuthorisationException"), "no_admin", "global permission Admin"),
        ((403, "XSRF check failed", "XsrfException"), "refused", "XSRF check failed"),
    ],
)
def test_a_refusal_leaves_other_users_alone(log: Path, refusal: tuple[int, str, str], code: str, words: str) -> None:
    """Nothing is deleted that was not created here."""
    with serving(Users(refusal=refusal, names=["jane"])) as users:
        one = notification(users, log)
        error = fail(one)
    assert error.details["code"] == code
    assert words in str(error)
    assert not any(request.startswith("DELETE") for request in users.requests)
    assert not one.created
    assert one.outcome == "not_sent"


def test_missing_permission_is_seen_before_anything_happens(log: Path) -> None:
    with serving(Users(permissions_status=401)) as users:
        error = fail(notification(users, log))
        assert not any(request.startswith("POST") for request in users.requests)
    assert error.details["code"] == "no_admin"
    with serving(Users(permissions_status=404)) as users:
        notification(users, log).check()


def test_leftovers_are_told(log: Path) -> None:
    with serving(Users(names=["jane", f"{PREFIX}0123"], lists_all=True)) as users:
        one = notification(users, log)
        one.run()
    assert f"{PREFIX}0123" in one.warnings[0]
    assert "jane" not in one.warnings[0]
    assert users.names == ["jane", f"{PREFIX}0123"]


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.mark.parametrize("address", ["devops@example.com", "ops@example.com.au", "x-ops@example.com", "other@b"])
def test_errors_of_other_messages_are_told_and_not_taken_for_ours(log: Path, address: str) -> None:
    with serving(Users(created=lambda _name: append(log, FAILED.format(address)))) as users:
        one = notification(users, log)
        one.run()
    assert one.outcome == "no_error"
    assert address in one.result["log_errors"][0]
    assert "other messages" in one.warnings[0]


def test_an_error_shortly_before_is_told(log: Path) -> None:
    append(log, FAILED.format("jane@example.com"))
    with serving(Users()) as users:
        one = notification(users, log)
        one.run()
    assert one.outcome == "no_error"
    assert "proves little" in one.warnings[0]


def message(to: str, text: str) -> str:
    return f"From: Bitbucket <b@example.com>\nTo: Ops <{to}>\nSubject: Hello\nMessage-ID: <1@x>\n\n{text}\n"


@pytest.mark.parametrize(
    ("to", "named", "outcome"),
    [(RECIPIENT, True, "delivered"), ("OPS@Example.com", False, "delivered"), ("jane@example.com", True, "missing")],
)
def test_which_message_is_ours(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str, named: bool, outcome: str
) -> None:
    monkeypatch.setattr(notifications, "_SETTLE_SECONDS", 1.0)
    box = mailbox.Maildir(tmp_path / "Maildir")
    box.add(message(RECIPIENT, "an old one"))
    certificate = self_signed("127.0.0.1")
    with (
        Pop3Server(tmp_path / "Maildir", "ops", "secret phrase", certificate) as pop3,
        serving(Users(created=lambda name: box.add(message(to, name if named else "welcome")))) as users,
    ):
        trusted = [certificate.der]
        account = Account("127.0.0.1", pop3.port, "starttls", "ops", "secret phrase", trusted=trusted, protocol="pop3")
        one = notification(users, log, account, deadline=5.0)
        if outcome == "delivered":
            one.run()
        else:
            assert fail(one).details["code"] == "missing"
        one.close()
    assert one.outcome == outcome
    assert users.names == []
    if outcome == "delivered":
        assert one.result["names_user"] is named
        assert bool(one.warnings) is not named


def test_every_secret_is_one_by_its_specification() -> None:
    for name, options in NOTIFICATION.items():
        assert bool(options.get("no_log")) is ("password" in name or name == "url_token")


def test_what_is_returned_is_documented(log: Path) -> None:
    returned = set(yaml.safe_load(stash_mail_notification.RETURN))
    with serving(Users()) as users:
        one = notification(users, log)
        one.run()
    assert set(one.result) <= returned


@pytest.mark.parametrize("is_behind", [False, True])
def test_what_vouches_for_the_mailbox_is_where_the_product_runs(is_behind: bool, tmp_path: Path) -> None:
    path, certificate = tmp_path / "cacerts", self_signed()
    bundle = tmp_path / "java/lib/security/cacerts"
    bundle.parent.mkdir(parents=True)
    bundle.write_bytes(write_store([Entry("a", certificate.der)], "jks", "changeit"))
    behind = ["env", "-C", "/", f"JAVA_HOME={tmp_path}/java"] if is_behind else []
    params = {"truststore": str(path), "truststore_password": None, "behind": behind}
    # The JVM would go back to its own bundle, which is another truststore than the one that was named.
    with pytest.raises(StashMailError, match=r"cacerts is not there.*stash_mail_imap\.ca"):
        notify._trusted(params, None)
    path.write_bytes(b"")
    with pytest.raises(StashMailError, match=r"is of no use .*stash_mail_pop3\.ca"):
        notify._trusted(params, None)
    path.write_bytes(write_store([Entry("a", certificate.der)], "jks", "changeit"))
    assert notify._trusted(params, None) == [certificate.der]
