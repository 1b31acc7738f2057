# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test mail server as a process of its own, as the demo runs it."""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.mail_server import MODES

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("mode", MODES)
def test_process(mode: str, tmp_path: Path) -> None:
    ready, certificate, maildir = tmp_path / "ready.json", tmp_path / "ca.pem", tmp_path / "Maildir"
    options = ["--mode", mode, "--maildir", str(maildir), "--username", "u", "--ca", "--seconds", "60"]
    options += ["--ready-file", str(ready), "--certificate-out", str(certificate)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.mail_server", *options],
        cwd=ROOT,
        env={**os.environ, "STASH_MAIL_SERVER_PASSWORD": "secret phrase"},
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not ready.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        port = json.loads(ready.read_text())["port"]
        context = ssl.create_default_context(cafile=str(certificate))
        client: smtplib.SMTP
        if mode == "smtps":
            client = smtplib.SMTP_SSL("127.0.0.1", port, context=context, timeout=10)
        else:
            client = smtplib.SMTP("127.0.0.1", port, timeout=10)
        with client:
            if mode.startswith("starttls"):
                client.starttls(context=context)
            client.login("u", "secret phrase")
            client.sendmail("a@example.com", ["b@example.com"], "Subject: hello\r\n\r\nbody\r\n")
    finally:
        process.terminate()
        assert process.wait(10) == 0
    (message,) = (maildir / "new").iterdir()
    assert "Subject: hello" in message.read_text()


def test_required_means_required() -> None:
    from tests.mail_server import MailServer

    with MailServer("starttls_required") as server, smtplib.SMTP("127.0.0.1", server.port, timeout=10) as client:
        client.ehlo()
        code, _text = client.mail("a@example.com")
    assert code == 530


def test_unknown_mode() -> None:
    from tests.mail_server import MailServer

    with pytest.raises(ValueError, match="none of plain"):
        MailServer("tls")
