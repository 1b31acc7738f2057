# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMTP and TLS parts on every Python that a target may have: the standard library's ssl differs between them."""

from __future__ import annotations

import contextlib
import json
import mailbox
import subprocess
from pathlib import Path

import pytest

from tests.imap_server import ImapServer
from tests.integration.smtp.pop3_server import Pop3Server
from tests.mail_server import MailServer, authority, leaf, self_signed
from tests.pythons.interpreters import TARGET_VERSIONS, interpreter

ROOT = Path(__file__).resolve().parents[2]
DRIVER = """
import base64, json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.stashops.mail.plugins.module_utils._net.connection import Connection
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._smtp.session import Session
from ansible_collections.stashops.mail.plugins.module_utils._smtp.tls import fetch_chain, start_tls
port, security = int(sys.argv[2]), sys.argv[3]
chain = fetch_chain("127.0.0.1", port, security, 20.0)
session = Session(Connection("127.0.0.1", port, Deadline(20)))
if security == "smtps":
    start_tls(session)
session.read_banner()
session.hello()
if security != "smtps":
    session.starttls()
    start_tls(session)
    session.hello()
session.authenticate("user", sys.stdin.read(), session.javamail_mechanism())
session.mail_from("a@example.com")
session.rcpt_to("b@example.com")
session.data(b"Subject: hello\\r\\n\\r\\nbody\\r\\n")
session.quit_quietly()
encoded = [base64.b64encode(der).decode() for der in chain.certificates]
print(json.dumps({"chain": encoded, "complete": chain.complete, "transcript": session.transcript.lines}))
"""
MAILBOX_DRIVER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.base import Account
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.options import open_mailbox
account = Account("127.0.0.1", int(sys.argv[2]), "starttls", "ops", "secret phrase",
                  trusted=[bytes.fromhex(sys.argv[4])], protocol=sys.argv[3])
with open_mailbox(account, Deadline(20)) as mailbox:
    mailbox.mark()
    print("open", flush=True)
    sys.stdin.readline()
    found = mailbox.wait(lambda: next(iter(mailbox.new()), None))
    # Over POP3 a message is new once only.
    print(json.dumps([sys.argv[3] == "pop3" or mailbox.wait_for("<1@x>") is not None, found["Subject"]]))
"""


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
@pytest.mark.parametrize("version", TARGET_VERSIONS)
def test_mailbox(version: str, protocol: str, tmp_path: Path) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    certificate = self_signed("127.0.0.1")
    maildir = tmp_path / "Maildir"
    box = mailbox.Maildir(maildir)
    box.add("Subject: old\n\nold\n")
    with contextlib.ExitStack() as stack:
        if protocol == "pop3":
            port = stack.enter_context(Pop3Server(maildir, "ops", "secret phrase", certificate)).port
        else:
            port = stack.enter_context(ImapServer(maildir, "ops", "secret phrase", *certificate.write(tmp_path))).port
        command = [python, "-I", "-S", "-c", MAILBOX_DRIVER, str(ROOT / "collections"), str(port), protocol]
        process = stack.enter_context(
            subprocess.Popen(
                [*command, certificate.der.hex()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        box.add("Subject: new\nMessage-ID: <1@x>\n\nnew\n")
        said, _nothing = process.communicate("\n", timeout=60)
    assert json.loads(said) == [True, "new"]


@pytest.mark.parametrize("security", ["starttls_required", "smtps"])
@pytest.mark.parametrize("version", TARGET_VERSIONS)
def test_conversation(version: str, security: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    certificate = leaf(authority("Intermediate", issuer=authority()), "127.0.0.1", sans=["127.0.0.1"])
    with MailServer(security, username="user", password="secret phrase", certificate=certificate) as server:
        done = subprocess.run(
            [python, "-I", "-S", "-c", DRIVER, str(ROOT / "collections"), str(server.port), security],
            input="secret phrase",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert len(server.messages) == 1
        assert server.auth_attempts == [True]
    found = json.loads(done.stdout)
    assert found["complete"] is True
    assert len(found["chain"]) == 2
    assert found["transcript"][-1].startswith("S: 221")
    assert "secret phrase" not in done.stdout + done.stderr
