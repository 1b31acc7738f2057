# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probing for a Bitbucket that authenticates by a token: all is judged up to where the token would be sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store
from ansible_collections.stashops.mail.plugins.modules import stash_mail_probe

from tests.ansible_module import patch_module_args
from tests.integration.smtp import bad_servers as bad
from tests.integration.smtp.bad_servers import BadServer
from tests.mail_server import MODES, MailServer, authority, leaf, self_signed

ROOT = authority()
SERVER = leaf(ROOT, "127.0.0.1", sans=["127.0.0.1"])
PASSWORD = "correct horse battery"


@pytest.fixture
def truststore(tmp_path: Path) -> str:
    path = tmp_path / "cacerts"
    path.write_bytes(write_store([Entry("root", ROOT.der)], "jks"))
    return str(path)


class Probe:
    """The module in this process. Ansible keeps the warnings of a whole process together, so they are caught here."""

    def __init__(self, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capfd = capfd
        self.warnings = ""
        monkeypatch.setattr(AnsibleModule, "warn", self._warn)

    def _warn(self, text: str) -> None:
        self.warnings += text + " "

    def __call__(self, **options: Any) -> dict[str, Any]:
        common = {
            "host": "127.0.0.1",
            "method": "openssl",
            "auth_type": "oauth2",
            "sender": "bitbucket@example.com",
            "recipient": "ops@example.com",
            "deadline": 10,
        }
        with patch_module_args({**common, **options}), pytest.raises(SystemExit):
            stash_mail_probe.main()
        result: dict[str, Any] = json.loads(self.capfd.readouterr().out)
        return result


@pytest.fixture
def probe(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Probe:
    return Probe(capfd, monkeypatch)


@pytest.mark.parametrize("username", [None, "bitbucket@example.com"])
@pytest.mark.parametrize("security", MODES)
def test_it_ends_where_the_token_would_be_sent(
    security: str, username: str | None, truststore: str, probe: Probe
) -> None:
    with MailServer(security, username="u", password=PASSWORD, certificate=SERVER) as server:
        result = probe(port=server.port, security=security, username=username, truststore=truststore)
        assert server.auth_attempts == []
    assert not result.get("failed"), result
    assert result["outcome"] == "token_untested"
    assert (result["delivers"], result["authenticated"]) == (True, False)
    assert "stash_mail_notification" in result["remedy"]
    steps = [step["step"] for step in result["steps"]]
    assert steps[-1] == "hello" or steps[-1] == "greeting"
    assert not {"auth", "sender", "recipient"} & set(steps)
    if security != "plain":
        assert result["jvm"]["trusted"] is True
    assert "cannot be tried from here" in probe.warnings
    # This server has PLAIN and LOGIN only.
    assert "not XOAUTH2" in probe.warnings
    assert ("unencrypted" in probe.warnings) is (security == "plain")
    assert result["modes"][security]["would"] == ("deliver_plaintext" if security == "plain" else "deliver")
    assert result["modes"][security]["password_tried"] is False


def test_a_server_for_tokens(probe: Probe) -> None:
    with BadServer(bad.after_ehlo(auth=b"AUTH LOGIN XOAUTH2")) as server:
        result = probe(port=server.port, security="plain")
        assert b"AUTH" not in bytes(server.received)
    assert result["outcome"] == "token_untested"
    assert "not XOAUTH2" not in probe.warnings


def test_a_server_that_names_its_mechanisms_in_an_old_form(probe: Probe) -> None:
    with BadServer(bad.after_ehlo(auth=b"AUTH=LOGIN")) as server:
        assert probe(port=server.port, security="plain")["outcome"] == "token_untested"
    assert "offers AUTH=LOGIN and not XOAUTH2" in probe.warnings


def test_no_auth_at_all_is_tried_on(probe: Probe) -> None:
    with MailServer("plain") as server:
        result = probe(port=server.port, security="plain")
    assert result["outcome"] == "deliver_unauthenticated"
    assert "without its token" in probe.warnings
    assert [step["step"] for step in result["steps"]][-2:] == ["sender", "recipient"]


def test_trust_is_still_a_matter_of_failure(truststore: str, probe: Probe) -> None:
    with MailServer("starttls_required", certificate=self_signed()) as server:
        result = probe(port=server.port, security="starttls_required", truststore=truststore)
    assert result["failed"] is True
    assert result["code"] == "tls_untrusted"
    assert (result["delivers"], result["authenticated"]) == (False, None)


def test_further_modes_send_nothing_either(truststore: str, probe: Probe) -> None:
    with MailServer("starttls_optional", username="u", password=PASSWORD, certificate=SERVER) as server:
        result = probe(port=server.port, security="starttls_required", truststore=truststore, all_modes=True)
        assert server.auth_attempts == []
    assert result["modes"]["starttls_optional"]["code"] == "token_untested"
    assert result["modes"]["smtps"]["would"] == "refuse"


def test_a_password_does_not_go_with_it(probe: Probe) -> None:
    result = probe(port=25, username="u", password=PASSWORD)
    assert result["failed"] is True
    assert "password is set although auth_type is oauth2" in result["msg"]
    assert PASSWORD not in json.dumps(result)
