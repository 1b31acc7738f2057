# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters: what callers of the role get, and what the role says at its end."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.filter.phase_results import phase_results
from ansible_collections.stashops.mail.plugins.filter.undecryptable import undecryptable
from ansible_collections.stashops.mail.plugins.plugin_utils._summary import summary
from ansible_collections.stashops.mail.plugins.plugin_utils._text import how_many

INFO = {"changed": False, "failed": False, "version": "9.4.2", "invocation": {}}


def test_how_many_there_are() -> None:
    assert [how_many(range(count), "host") for count in (0, 1, 2)] == ["0 hosts", "1 host", "2 hosts"]


def test_the_first_result_of_a_phase_counts_and_what_did_not_run_is_left_out() -> None:
    phases: dict[str, list[dict[str, Any]]] = {
        "prereqs": [INFO],
        "jvm": [{}, {"changed": True, "path": "/p", "diff": []}, {"changed": False, "path": "/planned"}],
        "truststore": [{"changed": False, "skipped": True}, {"changed": False, "entries": 3}],
        "probe": [{"changed": False, "skipped": True}],
        "verify": [{}],
    }
    assert phase_results(phases) == {
        "prereqs": {"changed": False, "version": "9.4.2"},
        "jvm": {"changed": True, "path": "/p"},
        "truststore": {"changed": False, "entries": 3},
    }


def test_a_message_is_no_change() -> None:
    sent = {"changed": True, "outcome": "accepted"}
    found = phase_results({"server": [sent], "verify": [{}, sent], "notification": [sent], "probe": [{}]})
    assert {name: result["changed"] for name, result in found.items()} == {
        "server": True,
        "verify": False,
        "notification": False,
    }


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"prereqs": {"product": None, "found": False}, "probe": {}}, "No Stash or Bitbucket is installed"),
        (
            {"prereqs": {"product": "bitbucket", "install_dir": "/opt/b", "cryptography": None}},
            "A real run installs it",
        ),
    ],
)
def test_a_check_says_what_it_could_not_ask(result: dict[str, Any], said: str) -> None:
    assert any(said in sentence for sentence in summary(result, check=True))
    assert not any(said in sentence for sentence in summary(result))


def test_summary_of_a_whole_run() -> None:
    anchor = {"alias": "ca", "not_after": "2027-01-02T00:00:00Z"}
    after = {"host": "mail", "port": 587, "security": "smtps", "username": "u", "sender": "s@example.com"}
    jvm = {"trusted": True, "reason": "ca is in the truststore"}
    assert summary(
        {
            "prereqs": {"product": "bitbucket", "version": "9.4.2", "java": {"version": "17.0.1"}},
            "truststore": {"path": "/cacerts", "entries": 145, "anchors": [anchor]},
            "probe": {"outcome": "deliver", "meaning": "It can send.", "tls": {"version": "TLSv1.3"}, "jvm": jvm},
            "server": {"changed": True, "mail_server": {"before": None, "after": after}},
            "verify": {"outcome": "delivered", "message_id": "<1@x>", "seconds": 0.123},
        }
    ) == [
        "Bitbucket 9.4.2 on Java 17.0.1.",
        "/cacerts holds 145 certificates, of these managed: ca until 2027-01-02.",
        "The JVM trusts the mail server: ca is in the truststore.",
        "It can send. (deliver over TLSv1.3)",
        "It now sends through mail:587 (smtps) as u, from s@example.com.",
        "The test message <1@x> arrived 0.12 s after it was handed over.",
    ]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({}, []),
        ({"prereqs": {"product": None}, "truststore": {}, "verify": {"changed": False}}, []),
        ({"prereqs": {"product": "stash", "version": None, "java": None}}, ["Stash."]),
        (
            {"server": {"changed": True, "mail_server": {"before": {}, "after": None}}},
            ["No mail server is configured."],
        ),
        (
            {"probe": {"outcome": "deliver_plaintext", "meaning": "Not encrypted.", "tls": None, "jvm": None}},
            ["Not encrypted. (deliver_plaintext)"],
        ),
        (
            {"verify": {"outcome": "accepted", "message_id": "<1@x>", "seconds": None}},
            ["The mail server took the test message <1@x>; no mailbox was given to see it arrive."],
        ),
        (
            {"notification": {"outcome": "delivered", "message_id": "<2@x>", "seconds": 1.5}},
            ["Bitbucket's own message <2@x> arrived after 1.50 s."],
        ),
        (
            {"notification": {"outcome": "no_error"}},
            ["Bitbucket sent a message of its own, and its mail log shows no error."],
        ),
    ],
)
def test_summary_of_parts(result: dict[str, Any], said: list[str]) -> None:
    assert summary(result) == said


@pytest.mark.parametrize(
    ("changed", "check", "said"),
    [
        (True, True, ["would hold", "Would be set", "would send"]),
        (True, False, ["holds", "Set", "now sends"]),
        (False, True, ["holds", "sends, as before,"]),
    ],
)
def test_summary_of_a_check_claims_nothing(changed: bool, check: bool, said: list[str]) -> None:
    after = {"host": "mail", "port": 587, "security": "smtps", "username": "u", "sender": "s@example.com"}
    anchor = {"alias": "ca", "not_after": "2027-01-02T00:00:00Z"}
    sentences = summary(
        {
            "truststore": {"changed": changed, "path": "/c", "entries": 1, "anchors": [anchor]},
            "properties": {"changed": changed, "path": "/p", "keys": ["mail.threads"] if changed else []},
            "server": {"changed": changed, "mail_server": {"before": after, "after": after}},
        },
        check,
    )
    assert [words in sentence for words, sentence in zip(said, sentences, strict=True)] == [True] * len(said)


@pytest.mark.parametrize(
    ("trusted", "said"),
    [
        (True, "The JVM trusts the mail server: so it is."),
        (False, "The JVM does not trust the mail server: so it is."),
        (None, "Whether the JVM trusts the mail server is not known: so it is."),
    ],
)
def test_summary_of_a_verdict(trusted: bool | None, said: str) -> None:
    probe = {"outcome": "x", "meaning": "So it ends.", "tls": None, "jvm": {"trusted": trusted, "reason": "so it is"}}
    assert summary({"probe": probe}) == [said, "So it ends. (x)"]


def test_summary_of_a_check_that_would_take_the_settings_out() -> None:
    result = {"server": {"changed": True, "mail_server": {"before": {}, "after": None}}}
    assert summary(result, check=True) == ["No mail server would be configured."]


@pytest.mark.parametrize(
    ("chain", "stale"),
    [
        ([{"sha256": "ab", "subject": "CN=mail", "issuer": "CN=mail"}], False),
        ([{"sha256": "cd", "subject": "CN=mail", "issuer": "CN=ca"}], False),
        ([{"sha256": "cd", "subject": "CN=mail", "issuer": "CN=other"}], True),
        # One that cannot be read has nothing but its fingerprint.
        ([{"sha256": "cd"}], True),
        ([], False),
    ],
)
def test_an_anchor_that_nothing_comes_from_is_named(chain: list[dict[str, str]], stale: bool) -> None:
    anchor = {"alias": "ca", "subject": "CN=ca", "sha256": "ab", "not_after": "2027-01-02T00:00:00Z"}
    probe = {"outcome": "deliver", "meaning": "It can send.", "tls": None, "jvm": None, "chain": chain}
    said = summary({"truststore": {"path": "/c", "entries": 1, "anchors": [anchor]}, "probe": probe})
    assert any("comes from the managed certificate ca (CN=ca)" in sentence for sentence in said) is stale


class Encrypted:
    """A value as ansible-core before 2.19 has it: it is decrypted when it is read as a text."""

    def __init__(self, error: str) -> None:
        self.error = error

    def __str__(self) -> str:
        raise ValueError(self.error)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("Attempting to decrypt but no vault secrets found", "the run has no vault password"),
        ("Decryption failed (no vault secrets were found that could decrypt)", "encrypted with another password"),
    ],
)
def test_what_cannot_be_decrypted_is_named(error: str, said: str) -> None:
    hosts: dict[str, dict[str, Any]] = {
        "one": {"stash_mail_imap": {"password": Encrypted(error)}, "stash_mail_port": 25, "other": Encrypted(error)},
        "two": {"stash_mail_trials": [{"password": Encrypted(error)}], "stash_mail_host": "mail"},
        "three": {"stash_mail_password": Encrypted("'nothing' is undefined"), "stash_mail_host": "mail"},
    }
    found = undecryptable(hosts, hosts)
    assert {host: text.split(":")[0] for host, text in found.items()} == {
        "one": "Ansible Vault cannot decrypt stash_mail_imap",
        "two": "Ansible Vault cannot decrypt stash_mail_trials",
    }
    assert all(f": {said}" in text for text in found.values())
