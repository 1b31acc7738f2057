# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of a Bitbucket in a container behind converge and idempotence, and once it is taken back."""

from __future__ import annotations

from typing import Any, ClassVar

from testinfra.host import Host

from tests.lab.lab import INSTALL, MAIL_LOG, SUBJECT, Lab
from tests.lab.nodes import sha256
from tests.lab.provisioned import OWN_CACERTS, fingerprints
from tests.lab.runs import Run, Runs

SETTINGS: dict[str, Any] = {
    "port": 587,
    "protocol": "SMTP",
    "useStartTls": True,
    "requireStartTls": True,
    "username": "bitbucket@stashops.test",
}
FOLDER = "/srv/bitbucket"


def inside(host: Host, container: str, command: str) -> str:
    """Run a shell's command in the product's container, as its account."""
    return str(host.check_output("podman exec --user atlbitbucket %s sh -c %s", container, command))


def jvm_arguments(host: Host, container: str) -> list[str]:
    """Those of the running JVM."""
    return inside(host, container, "tr '\\0' '\\n' </proc/$(pgrep -x java)/cmdline").splitlines()


def asked_inside(run: Run, container: str) -> bool:
    """Whether the container's own Java has judged the mail server in a run."""
    return "method: jvm" in run.output and f"behind podman exec -i --user atlbitbucket {container}" in run.shown


class Contained:
    """A scenario's tests, which build on one another; a subclass says what is wanted.

    ``container`` is the product's name on its host, ``truststore`` the managed file in there, ``kept`` the arguments
    that the JVM has of the site, ``written`` the files that the role makes on the host, and ``volume`` the name of the
    one that the product keeps its settings in.
    """

    container: ClassVar[str]
    truststore: ClassVar[str]
    kept: ClassVar[tuple[str, ...]]
    written: ClassVar[tuple[str, ...]]
    volume: ClassVar[str]

    def given(self, host: Host) -> list[str]:
        """The JVM's arguments of the site and of the role, in their order."""
        found = jvm_arguments(host, self.container)
        return [word for word in found if word in self.kept or word.startswith("-Djavax.net.ssl.")]

    def test_mail_server_settings(self, lab: Lab) -> None:
        assert lab.mail_server() == {"hostname": lab.mail_host, "senderAddress": lab.sender} | SETTINGS

    def test_running_jvm(self, bitbucket: Host) -> None:
        assert self.given(bitbucket) == [*self.kept, f"-Djavax.net.ssl.trustStore={self.truststore}"]

    def test_truststore(self, lab: Lab, bitbucket: Host) -> None:
        """As the container has it."""
        keytool = f"podman exec {self.container} keytool"
        own = fingerprints(bitbucket, f"{INSTALL}/{OWN_CACERTS}", keytool)
        assert fingerprints(bitbucket, self.truststore, keytool) == own + sha256(lab, "ca")

    def test_messages_of_the_role(self, lab: Lab) -> None:
        """One for converge, and one for idempotence."""
        found = lab.find("SUBJECT", SUBJECT, wanted=2)
        assert len(found) == 2
        assert all("with ESMTPSA id" in message for message in found), found[0]

    def test_message_of_bitbucket(self, lab: Lab, bitbucket: Host) -> None:
        """Real JavaMail in the JVM in the container accepts the mail server."""
        lab.create_user("colleague-inside")
        messages = lab.find("BODY", "An account named colleague-inside was created")
        lab.delete_user("colleague-inside")
        assert len(messages) == 1, inside(bitbucket, self.container, f"cat {MAIL_LOG}")
        assert "with ESMTPSA id" in messages[0]

    def test_no_password_in_files(self, lab: Lab) -> None:
        """Nowhere on the host but where the product keeps it."""
        store = f"/var/lib/containers/storage/volumes/{self.volume}/_data/standin-state.json"
        assert lab.files_with([lab.password("sender")], "bitbucket") == [store]

    def test_way_back(self, lab: Lab, bitbucket: Host, runs: Runs) -> None:
        assert all(bitbucket.file(path).exists for path in self.written)
        run = runs("--diff", state="absent")
        assert run.code == 0, run.evidence
        assert lab.mail_server() is None
        assert self.given(bitbucket) == [*self.kept]
        assert not [path for path in self.written if bitbucket.file(path).exists]
        assert lab.files_with([lab.password("sender")], "bitbucket") == []
        # The site's own files.
        script = "cd /usr/local/src/scenario && for file in *; do cmp $file %s/$file || exit; done"
        assert bitbucket.run(script, FOLDER).rc == 0
