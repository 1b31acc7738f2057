# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in's parts on their own: versions, settings, store, message, the pipe to the JVM, Python's sender."""

from __future__ import annotations

import base64
import json
import os
import threading
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.standin import Settings
from tests.standin.mailer import JvmTransport, Mailer
from tests.standin.message import MailJob, welcome
from tests.standin.product import Product
from tests.standin.pysend import system_properties, trust_context
from tests.standin.settings import read_properties
from tests.standin.store import Account, Permission, Store, check_users


@pytest.mark.parametrize(
    ("version", "name", "layout", "build"),
    [
        ("3.11.6", "stash", "setenv", "3011006"),
        ("4.14", "bitbucket", "setenv", "4014000"),
        ("5.0.0", "bitbucket", "webapp", "5000000"),
        ("10.3.1", "bitbucket", "webapp", "10003001"),
    ],
)
def test_product(version: str, name: str, layout: str, build: str) -> None:
    product = Product.of(version)
    assert (product.name, product.layout, product.build_number) == (name, layout, build)
    assert product.service == f"atl{name}"


@pytest.mark.parametrize("version", ["", "9", "9.4.2.1", "9.x", "latest", "9.4\n"])
def test_no_version(version: str) -> None:
    with pytest.raises(ValueError, match="MAJOR"):
        Product.of(version)


def test_the_properties_file_wins(tmp_path: Path) -> None:
    Settings(port=7990, bind="127.0.0.1").save(tmp_path)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/bitbucket.properties").write_text(
        "# server.port=1\n! comment=1\nserver.port = 8001\nmail.timeout.connect=2\nplain line\nother=x=y\n"
    )
    settings = Settings.load(tmp_path, tmp_path)
    assert (settings.port, settings.bind, settings.connect_timeout) == (8001, "127.0.0.1", 2.0)
    assert read_properties(tmp_path / "shared/bitbucket.properties")["other"] == "x=y"


@pytest.mark.parametrize(
    ("bind", "tls", "url"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:7990/bitbucket"),
        ("0.0.0.0", "x.pem", "https://127.0.0.1:7990/bitbucket"),  # noqa: S104
        ("::1", "", "http://[::1]:7990/bitbucket"),
    ],
)
def test_url(bind: str, tls: str, url: str) -> None:
    assert Settings(bind=bind, tls_certificate=tls, tls_key=tls, context_path="/bitbucket").url == url


def test_store_survives_and_undoes_what_failed(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    store = Store(tmp_path)
    with store.changing() as data:
        data.sender = "a@lab.test"

    def fail() -> None:
        with store.changing() as data:
            data.sender = "b@lab.test"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    for reader in (store, Store(tmp_path)):
        with reader.reading() as data:
            assert data.sender == "a@lab.test"
    assert (tmp_path / "shared/standin-state.json").stat().st_mode & 0o777 == 0o600
    assert len(list((tmp_path / "shared").iterdir())) == 1


def test_accounts_may_be_written_later(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    store = Store(tmp_path)
    assert store.authenticate("root", "p") is None
    seed = {"name": "root", "password": "p", "permission": "SYS_ADMIN"}
    (tmp_path / "standin-users.json").write_text(json.dumps({"users": [seed]}))
    account = store.authenticate("Root", "p")
    assert account is not None
    assert account.permission is Permission.SYS_ADMIN
    assert store.authenticate("root", "P") is None


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", '{"users": 1}', '{"users": [{"name": "a", "password": "hidden"}]}', '{"users": [{"password": "hidden',
        '{"users": [{"name": "", "password": "hidden", "permission": "ADMIN"}]}',
    ],
)  # fmt: skip
def test_unusable_users_file_is_named_without_its_content(text: str) -> None:
    with pytest.raises(ValueError, match="the users file must be JSON") as caught:
        check_users(text)
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def _job(message: bytes) -> MailJob:
    return MailJob("h", None, "SMTPS", True, False, "usér", "pass wörd", "s@lab", "r@lab", message, 1.5, 2.0)


def test_welcome_message() -> None:
    account = Account("jane", "Jané\r\nBcc: x@y", "jane@lab.test", Permission.LICENSED_USER)
    message = message_from_bytes(welcome(Settings(), "a@lab.test", account), policy=default)
    assert message["To"] == "jane@lab.test"
    assert message["Bcc"] is None
    assert "/passwordreset?token=" in str(message.get_payload(decode=True))


class Gate:
    """A transport that sends a message when it is let, and says when it has one."""

    def __init__(self) -> None:
        self.begun, self.let = threading.Semaphore(0), threading.Semaphore(0)
        self.sent = 0

    def send(self, _job: MailJob) -> str:
        self.begun.release()
        self.let.acquire()
        self.sent += 1
        return ""


def test_what_is_queued_is_sent_before_the_end_unless_it_is_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    mailer = Mailer(Settings(), Store(tmp_path), gate)
    for number in range(3):
        mailer.notify(Account(f"u{number}", "U", f"u{number}@lab.test", Permission.LICENSED_USER))
    gate.begun.acquire()
    goes_on = iter((True, True, False))

    def join(_wait: float) -> None:
        """What happens in the time that one message may take."""
        if next(goes_on):
            gate.let.release()
            gate.begun.acquire()

    monkeypatch.setattr(mailer._thread, "join", join)
    mailer.close()
    assert gate.sent == 2
    assert not list(goes_on)
    gate.let.release()


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    reading, writing = os.pipe()
    return os.fdopen(reading, "rb"), os.fdopen(writing, "wb")


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200), st.text(max_size=50))
def test_the_pipe_to_the_jvm_carries_any_bytes(message: bytes, failure: str) -> None:
    requests, to_jvm = _pipe()
    answers, from_jvm = _pipe()
    ended = threading.Event()
    transport = JvmTransport(to_jvm, answers, ended.set)
    from_jvm.write(f"FAIL {base64.b64encode(failure.encode('utf-8', 'replace')).decode()}\nOK\n".encode())
    from_jvm.flush()
    assert transport.send(_job(message)) == failure.encode("utf-8", "replace").decode()
    assert transport.send(_job(message)) == ""
    verb, *tokens = requests.readline().decode().split()
    fields = {key: base64.b64decode(value) for key, _, value in (token.partition("=") for token in tokens)}
    assert verb == "SEND"
    assert fields["message"] == message
    assert fields["password"].decode() == "pass wörd"
    assert fields["port"] == b"-1"
    assert b"pass" not in b" ".join(token.encode() for token in tokens if not token.startswith("password="))
    from_jvm.close()
    assert ended.wait(5)
    assert transport.send(_job(message)) == "The JVM has ended."
    for stream in (requests, to_jvm, answers):
        stream.close()


def test_a_jvm_that_is_to_end_sends_until_then() -> None:
    requests, to_jvm = _pipe()
    answers, from_jvm = _pipe()
    ended = threading.Event()
    transport = JvmTransport(to_jvm, answers, ended.set)
    from_jvm.write(b"STOP\n")
    from_jvm.flush()
    assert ended.wait(5)
    from_jvm.write(b"OK\n")
    from_jvm.flush()
    assert transport.send(_job(b"queued")) == ""
    from_jvm.close()
    for stream in (requests, to_jvm):
        stream.close()


def test_a_job_shows_no_password() -> None:
    assert "pass" not in repr(_job(b""))


def test_system_properties() -> None:
    arguments = ["-Xmx1m", "-Da=1", "-Db", "-Da=2=3", "-Dc="]
    assert system_properties(arguments) == {"a": "2=3", "c": ""}


def test_a_missing_truststore_means_the_default_authorities(tmp_path: Path) -> None:
    context = trust_context({"javax.net.ssl.trustStore": str(tmp_path / "none")}, "")
    assert not context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"
