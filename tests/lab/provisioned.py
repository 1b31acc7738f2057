# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of Bitbucket behind converge, idempotence and check, in every scenario."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections import Counter
from typing import Any, ClassVar

import pytest
from testinfra.host import Host

from tests.lab.lab import (
    DROP_IN,
    FINGERPRINTS,
    HOME,
    INSTALL,
    MAIL_ACCOUNTS,
    MAIL_LOG,
    SERVICE,
    STORES,
    SUBJECT,
    TRUSTSTORE,
    Lab,
)

# What a container's first start and its mounts write.
OF_THE_LAB = {"/etc/.pwd.lock", "/etc/machine-id", "/etc/lab/ca.pem", "/var/lib/dbus/machine-id"}
OWN_CACERTS = "jre/lib/security/cacerts"
ARGUMENT = f"-Djavax.net.ssl.trustStore={TRUSTSTORE}"


def fingerprints(host: Host, truststore: str, keytool: str = "keytool") -> Counter[str]:
    """SHA-256 of each entry, by the JVM's own keytool."""
    listing = host.check_output(f"{keytool} -J-XX:TieredStopAtLevel=1 -list -keystore {truststore} -storepass changeit")
    found = Counter(line.replace(":", "").lower() for line in re.findall(r"\(SHA-256\): ([0-9A-F:]+)", listing))
    said = re.search(r"contains (\d+) entr", listing)
    assert said
    assert found.total() == int(said.group(1))
    return found


class Provisioned:
    """A scenario's tests; a subclass says what is wanted.

    ``settings`` is what REST returns, ``anchors`` are the certificates of the lab that the truststore has beside the
    JVM's own, ``received`` is what the mail server calls a message's way in, ``messages`` is how many real runs of the
    role there were, ``install`` is where the product is, and ``node`` its container, one of ``nodes`` that send.
    """

    settings: ClassVar[dict[str, Any]]
    anchors: ClassVar[tuple[str, ...]] = ()
    received: ClassVar[str]
    messages: ClassVar[int] = 2
    install: ClassVar[str] = INSTALL
    node: ClassVar[str] = "bitbucket"
    nodes: ClassVar[int] = 1

    @pytest.fixture
    def bitbucket(self, lab: Lab) -> Host:
        return lab.host(self.node)

    def test_mail_server_settings(self, lab: Lab) -> None:
        common = {"hostname": lab.mail_host, "senderAddress": lab.sender}
        assert lab.mail_server(self.node) == common | self.settings

    def test_truststore(self, lab: Lab, bitbucket: Host) -> None:
        file = bitbucket.file(TRUSTSTORE)
        if not self.anchors:
            assert not file.exists
            return
        assert (file.user, file.group, file.mode) == ("root", "root", 0o644)
        ders = [ssl.PEM_cert_to_DER_cert(lab.certificate(name)) for name in self.anchors]
        ours = Counter(hashlib.sha256(der).hexdigest() for der in ders)
        assert fingerprints(bitbucket, TRUSTSTORE) == fingerprints(bitbucket, f"{self.install}/{OWN_CACERTS}") + ours

    def test_drop_in(self, bitbucket: Host) -> None:
        file = bitbucket.file(DROP_IN)
        if not self.anchors:
            assert not file.exists
            return
        assert (file.user, file.group, file.mode) == ("root", "root", 0o644)
        assert file.content_string.splitlines()[1:] == [
            "[Service]",
            f'Environment="JVM_SUPPORT_RECOMMENDED_ARGS={ARGUMENT}"',
        ]
        assert bitbucket.check_output(f"systemctl show {SERVICE} --property NeedDaemonReload --value") == "no"

    def test_nothing_else_was_written(self, lab: Lab, bitbucket: Host) -> None:
        watched = ("/etc/", "/opt/", "/usr/", "/var/lib/")
        written = {path for path in lab.written_files(self.node) if path.startswith(watched)}
        # The JVM's own bundle, wherever its links lead to, is as the image has it.
        assert bitbucket.file(f"{self.install}/{OWN_CACERTS}").linked_to not in written
        wanted = {TRUSTSTORE, DROP_IN} if self.anchors else set()
        assert written - OF_THE_LAB == wanted | ({FINGERPRINTS} if "username" in self.settings else set())

    def test_fingerprints_file(self, bitbucket: Host) -> None:
        file = bitbucket.file(FINGERPRINTS)
        assert file.exists == ("username" in self.settings)
        assert not file.exists or (file.user, file.mode) == ("root", 0o600)

    def test_running_jvm(self, lab: Lab, bitbucket: Host) -> None:
        arguments = lab.jvm_arguments(self.node)
        found = [argument for argument in arguments if argument.startswith("-Djavax.net.ssl.")]
        assert found == ([ARGUMENT] if self.anchors else [])
        pid = bitbucket.file(f"{HOME}/log/bitbucket.pid").content_string.strip()
        assert bitbucket.process.get(pid=pid).user == "atlbitbucket"

    def test_restarts(self, bitbucket: Host) -> None:
        """Started at boot, and once more where there is a truststore: idempotence and check restart nothing."""
        journal = bitbucket.check_output(f"journalctl --boot --no-pager --output cat --unit {SERVICE}")
        started = [line for line in journal.splitlines() if line.startswith(f"Started {SERVICE}.service")]
        assert len(started) == (2 if self.anchors else 1), journal

    def test_messages_of_the_role(self, lab: Lab) -> None:
        """One for each real run, such as converge and idempotence, and none for the check."""
        found = lab.find("SUBJECT", SUBJECT, wanted=self.nodes * self.messages)
        # Each is told apart by the host that the mail server has it from.
        messages = [message for message in found if self.nodes == 1 or f"{self.node}.stashops.test" in message]
        assert len(messages) == self.messages
        assert all(self.received in message for message in messages), messages[0]

    def test_message_of_bitbucket(self, lab: Lab, bitbucket: Host) -> None:
        """Real JavaMail in the running JVM accepts the mail server."""
        name = f"colleague-{type(self).__name__.lower()}"
        lab.create_user(name, self.node)
        try:
            messages = lab.find("BODY", f"An account named {name} was created")
            mail_log = bitbucket.file(MAIL_LOG).content_string
        finally:
            lab.delete_user(name, self.node)
        assert len(messages) == 1, mail_log
        assert f"From: Bitbucket <{lab.sender}>" in messages[0]
        assert self.received in messages[0]
        assert mail_log == ""

    def test_no_password_in_files_and_logs(self, lab: Lab) -> None:
        """Nowhere but in the accounts of the lab, and where the product keeps the mail password."""
        passwords = lab.passwords()
        stores = STORES if "username" in self.settings else STORES[1:]
        assert lab.files_with(passwords, self.node) == sorted(stores)
        assert lab.files_with(passwords, "mail") == [MAIL_ACCOUNTS]
        assert lab.journals_with(passwords, self.node) == []
