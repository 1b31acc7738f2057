# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which mechanism a login is tried, and whether at all, is as in real JavaMail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import MailFailure
from ansible_collections.stashops.mail.plugins.module_utils._smtp.conversation import Conversation, Settings

from tests.integration.smtp.bad_servers import BadServer, Peer, Script
from tests.jvm import images
from tests.jvm.program import Program

pytestmark = pytest.mark.skipif(bool(images.missing()), reason=images.missing() or "-")
UNSUPPORTED, NONE = "unsupported", "none"
# What stands in the answer to EHLO.
OFFERS = [
    [b"AUTH PLAIN LOGIN"],
    [b"AUTH PLAIN"],
    [b"auth login"],
    [b"AUTH DIGEST-MD5"],
    [b"AUTH NTLM"],
    [b"AUTH NTLM DIGEST-MD5"],
    [b"AUTH NTLM PLAIN"],
    [b"AUTH CRAM-MD5"],
    [b"AUTH XOAUTH2"],
    [b"AUTH"],
    [b"8BITMIME"],
    [b"AUTH=LOGIN"],
    [b"AUTH=PLAIN"],
    [b"AUTH=LOGIN PLAIN"],
    [b"AUTH=PLAIN LOGIN"],
    [b"AUTH CRAM-MD5", b"AUTH=LOGIN"],
    [b"AUTH CRAM-MD5", b"AUTH=PLAIN LOGIN"],
    [b"AUTH PLAIN", b"AUTH=LOGIN"],
    [b"AUTH CRAM-MD5", b"AUTH PLAIN"],
    [b"AUTH PLAIN", b"AUTH CRAM-MD5"],
]


@pytest.fixture(scope="module")
def javamail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    classes = images.compile_to(tmp_path_factory.mktemp("classes"), Path(__file__).with_name("Verdict.java"))
    with Program(images.own_javas()[0], classes, "Verdict", 300) as program:
        yield program


def offering(extensions: list[bytes]) -> Script:
    def script(peer: Peer) -> None:
        peer.greet(*extensions)
        while line := peer.line():
            peer.say({b"AUTH": b"535 no\r\n", b"QUIT": b"221 bye\r\n"}.get(line[:4], b"250 ok\r\n"))

    return script


def tried(server: BadServer) -> str:
    """The mechanism of the first AUTH command that came."""
    lines = [line.split() for line in server.received.splitlines()]
    return next((line[1].decode() for line in lines if line[:1] == [b"AUTH"]), "")


@pytest.mark.parametrize("extensions", OFFERS, ids=lambda extensions: b", ".join(extensions).decode())
def test_the_mechanism_is_javamails(extensions: list[bytes], javamail: Program) -> None:
    with BadServer(offering(extensions)) as server:
        said = javamail.ask("login", "-", "127.0.0.1", str(server.port))
        theirs = tried(server) or (UNSUPPORTED if "No authentication mechanisms" in said else NONE)
        assert theirs != NONE or said == "ok"
    with BadServer(offering(extensions)) as server:
        settings = Settings("127.0.0.1", server.port, "plain", "user", "secret", java_home="/no/java")
        conversation = Conversation(settings, Deadline(20))
        failure = conversation.attempt()
        ours = tried(server) or NONE
    if isinstance(failure, MailFailure) and failure.code == "auth_unsupported":
        ours = UNSUPPORTED
    if conversation.outcome == "auth_untested":
        # Known, and left to the product: neither sent nor refused.
        ours = conversation.untested.split()[3].rstrip(",")
    assert ours == theirs
