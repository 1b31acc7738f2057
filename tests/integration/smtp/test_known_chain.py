# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A send that is told which chain the JVM has accepted: no second start for it, and a verdict for any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store
from ansible_collections.stashops.mail.plugins.module_utils._x509.pem import sha256
from ansible_collections.stashops.mail.plugins.modules import stash_mail_send

from tests.ansible_module import patch_module_args
from tests.mail_server import Certificate, MailServer, authority, leaf, self_signed

ROOT = authority()
SERVER = leaf(ROOT, "127.0.0.1", sans=["127.0.0.1"])
PASSWORD = "correct horse battery"
Send = Callable[..., dict[str, Any]]


def digests(certificate: Certificate) -> list[str]:
    """What a server with it presents: no more than it, in these tests."""
    return [sha256(certificate.der)]


@pytest.fixture
def no_java(tmp_path: Path) -> str:
    """A Java's home whose ``java`` says that it was started, and fails."""
    home = tmp_path / "java"
    (home / "bin").mkdir(parents=True)
    java = home / "bin" / "java"
    java.write_text(f"#!/bin/sh\necho started >> {tmp_path}/started\nexit 1\n")
    java.chmod(0o755)
    return str(home)


@pytest.fixture
def send(capfd: pytest.CaptureFixture[str], tmp_path: Path, no_java: str) -> Send:
    """Sends with the account, and returns the module's result."""
    truststore = tmp_path / "cacerts"
    truststore.write_bytes(write_store([Entry("root", ROOT.der)], "jks"))

    def run(server: MailServer, **options: Any) -> dict[str, Any]:
        known: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": server.port,
            "security": server.mode,
            "username": "u",
            "password": PASSWORD,
            "sender": "a@example.com",
            "recipient": "b@example.com",
            "truststore": str(truststore),
            "java_home": no_java,
            "deadline": 15,
        }
        with patch_module_args({**known, **options}), pytest.raises(SystemExit):
            stash_mail_send.main()
        result: dict[str, Any] = json.loads(capfd.readouterr().out)
        result["java_started"] = (tmp_path / "started").exists()
        return result

    return run


@pytest.mark.parametrize("mode", ["starttls_required", "smtps"])
@pytest.mark.parametrize("style", [str, str.upper, lambda text: ":".join(text[i : i + 2] for i in range(0, 64, 2))])
def test_the_known_chain_needs_no_java(mode: str, style: Callable[[str], str], send: Send) -> None:
    with MailServer(mode, username="u", password=PASSWORD, certificate=SERVER) as server:
        known = [style(digest) for digest in digests(SERVER)]
        result = send(server, trusted_chain=known, hello="bb01.example.com")
        assert len(server.messages) == 1
    assert not result.get("failed"), result["msg"]
    assert result["jvm"] == {
        "trusted": True,
        "method": "known",
        "reason": "the JVM accepted these very certificates when this run asked it",
    }
    assert result["hello"] == "bb01.example.com"
    assert not result["java_started"]


def test_any_other_chain_is_judged_and_gets_no_password(send: Send) -> None:
    """The certificate was changed between the plan and the send: to one that is not trusted."""
    with MailServer("starttls_required", username="u", password=PASSWORD, certificate=self_signed()) as server:
        result = send(server, trusted_chain=digests(SERVER), hello="bb01.example.com")
        assert server.auth_attempts == []
        assert server.messages == []
    assert (result["failed"], result["code"], result["changed"]) == (True, "tls_untrusted", False)
    assert result["java_started"]


@pytest.mark.parametrize("known", [[], digests(SERVER)[:0], digests(SERVER) * 2, [digests(ROOT)[0]]])
def test_another_trusted_chain_is_judged_too(known: list[str], send: Send) -> None:
    with MailServer("starttls_required", username="u", password=PASSWORD, certificate=SERVER) as server:
        result = send(server, trusted_chain=known, hello="bb01.example.com")
        assert len(server.messages) == 1
    assert result["jvm"]["method"] != "known"
    assert result["java_started"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trusted_chain": ["abc"]}, "trusted_chain[0] is not a SHA-256 fingerprint"),
        ({"hello": "a\r\nMAIL FROM:<x@y>"}, "hello holds a control character"),
        ({"hello": "two words"}, "hello"),
    ],
)
def test_odd_options_reach_nobody(options: dict[str, Any], said: str, send: Send) -> None:
    with MailServer("starttls_required", username="u", password=PASSWORD, certificate=SERVER) as server:
        result = send(server, **options)
        assert server.messages == []
    assert result["failed"]
    assert said in result["msg"]
