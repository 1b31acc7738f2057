# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Java in a container, asked from outside through the container's engine."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.start import JavaBehind
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._smtp.conversation import Conversation, Settings
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store
from ansible_collections.stashops.mail.plugins.module_utils._verdict.anchors import read_anchors
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import Jvm, Setup

from tests.jvm import images
from tests.mail_server import MailServer, authority, leaf

pytestmark = [
    pytest.mark.skipif(bool(images.missing_images()), reason=images.missing_images() or "-"),
    pytest.mark.timeout(images.BUILD_SECONDS + 300),
]
ROOT = authority()
SERVER = leaf(ROOT, "127.0.0.1", sans=["127.0.0.1"])
ACCOUNT = "nobody"
DEADLINE = 60.0


@pytest.fixture(scope="module")
def behind() -> Iterator[list[str]]:
    """A container with Java, on this machine's network, and the command that leads into it."""
    os.environ["CONTAINERS_CONF"] = str(images.CONTAINERS_CONF)
    name = f"stash_mail_behind_{uuid.uuid4().hex[:8]}"
    tag = images.build_images()["java21"]
    start = ["podman", "run", "--detach", "--rm", "--network", "host", "--name", name, tag, "sleep", "600"]
    subprocess.run(start, check=True, capture_output=True, timeout=120)
    yield ["podman", "exec", "-i", "--user", ACCOUNT, name]
    subprocess.run(["podman", "rm", "--force", "--time", "0", name], check=True, capture_output=True, timeout=120)


def inside(behind: list[str], *command: str, data: bytes = b"") -> bytes:
    return subprocess.run([*behind, *command], input=data, check=True, capture_output=True, timeout=60).stdout


@pytest.mark.parametrize("where", ["in place", "in memory", "not there"])
def test_its_verdict(where: str, behind: list[str]) -> None:
    data = write_store([Entry("root", ROOT.der)], "jks")
    path = f"/tmp/{where.replace(' ', '_')}"
    if where == "in place":
        inside(behind, "sh", "-c", f"cat > {path}", data=data)
    planned = read_anchors(data, None, path, "planned") if where == "in memory" else None
    with MailServer("starttls_required", certificate=SERVER) as server:
        settings = Settings("127.0.0.1", server.port, server.mode, truststore=path, method="jvm", behind=behind)
        conversation = Conversation(settings._replace(planned=planned), Deadline(DEADLINE))
        failure = conversation.attempt()
    jvm = conversation.facts["jvm"]
    assert (failure is None, jvm["trusted"], jvm["method"]) == (where != "not there", where != "not there", "jvm")
    assert jvm["method_reason"].startswith("Java 21.")
    assert "podman exec" in jvm["method_reason"]
    # Missing, it is the JVM's own bundle there that counts.
    assert jvm["truststore"].endswith("/lib/security/cacerts" if where == "not there" else path)


def test_nothing_is_left_there(behind: list[str]) -> None:
    with Jvm(Setup(behind=behind)) as jvm:
        jvm.greet("127.0.0.1", Deadline(DEADLINE))
        left = inside(behind, "sh", "-c", "ls -d /dev/shm/stash_mail.*").decode().split()
        assert len(left) == 1
    inside(behind, "sh", "-c", f"until [ ! -e {left[0]} ]; do sleep 0.1; done")


def test_a_container_that_is_not_there(behind: list[str]) -> None:
    command = [*behind[:-1], f"{behind[-1]}-not"]
    with pytest.raises(StashMailError, match=r"No Java was found behind podman exec .*no such container"):
        JavaBehind(command, None).home()


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(StashMailError, match="no-such-engine cannot be run"):
        JavaBehind(["no-such-engine", "exec"], None).home()
