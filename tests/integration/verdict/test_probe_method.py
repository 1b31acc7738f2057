# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe by ``method``: real JVMs where this machine has them, and small stand-ins for what a JVM may do wrong."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.home import JavaHome
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import MailFailure
from ansible_collections.stashops.mail.plugins.module_utils._smtp.conversation import Conversation, Settings
from ansible_collections.stashops.mail.plugins.module_utils._smtp.session import own_name
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store
from ansible_collections.stashops.mail.plugins.module_utils._verdict.anchors import read_anchors
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import Jvm, Question, Setup, Truststore

from tests.mail_server import MailServer, authority, leaf, self_signed

ROOT = authority()
SERVER = leaf(ROOT, "127.0.0.1", sans=["127.0.0.1"])
STORE_PASSWORD = "truststore secret phrase"
MAIL_PASSWORD = "correct horse battery"
DEADLINE = 60.0  # a JVM's start takes a second or two, and several times that on a busy machine


def jdk() -> str:
    home = JavaHome.on_path()
    return home.path if home and home.java else ""


needs_java = pytest.mark.skipif(not jdk(), reason="no Java on the PATH")


@pytest.fixture
def truststore(tmp_path: Path) -> str:
    path = tmp_path / "cacerts"
    path.write_bytes(write_store([Entry("root", ROOT.der)], "jks", STORE_PASSWORD))
    return str(path)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders are made; none is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def settings(server: MailServer, truststore: str | None, **others: object) -> Settings:
    found = Settings("127.0.0.1", server.port, server.mode, truststore=truststore, method="jvm", java_home=jdk())
    return found._replace(**others)  # type: ignore[arg-type]


def probe(wanted: Settings, seconds: float = DEADLINE) -> Conversation:
    conversation = Conversation(wanted, Deadline(seconds))
    try:
        conversation.open()
        conversation.end()
    finally:
        conversation.close()
    return conversation


def fake_java(folder: Path, script: str, version: str = "17.0.1") -> str:
    """A home whose ``java`` is a shell script."""
    (folder / "home/bin").mkdir(parents=True)
    (folder / "home/release").write_text(f'JAVA_VERSION="{version}"\n')
    java = folder / "home/bin/java"
    java.write_text("#!/bin/sh\n" + script)
    java.chmod(0o755)
    return str(folder / "home")


@needs_java
@pytest.mark.parametrize("mode", ["starttls_required", "smtps"])
def test_the_jvm_trusts(mode: str, truststore: str, temporary: Path) -> None:
    with MailServer(mode, username="u", password=MAIL_PASSWORD, certificate=SERVER) as server:
        found = probe(
            settings(server, truststore, truststore_password=STORE_PASSWORD, username="u", password=MAIL_PASSWORD)
        )
        assert server.auth_attempts == [True]
    jvm = found.facts["jvm"]
    assert found.outcome == "deliver"
    assert (jvm["trusted"], jvm["method"]) == (True, "jvm")
    assert jvm["identity"]["matches"] is True
    assert jvm["java"]["stage"] == "done"
    assert jvm["java"]["address"] == "127.0.0.1"
    assert jvm["java"]["protocol"] == "TLSv1.3"
    assert jvm["java"]["chain"] == [certificate["sha256"] for certificate in found.facts["chain"]]
    assert STORE_PASSWORD not in repr(found.facts)


@needs_java
def test_the_jvm_refuses(truststore: str, temporary: Path) -> None:
    with MailServer("starttls_required", certificate=self_signed()) as server:
        conversation = Conversation(settings(server, truststore), Deadline(DEADLINE))
        with pytest.raises(MailFailure) as caught:
            conversation.open()
        conversation.close()
    jvm = conversation.facts["jvm"]
    assert caught.value.code == "tls_untrusted"
    assert "Could not convert socket to TLS" in caught.value.log
    assert "unable to find valid certification path" in caught.value.log
    assert (jvm["trusted"], jvm["method"]) == (False, "jvm")
    assert "unable to find valid certification path" in jvm["java"]["exception"]


@needs_java
def test_a_wrong_truststore_password_ends_all_tls(truststore: str, temporary: Path) -> None:
    with MailServer("smtps", certificate=SERVER) as server:
        conversation = Conversation(
            settings(server, truststore, truststore_password="another secret"), Deadline(DEADLINE)
        )
        with pytest.raises(MailFailure) as caught:
            conversation.open()
        conversation.close()
    assert caught.value.code == "tls_untrusted"
    assert "Error constructing implementation" in caught.value.log
    assert conversation.facts["jvm"]["java"]["stage"] == "context"
    assert "another secret" not in repr(conversation.facts) + str(caught.value)


@needs_java
def test_another_name(truststore: str, temporary: Path) -> None:
    with MailServer("smtps", certificate=leaf(ROOT, "other.example.com")) as server:
        found = probe(settings(server, truststore, check_identity=False))
    assert found.facts["jvm"]["identity"] == {"matches": False, "javamail": "not checked", "angus": "refused"}


@needs_java
def test_anchors_that_are_not_in_the_file(truststore: str, temporary: Path) -> None:
    own = self_signed()
    with MailServer("smtps", certificate=own) as server:
        found = probe(settings(server, truststore, extra_anchors=[own.der], jvm_arguments=[f"{TYPE}=pkcs12"]))
    assert found.facts["jvm"]["trusted"] is True
    assert found.facts["jvm"]["method"] == "jvm"


@needs_java
def test_the_jvms_own_arguments_count(truststore: str) -> None:
    with MailServer("smtps", certificate=SERVER) as server:
        arguments = ["-Xmx1g", "-Djdk.tls.client.protocols=TLSv1.2"]
        found = probe(settings(server, truststore, jvm_arguments=arguments))
    assert found.facts["jvm"]["java"]["protocol"] == "TLSv1.2"


TYPE = "-Djavax.net.ssl.trustStoreType"


def test_no_secret_in_arguments_or_environment(
    truststore: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in for java writes down what any user of the machine could see of it."""
    seen = tmp_path / "seen"
    home = fake_java(tmp_path, f"{{ tr '\\0' '\\n' < /proc/$$/cmdline; env; }} > {seen}\nread -r line\nexit 1\n")
    monkeypatch.setenv("STASH_MAIL_SECRET", MAIL_PASSWORD)
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Djavax.net.ssl.trustStore=/elsewhere")
    with MailServer("smtps", certificate=SERVER) as server:
        question = Question("127.0.0.1", server.port, "smtps", Truststore(truststore, STORE_PASSWORD))
        with (
            Jvm(Setup(home)) as jvm,
            pytest.raises(StashMailError, match="ended with status 1"),
        ):
            jvm.judge(question, Deadline(10))
    text = seen.read_text()
    assert "StashMailVerdict" in text
    assert STORE_PASSWORD not in text
    assert MAIL_PASSWORD not in text
    assert "JAVA_TOOL_OPTIONS" not in text


def test_a_jvm_that_hangs_is_killed(truststore: str, tmp_path: Path, temporary: Path) -> None:
    home = fake_java(tmp_path, "exec sleep 60\n")
    with MailServer("smtps", certificate=SERVER) as server:
        started = time.monotonic()
        found = probe(settings(server, truststore, method="auto", java_home=home), seconds=4)
        assert time.monotonic() - started < 4
    assert found.facts["jvm"]["method"] == "openssl"
    assert "no verdict within" in found.facts["jvm"]["method_reason"]
    assert found.facts["jvm"]["trusted"] is True


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 3", "ended with status 3"),
        ("echo 'Error: Could not find or load main class' >&2; exit 1", "Could not find or load"),
        ("echo stage garbage; exit 0", "it said nothing"),
        ("head -c 1000000 /dev/urandom; exit 0", "ended with status 0"),
    ],
)
def test_a_jvm_that_fails(script: str, words: str, truststore: str, tmp_path: Path, temporary: Path) -> None:
    home = fake_java(tmp_path, script + "\n")
    with MailServer("smtps", certificate=SERVER) as server:
        found = probe(settings(server, truststore, method="auto", java_home=home), seconds=10)
        assert found.facts["jvm"]["method"] == "openssl"
        assert words in found.facts["jvm"]["method_reason"]
        with pytest.raises(StashMailError, match="method=jvm"):
            probe(settings(server, truststore, java_home=home), seconds=10)


def said(**values: str) -> str:
    """A script that says, to every request, what our program would say."""
    lines = [f"echo '{name}\t{base64.b64encode(value.encode()).decode()}'" for name, value in values.items()]
    each = "\n".join([*lines, "printf 'end\\t\\n'"])
    return f'while read -r line; do if [ -z "$line" ]; then\n{each}\nfi; done\n'


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"stage": "handshake", "trusted": "false", "error": "a <- odd refusal"}, "tls_untrusted", "the JVM says odd"),
        ({"stage": "handshake", "error": "a <- handshake_failure"}, "tls_protocol", "agree on no TLS connection"),
        ({"stage": "context", "error": "no TLS"}, "tls_untrusted", "cannot set up TLS"),
    ],
)
def test_the_jvms_word_counts(values: dict[str, str], code: str, words: str, truststore: str, tmp_path: Path) -> None:
    home = fake_java(tmp_path, said(version="17", **values))
    with MailServer("smtps", certificate=SERVER) as server:
        conversation = Conversation(settings(server, truststore, java_home=home), Deadline(10))
        with pytest.raises(MailFailure) as caught:
            conversation.open()
        conversation.close()
    assert caught.value.code == code
    assert words in conversation.facts["jvm"]["reason"]


def test_the_jvm_accepts_what_nothing_else_would(truststore: str, tmp_path: Path) -> None:
    home = fake_java(tmp_path, said(version="17", trusted="true", identity="false", stage="done"))
    with MailServer("smtps", certificate=self_signed()) as server:
        found = probe(settings(server, truststore, java_home=home, check_identity=False))
    assert found.facts["jvm"]["trusted"] is True
    assert found.facts["jvm"]["reason"] == "the JVM accepts it"


def test_two_servers_by_one_name(truststore: str, tmp_path: Path) -> None:
    script = said(version="17", certificate="ab" * 32, trusted="true", identity="true", stage="done")
    with MailServer("smtps", certificate=SERVER) as server:
        found = probe(settings(server, truststore, java_home=fake_java(tmp_path, script)))
    assert any("another certificate" in text for text in found.warnings)


@pytest.mark.parametrize(
    ("stage", "error"), [("connect", "Connection refused"), ("handshake", "java.net.SocketTimeoutException: too late")]
)
def test_a_jvm_that_gets_no_answer_has_no_word(stage: str, error: str, truststore: str, tmp_path: Path) -> None:
    home = fake_java(tmp_path, said(version="17", stage=stage, error=error))
    with MailServer("smtps", certificate=SERVER) as server:
        found = probe(settings(server, truststore, java_home=home, method="auto"))
    assert found.facts["jvm"]["method"] == "openssl"
    assert f"ended at {stage}: {error}" in found.facts["jvm"]["method_reason"]


# Which Java can be asked


def test_a_java_that_is_too_old(tmp_path: Path, truststore: str) -> None:
    home = fake_java(tmp_path, "exit 1\n", version="1.7.0_80")
    with pytest.raises(StashMailError, match=r"Java 1\.7\.0_80 in .* is too old"):
        Jvm(Setup(home))
    with MailServer("smtps", certificate=SERVER) as server:
        with pytest.raises(StashMailError, match=r"method=jvm: Java 1\.7\.0_80"):
            Conversation(settings(server, truststore, java_home=home), Deadline(5))
        found = probe(settings(server, truststore, java_home=home, method="auto"))
    assert found.facts["jvm"]["method"] == "openssl"
    assert "is too old" in found.facts["jvm"]["method_reason"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs what belongs to others as somebody else")
@pytest.mark.parametrize("account", [None, "daemon"])
def test_a_java_of_several_owners(account: str | None, truststore: str, shared_path: Path) -> None:
    home = fake_java(shared_path, said(version="17", trusted="true", identity="true", stage="done"))
    os.chown(f"{home}/bin", 12345, 12345)
    (Path(home) / "lib").mkdir()
    os.chown(f"{home}/lib", 12346, 12346)
    with MailServer("smtps", certificate=SERVER) as server:
        found = probe(settings(server, truststore, java_home=home, method="auto", account=account))
    assert found.facts["jvm"]["method"] == ("jvm" if account else "openssl")
    words = "run as daemon" if account else "is not run, since root would run it"
    assert words in found.facts["jvm"]["method_reason"]


def test_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StashMailError, match="holds no Java"):
        Jvm(Setup(str(tmp_path)))
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(StashMailError, match="no Java was found"):
        Jvm(Setup())


# What Java calls itself


@needs_java
@pytest.mark.parametrize("mode", ["plain", "starttls_required", "smtps"])
def test_the_name_in_ehlo_is_javas(mode: str, truststore: str) -> None:
    with Jvm(Setup(jdk())) as jvm:
        name = jvm.greet("127.0.0.1", Deadline(DEADLINE))
    with MailServer(mode, certificate=SERVER) as server:
        found = probe(settings(server, truststore))
    assert found.facts["hello"] == name
    assert f"C: EHLO {name}" in "\n".join(found.facts["transcript"])


def test_a_name_that_no_server_would_take_is_not_given(truststore: str, tmp_path: Path) -> None:
    home = fake_java(tmp_path, said(version="17", hello="two words\r\nQUIT"))
    with MailServer("plain") as server:
        found = probe(settings(server, truststore, java_home=home))
    assert found.facts["hello"] == own_name()


# The truststore as it will be


@needs_java
@pytest.mark.parametrize("format", ["jks", "pkcs12"])
def test_a_truststore_in_memory(format: str, tmp_path: Path, temporary: Path) -> None:
    data = write_store([Entry("root", ROOT.der)], format)
    with MailServer("smtps", certificate=SERVER) as server:
        path = str(tmp_path / "not yet there")
        found = probe(settings(server, path, planned=read_anchors(data, None, path, "planned")))
    assert found.facts["jvm"]["trusted"] is True
    assert found.facts["jvm"]["truststore"] == path
    assert found.facts["jvm"]["method"] == "jvm"


# It ends with us


@needs_java
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_jvm_ends_with_its_parent(number: signal.Signals, tmp_path: Path) -> None:
    """Killed while it waits for a server that says nothing."""
    script = (
        "import sys; from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import *\n"
        "jvm = Jvm(Setup()); print(jvm._program._process.pid, flush=True)\n"
        "jvm.judge(Question('127.0.0.1', int(sys.argv[1]), 'starttls_required'), Deadline(60))\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
        with subprocess.Popen([sys.executable, "-c", script, port], stdout=subprocess.PIPE, env=environment) as parent:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            silent.settimeout(30)
            connection, _peer = silent.accept()
            with connection:
                parent.send_signal(number)
                parent.wait(10)
                assert connection.recv(1) == b""  # which is when the JVM is gone
    assert list(tmp_path.iterdir()) == []
    with contextlib.suppress(FileNotFoundError):
        assert "java" not in Path(f"/proc/{pid}/cmdline").read_text()
