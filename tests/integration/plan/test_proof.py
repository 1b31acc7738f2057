# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the messages of the end could be seen to arrive, asked before anything has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.imap_server import ImapServer
from tests.integration.plan.conftest import CA, MAIL, OTHER_CA, OTHER_PASSWORD, PASSWORD, Node
from tests.mail_server import leaf

Start = Callable[..., Node]
ACCOUNT = {"username": "bitbucket", "password": PASSWORD}
RECIPIENT = "ops@example.com"


@pytest.fixture(scope="module")
def imap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapServer]:
    folder = tmp_path_factory.mktemp("imap")
    chain, key = leaf(CA, "localhost", sans=["localhost"]).write(folder)
    for name in ("cur", "new", "tmp"):
        (folder / "Maildir" / name).mkdir(parents=True)
    with ImapServer(folder / "Maildir", "ops", PASSWORD, chain, key) as server:
        yield server


def questions(node: Node, imap: ImapServer, **changes: Any) -> dict[str, Any]:
    """Both, with a mailbox that is ``changes`` away from one that lets us in. No ``ca``: the truststore vouches."""
    mailbox = {"host": "localhost", "port": imap.port, "username": "ops", "password": PASSWORD, **changes}
    mail = {key: node.options["probe"][key] for key in ("host", "port", "security", "sender", "username", "password")}
    login = {key: node.options["server"][key] for key in ("url", "url_username", "url_password")}
    return {
        "send": {**mail, "recipient": [RECIPIENT], "deadline": 20, "imap": mailbox},
        "notification": {**login, "recipient": RECIPIENT, "deadline": 20, "imap": mailbox},
    }


def test_a_mailbox_that_lets_us_in_by_a_truststore_that_is_not_there_yet(start: Start, imap: ImapServer) -> None:
    node = start(**ACCOUNT)
    node.standin.configure_mail({"hostname": "127.0.0.1", "port": 25, "protocol": "SMTP"})
    before = node.contents()
    found = node.plan(**questions(node, imap))
    assert not found.failed, found["msg"]
    for name in ("send", "notification"):
        assert found[name].get("failed", False) is False
    assert found["planned"] == ["server", "jvm", "properties", "truststore"], "a message changes nothing"
    assert node.contents() == before
    assert node.server.messages == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": OTHER_PASSWORD}, "IMAP: "),
        ({"port": 1}, "localhost:1 (127.0.0.1) cannot be reached"),
        ({"ca": "/nowhere.pem"}, "imap.ca /nowhere.pem cannot be read"),
        ({"mailbox": "Nowhere"}, "the mailbox Nowhere cannot be opened"),
        ({"ca": OTHER_CA.pem}, "IMAP: "),
    ],
    ids=["refused", "nobody", "no ca", "no such mailbox", "not trusted"],
)
def test_one_that_does_not(start: Start, imap: ImapServer, tmp_path: Path, changes: dict[str, str], said: str) -> None:
    node = start(**ACCOUNT)
    if changes.get("ca", "").startswith("-----"):
        (tmp_path / "ca.pem").write_text(changes["ca"])
        changes = {"ca": str(tmp_path / "ca.pem")}
    found = node.plan(**questions(node, imap, **changes))
    assert found["failures"] == ["send"]
    assert said in found.message
    assert found["notification"]["skipped"] is True, "no password is tried twice"
    assert found["probe"]["outcome"] == "deliver", "all else is answered"
    assert node.server.messages == []
    assert node.standin.call("GET", MAIL, node.standin.sysadmin).status == 404


def test_the_products_message_that_nobody_would_see(start: Start, imap: ImapServer) -> None:
    """No mailbox, and no home folder with a mail log."""
    node = start(**ACCOUNT)
    blind = {**questions(node, imap)["notification"], "imap": None}
    found = node.plan(notification=blind, product={"home": None}, properties=None)
    assert found["failures"] == ["notification"]
    assert found["code"] == "blind"
    (node.home / "log").mkdir()
    assert not node.plan(notification=blind).failed, "its log tells"


def test_not_asked_of_a_bitbucket_that_lets_nobody_in(start: Start, imap: ImapServer) -> None:
    node = start(**ACCOUNT)
    asked = questions(node, imap)["notification"]
    found = node.plan(notification=asked, server={"url_password": OTHER_PASSWORD})
    assert found["failures"] == ["server"]
    assert found["notification"]["skipped"] is True
