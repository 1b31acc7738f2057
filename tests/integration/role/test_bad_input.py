# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input ends in an error that says what is wrong, and nothing has changed by then."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.integration.role.conftest import ACCOUNT, Site, make_site, run_playbook
from tests.mail_server import MailServer, self_signed

PEM_WITHOUT = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
SHA256 = "ab" * 32


class Refusal(NamedTuple):
    """What a host failed with, in one line, and how many of its tasks changed something."""

    told: str
    changed: int


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all, since nothing may change."""
    with make_site(tmp_path_factory.mktemp("site")) as site:
        yield site


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def mailbox(site: Site, **changes: Any) -> dict[str, Any]:
    return {**site.settings["stash_mail_imap"], **changes}


def another_ca(site: Site) -> str:
    path = site.folder / "another.pem"
    path.write_text(self_signed("localhost").pem)
    return str(path)


# A value may be made for the site.
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("a misspelt variable", {"pasword": "of no importance"}, "did you mean stash_mail_password?"),
    ("a misspelt key", {"imap": {"hots": "localhost"}}, "stash_mail_imap.hots"),
    ("no host", {"host": ""}, "stash_mail_host must be set"),
    ("no recipient", {"recipient": ""}, "stash_mail_recipient must be set"),
    ("port out of range", {"port": 70000}, "stash_mail_port 70000 is out of range"),
    ("unknown security", {"security": "tls"}, "value of stash_mail_security must be one of"),
    ("user without password", {"password": ""}, "stash_mail_password is empty while stash_mail_username is set"),
    ("password without user", {"username": ""}, "stash_mail_username is empty while stash_mail_password is set"),
    ("control character in the sender", {"sender": "a@b.example\r\nRCPT TO:<c@d.example>"}, "control character"),
    ("non-ASCII host", {"host": "smtp.exämple.com"}, "non-ASCII"),
    ("no SHA-256", {"fetch": [{"host": "localhost"}]}, "missing required arguments: sha256"),
    (
        "no certificate in the PEM",
        {"certificates": [{"pem": PEM_WITHOUT}]},
        "certificates[0].pem: PEM block 1 is not a certificate",
    ),
    ("a base that is missing", {"truststore_base": "/nowhere/cacerts"}, "The base /nowhere/cacerts is not there."),
    ("a path with a blank", {"truststore_path": "/tmp/with blank/cacerts"}, "holds a blank"),
    ("no installation there", {"bitbucket_install_dir": "/nowhere"}, "holds no Stash or Bitbucket"),
    ("a method that does not fit", {"jvm_method": "setenv"}, "does not fit"),
    ("no service to restart", {"restart": "service"}, "cannot be restarted by service"),
    ("an incomplete mailbox", {"imap": {"host": "localhost"}}, "stash_mail_imap lacks its host, username or password"),
    (
        "an incomplete mailbox by POP3",
        {"imap": {}, "pop3": {"host": "localhost", "username": "someone"}},
        "stash_mail_pop3 lacks its host, username or password",
    ),
    (
        "two mailboxes",
        {"pop3": {"host": "localhost", "username": "someone", "password": "of no importance"}},
        "stash_mail_imap and stash_mail_pop3 are both set",
    ),
    (
        "a mailbox whose port is out of range",
        {"imap": {"host": "localhost", "port": 70000, "username": "someone", "password": "of no importance"}},
        "stash_mail_imap.port 70000 is out of range",
    ),
    (
        "a wait without end",
        {"verify_notification": True, "verify_notification_deadline": 4000},
        "stash_mail_verify_notification_deadline 4000 is out of range",
    ),
    (
        "a mailbox whose ca is missing",
        {"imap": lambda site: mailbox(site, ca="/nowhere.pem")},
        "imap.ca /nowhere.pem cannot be read",
    ),
    ("a mailbox that refuses the password", {"imap": lambda site: mailbox(site, password="of no importance")}, "IMAP:"),
    (
        "a mailbox that nobody answers for",
        {"imap": lambda site: mailbox(site, port=1)},
        "localhost:1 (127.0.0.1) cannot be reached",
    ),
    ("a mailbox whose server is not trusted", {"imap": lambda site: mailbox(site, ca=another_ca(site))}, "IMAP:"),
    ("a POP3 server that is none", {"imap": {}, "pop3": lambda site: mailbox(site)}, "POP3:"),
    (
        "an address of the node that is none",
        {"bitbucket_node_url": "localhost:7990"},
        "is not an http or https URL",
    ),
    (
        "another address of the node",
        {"bitbucket_node_url": "http://127.0.0.1:1"},
        "After a restart the run would wait for that in vain",
    ),
    ("a mode without quotes", {"truststore_mode": 644}, "mode 644 would be read as a number"),
    ("an unknown owner", {"truststore_owner": "nobody-has-this"}, "nobody-has-this"),
    (
        "a relative path",
        {"password_state_path": "passwords.json"},
        "stash_mail_password_state_path passwords.json is relative",
    ),
    ("a service that leads elsewhere", {"bitbucket_service": "../../x"}, "is no name of a service"),
    ("a service with a line feed", {"bitbucket_service": "a\nb"}, "is no name of a service"),
    ("a list for a password", {"bitbucket_admin_password": ["a"]}, "stash_mail_bitbucket_admin_password"),
    (
        "a vaulted password with its line feed",
        {"bitbucket_admin_password": "of no importance\n"},
        "stash_mail_bitbucket_admin_password holds a control character",
    ),
    ("a number for a text", {"cluster": 5}, "stash_mail_cluster is a number"),
    ("nothing for a text", {"jvm_environment_file": None}, "stash_mail_jvm_environment_file has no value"),
    ("a property that is none", {"properties": {"a b": 1}}, "is no name of a property"),
    ("a container without its file", {"jvm_method": "environment"}, "stash_mail_jvm_environment_file must be"),
    ("no tasks for the restart", {"restart": "tasks"}, "stash_mail_pre_restart_tasks is empty"),
    ("the product is down", {"bitbucket_url": "http://127.0.0.1:1"}, "nothing listens on port 1 of 127.0.0.1"),
    ("not trusted", {"certificates": []}, "JVM does not trust localhost"),
]
# Trusted, and issued for another name than the one that it is reached by. Its server is there as long as the run.
ANOTHER_NAME = ("another name", "the certificate is issued for other.example.com, not for localhost")


PLAY = [
    {
        "hosts": "bitbucket",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.import_role": {"name": "stashops.mail.stash_mail", "tasks_from": "prepare"}}],
    }
]


@pytest.fixture(scope="module")
def refusals(shared: Site) -> dict[str, Refusal]:
    """All cases at once, each as a host of one run: what each was told, and how many of its tasks changed something."""
    before = shared.state()
    book = shared.folder / "prepare"
    book.with_suffix(".yml").write_text(json.dumps(PLAY))
    other = self_signed("other.example.com")
    with MailServer(
        "starttls_required", username=ACCOUNT, password=shared.password, certificate=other, hostname="localhost"
    ) as misnamed:
        title, message = ANOTHER_NAME
        cases = [*CASES, (title, {"port": misnamed.port, "certificates": [{"pem": other.pem}]}, message)]
        hosts = {
            f"case{number}": {
                **shared.settings,
                **{
                    f"stash_mail_{name}": value(shared) if callable(value) else value for name, value in changes.items()
                },
            }
            for number, (_, changes, _) in enumerate(cases)
        }
        code, output = run_playbook(shared.folder, {"bitbucket": {"hosts": hosts}}, playbook=str(book))
        assert not misnamed.auth_attempts
    shared.output += output
    assert code == 2, output
    unchanged(shared, before)
    # Of a result all lines but the first are indented.
    told = dict(re.findall(r"^fatal: \[(case\d+)\](.*\n(?:[ \n].*\n?)*)", output, re.MULTILINE))
    changed = dict(re.findall(r"^(case\d+) +: .*\bchanged=(\d+)", output, re.MULTILINE))
    return {
        title: Refusal(re.sub(r"\s+", " ", told.get(f"case{number}", "")), int(changed[f"case{number}"]))
        for number, (title, _, _) in enumerate(cases)
    }


TOLD = [*((title, message) for title, _, message in CASES), ANOTHER_NAME]


@pytest.mark.parametrize(("title", "message"), TOLD, ids=[title for title, _ in TOLD])
def test_input(refusals: dict[str, Refusal], title: str, message: str) -> None:
    assert message in refusals[title].told
    assert refusals[title].changed == 0


def test_wrong_administrator(shared: Site) -> None:
    refused(
        shared,
        "user name or password is wrong",
        bitbucket_admin_password="wrong-" + shared.bitbucket.sysadmin.password[:4],
    )
    admin = shared.bitbucket.admin
    shared.secrets.append(admin.password)
    refused(
        shared,
        "(SYS_ADMIN; Admin is not enough)",
        bitbucket_admin_user=admin.name,
        bitbucket_admin_password=admin.password,
    )


def test_mail_server(shared: Site) -> None:
    before = len(shared.smtp.auth_attempts)
    refused(shared, "refused", port=closed_port())
    refused(shared, "password", password="another-password")
    assert shared.smtp.auth_attempts[before:] == [False], "one attempt for one wrong password"
    shared.smtp.refused_recipients.add("nobody@example.com")
    refused(shared, "554", recipient="nobody@example.com")
    shared.smtp.refused_senders.add("nobody@example.com")
    refused(shared, "550", sender="nobody@example.com")


def test_a_password_is_not_given_away(shared: Site) -> None:
    """Without TLS on offer the product would send it unencrypted with its next message."""
    with MailServer("plain", username=ACCOUNT, password=shared.password, hostname="localhost") as stripped:
        refused(
            shared,
            "with starttls_optional the product would send it unencrypted",
            security="starttls_optional",
            port=stripped.port,
            certificates=[],
        )
        assert not stripped.auth_attempts


def test_fetch_with_another_fingerprint(shared: Site) -> None:
    fetch = [{"host": "localhost", "port": shared.smtp.port, "sha256": SHA256}]
    outcome = refused(shared, "sha256", fetch=fetch)
    assert self_fingerprint(shared) in outcome.lower(), "it says what the server presents"


def test_another_host(shared: Site) -> None:
    other = self_signed("other.example.com")
    refused(shared, "certificate", certificates=[{"pem": other.pem}])
    refused(shared, "cannot be reached", host="127.0.0.2")


def self_fingerprint(site: Site) -> str:
    import hashlib

    return hashlib.sha256(site.certificate.der).hexdigest()


def refused(site: Site, message: str, **changes: Any) -> str:
    """Run with these changes: it must fail with the message, and nothing may have changed."""
    before = site.state()
    outcome = site.run(**changes)
    assert outcome.code == 2, outcome.output
    # As the callback prints it, long lines are folded.
    shown = re.sub(r"\s+", " ", outcome.output[outcome.output.rfind("fatal: [stand_in]") :])
    assert message in shown, outcome.output
    assert outcome.changed == 0
    unchanged(site, before)
    return shown


def unchanged(site: Site, before: tuple[Any, ...]) -> None:
    assert site.state() == before
    assert not site.truststore.parent.exists()
    assert not (site.folder / "state").exists()
