# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail through the stand-in's JVM: the four security modes, authentication, the truststore, the mail log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.standin.smtp_server import Certificate, MailServer
from tests.standin import Standin

pytestmark = [
    pytest.mark.usefixtures("jvm"),
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]

_STARTTLS_IF_OFFERED = {"useStartTls": True}
_STARTTLS_REQUIRED = {"useStartTls": True, "requireStartTls": True}
_PKIX = "unable to find valid certification path to requested target"


def _trust(path: Path) -> str:
    return f"-Djavax.net.ssl.trustStore={path} -Djavax.net.ssl.trustStorePassword=changeit"


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[Standin]:
    """One that trusts the mail server's certificate."""
    directory = tmp_path_factory.mktemp("mail")
    with Standin(directory, jvm_args=_trust(certificate.truststore(directory / "cacerts"))) as standin:
        yield standin


@pytest.fixture
def log_start(standin: Standin) -> int:
    """Where the mail log ended before this test."""
    return len(standin.mail_log)


def _notify(standin: Standin, name: str) -> None:
    assert standin.create_user(name, f"{name}@lab.test").status == 204
    assert standin.call("DELETE", "/rest/api/latest/admin/users", standin.admin, query={"name": name}).status == 200


@pytest.mark.parametrize(
    ("server_mode", "settings", "tls"),
    [
        ("plain", {}, False),
        ("starttls", {}, False),
        ("plain", _STARTTLS_IF_OFFERED, False),
        ("starttls", _STARTTLS_IF_OFFERED, True),
        ("starttls", _STARTTLS_REQUIRED, True),
        ("smtps", {}, True),
    ],
)
def test_delivery(
    standin: Standin, certificate: Certificate, server_mode: str, settings: dict[str, object], tls: bool
) -> None:
    with MailServer(certificate, server_mode) as server:
        standin.configure_mail(server.settings(**settings))
        _notify(standin, "jane")
        delivery = server.wait()
    assert (delivery.sender, delivery.recipients) == ("bitbucket@lab.test", ["jane@lab.test"])
    assert delivery.tls is tls
    assert delivery.user is None
    assert delivery.message["To"] == "jane@lab.test"
    assert delivery.message["Message-ID"]
    assert f"{standin.url}/passwordreset?token=" in str(delivery.message.get_payload())


def test_authentication(standin: Standin, certificate: Certificate) -> None:
    with MailServer(certificate, "starttls", user="bitbucket", password="correct horse") as server:
        standin.configure_mail(server.settings(**_STARTTLS_REQUIRED))
        _notify(standin, "jane")
        assert server.wait().user == "bitbucket"


@pytest.mark.parametrize(
    ("server_mode", "settings", "failure"),
    [
        ("plain", _STARTTLS_REQUIRED, "STARTTLS is required but host does not support STARTTLS"),
        ("smtps", {"protocol": "SMTP"}, "Read timed out"),
        ("plain", {"protocol": "SMTPS"}, "Unsupported or unrecognized SSL message"),
        ("starttls", _STARTTLS_REQUIRED | {"password": "wrong"}, "AuthenticationFailedException: 535"),
        ("starttls", {"hostname": "nowhere.invalid"}, "java.net.UnknownHostException: nowhere.invalid"),
    ],
)
def test_failure_is_logged_and_the_message_dropped(
    standin: Standin,
    certificate: Certificate,
    log_start: int,
    server_mode: str,
    settings: dict[str, object],
    failure: str,
) -> None:
    user = "bitbucket" if "password" in settings else ""
    with MailServer(certificate, server_mode, user=user, password="right") as server:
        standin.configure_mail(server.settings(**settings))
        _notify(standin, "jane")
        log = standin.wait_for_mail_failure(log_start)
        assert server.deliveries == []
    assert failure in log
    assert re.match(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ERROR \[mail-1\] \S+ Mail sending failed\. "
        r"Please verify the mail server configuration and check the logs for details; recipient: jane@lab\.test\n",
        log,
    )
    assert "wrong" not in log


def test_truststore_is_read_at_start_only(
    tmp_path: Path, certificate: Certificate, other_certificate: Certificate
) -> None:
    store = other_certificate.truststore(tmp_path / "cacerts")
    with (
        MailServer(certificate, "starttls") as server,
        Standin(tmp_path / "standin", jvm_args=_trust(store)) as standin,
    ):
        standin.configure_mail(server.settings(**_STARTTLS_REQUIRED))
        _notify(standin, "first")
        log = standin.wait_for_mail_failure()
        assert "Could not convert socket to TLS" in log
        assert _PKIX in log

        certificate.truststore(store)
        seen = len(standin.mail_log)
        _notify(standin, "second")
        assert _PKIX in standin.wait_for_mail_failure(seen)
        assert server.deliveries == []

        standin.restart()
        _notify(standin, "third")
        assert server.wait().recipients == ["third@lab.test"]

        other_certificate.truststore(store)
        _notify(standin, "fourth")
        assert server.wait(2).recipients == ["fourth@lab.test"]


def test_truststore_with_a_wrong_password_fails_every_tls_connection(tmp_path: Path, certificate: Certificate) -> None:
    store = certificate.truststore(tmp_path / "cacerts")
    arguments = _trust(store).replace("changeit", "mistaken")
    with (
        MailServer(certificate, "smtps") as server,
        Standin(tmp_path / "standin", jvm_args=arguments) as standin,
    ):
        standin.configure_mail(server.settings())
        _notify(standin, "jane")
        log = standin.wait_for_mail_failure()
        assert "NoSuchAlgorithmException: Error constructing implementation (algorithm: Default" in log
        assert "KeyManagementException: problem accessing trust store" in (standin.home / "log/launcher.log").read_text(
            "utf-8"
        )
        assert server.deliveries == []


def test_a_mail_password_is_in_no_argument_environment_or_log(standin: Standin, certificate: Certificate) -> None:
    secret = "Xyzzy-Plugh-2718"
    with MailServer(certificate, "starttls", user="bitbucket", password=secret) as server:
        standin.configure_mail(server.settings(**_STARTTLS_REQUIRED))
        _notify(standin, "jane")
        server.wait()
        assert len(standin.children) == 1
        for pid in (standin.pid, *standin.children):
            for name in ("cmdline", "environ"):
                assert secret.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()
    for log in (standin.home / "log").iterdir():
        assert secret not in log.read_text("utf-8")
    holders = [path for path in standin.home.rglob("*") if path.is_file() and secret in path.read_text("utf-8")]
    assert [path.stat().st_mode & 0o777 for path in holders] == [0o600]


def test_no_mail_server(standin: Standin) -> None:
    standin.call("DELETE", "/rest/api/latest/admin/mail-server", standin.sysadmin)
    answer = standin.create_user("jane", "jane@lab.test")
    assert answer.status == 409
    assert answer.body["errors"][0]["exceptionName"] == "com.atlassian.bitbucket.mail.NoMailHostConfigurationException"
    assert standin.create_user("jane", "jane@lab.test", notify=False).status == 204
    answer = standin.create_user("JANE", "jane@lab.test", notify=False)
    assert (answer.status, answer.body["errors"][0]["context"]) == (409, "name")
