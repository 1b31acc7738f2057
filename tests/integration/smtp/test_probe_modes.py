# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Bitbucket would do in each security mode, told by as few connections as it takes and one password at most."""

from __future__ import annotations

import base64
import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._inputs import SECURITY_MODES
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import OUTCOMES
from ansible_collections.stashops.mail.plugins.module_utils._smtp.conversation import Conversation, Settings
from ansible_collections.stashops.mail.plugins.module_utils._smtp.modes import survey
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store

from tests.integration.smtp import bad_servers as bad
from tests.integration.smtp.bad_servers import BadServer
from tests.mail_server import MODES, MailServer, authority, leaf, self_signed

PASSWORD = "correct horse battery"
ROOT = authority()
SERVER = leaf(ROOT, "127.0.0.1", sans=["127.0.0.1"])
Modes = dict[str, dict[str, Any]]


@pytest.fixture
def truststore(tmp_path: Path) -> str:
    path = tmp_path / "cacerts"
    path.write_bytes(write_store([Entry("root", ROOT.der)], "jks"))
    return str(path)


def modes(port: int, security: str, truststore: str, *, connect: bool, seconds: float = 10, **others: object) -> Modes:
    settings = Settings("127.0.0.1", port, security, truststore=truststore, sender="a@example.com", method="openssl")
    deadline = Deadline(seconds)
    conversation = Conversation(settings._replace(**others), deadline)  # type: ignore[arg-type]
    failure: StashMailError | None = None
    try:
        conversation.open()
        conversation.envelope()
        conversation.end()
    except StashMailError as error:
        failure = error
    finally:
        conversation.close()
    found = survey(conversation, failure, deadline, connect)
    assert list(found) == list(SECURITY_MODES)
    for row in found.values():
        assert set(row) == {"would", "code", "reason", "log", "tried", "password_tried"}
        assert row["code"] in OUTCOMES
        assert row["reason"]
    assert sum(row["password_tried"] for row in found.values()) <= (1 if others.get("username") else 0)
    return found


def would(found: Modes) -> list[str]:
    return [found[mode]["would"] for mode in ("plain", "starttls_optional", "starttls_required", "smtps")]


# Without a password: what each kind of server makes of the four, whichever is asked for.
KINDS = {
    "plain": ["deliver_plaintext", "deliver_plaintext", "refuse", "refuse"],
    "starttls_optional": ["deliver_plaintext", "deliver", "deliver", "refuse"],
    "starttls_required": ["refuse", "deliver", "deliver", "refuse"],
    "smtps": ["refuse", "refuse", "refuse", "deliver"],
}


@pytest.mark.parametrize("asked", MODES)
@pytest.mark.parametrize("kind", ["plain", "starttls_optional", "starttls_required"])
def test_every_mode_of_every_server(kind: str, asked: str, truststore: str) -> None:
    with MailServer(kind, certificate=SERVER) as server:
        assert would(modes(server.port, asked, truststore, connect=True)) == KINDS[kind]
        some = would(modes(server.port, asked, truststore, connect=False))
    assert all(found in (wanted, "unknown") for found, wanted in zip(some, KINDS[kind], strict=True))


def test_every_mode_of_an_smtps_server(truststore: str) -> None:
    with MailServer("smtps", certificate=SERVER) as server:
        found = modes(server.port, "smtps", truststore, connect=True)
    assert would(found) == KINDS["smtps"]
    assert [row["tried"] for row in found.values()] == [mode == "smtps" for mode in found]
    assert "Read timed out" in found["plain"]["log"]


def test_without_further_connections(truststore: str) -> None:
    with MailServer("starttls_required", certificate=SERVER) as server:
        found = modes(server.port, "starttls_required", truststore, connect=False)
    assert would(found) == ["unknown", "deliver", "deliver", "refuse"]
    assert "all_modes" in found["plain"]["reason"]
    assert "Unsupported or unrecognized SSL message" in found["smtps"]["log"]


def test_the_password_is_sent_in_one_mode_only(truststore: str) -> None:
    with MailServer("starttls_optional", username="u", password=PASSWORD, certificate=SERVER) as server:
        found = modes(server.port, "starttls_required", truststore, connect=True, username="u", password=PASSWORD)
        assert server.auth_attempts == [True]
    assert found["starttls_required"]["password_tried"]
    # It offers AUTH after STARTTLS only: in plain mode Bitbucket would send without, and this server refuses that.
    assert (found["plain"]["would"], found["plain"]["code"]) == ("refuse", "sender_refused")


def test_a_password_that_would_go_in_clear_stays_here(truststore: str) -> None:
    with BadServer(bad.stripped) as server:
        found = modes(
            server.port, "starttls_required", truststore, connect=True, seconds=6, username="u", password=PASSWORD
        )
    assert (found["starttls_required"]["would"], found["starttls_required"]["code"]) == ("refuse", "starttls_missing")
    assert "does not support STARTTLS" in found["starttls_required"]["log"]
    assert found["plain"]["would"] == found["starttls_optional"]["would"] == "deliver_plaintext"
    assert "was not tried" in found["plain"]["reason"]
    received = bytes(server.received)
    assert b"AUTH" not in received
    assert PASSWORD.encode() not in received
    assert base64.b64encode(PASSWORD.encode()) not in received


def test_an_untrusted_server(truststore: str) -> None:
    with MailServer("starttls_optional", certificate=self_signed()) as server:
        found = modes(server.port, "plain", truststore, connect=True)
    assert would(found) == ["deliver_plaintext", "refuse", "refuse", "refuse"]
    assert found["starttls_required"]["code"] == "tls_untrusted"
    assert "Could not convert socket to TLS" in found["starttls_required"]["log"]
    assert found["starttls_required"]["tried"] is True


def test_unauthenticated(truststore: str) -> None:
    with MailServer("plain") as server:
        found = modes(server.port, "plain", truststore, connect=False, username="u", password=PASSWORD)
    assert found["plain"]["would"] == "deliver_unauthenticated"
    assert "not encrypted" in found["plain"]["reason"]


def test_nobody_there(truststore: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = modes(port, "starttls_required", truststore, connect=True)
    assert would(found) == ["refuse"] * 4
    assert {row["code"] for row in found.values()} == {"refused"}


def test_a_silent_server_leaves_the_others_unknown(truststore: str) -> None:
    with BadServer(bad.silent) as server:
        found = modes(server.port, "starttls_required", truststore, connect=True, seconds=2)
    assert found["starttls_required"]["code"] == "timeout"
    assert found["smtps"]["would"] == "unknown"
    assert "no time was left" in found["smtps"]["reason"]
