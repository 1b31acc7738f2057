# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make demo``: provision a Bitbucket stand-in's mail through the real playbook, and show what was delivered.

Everything listens on loopback, lives in one temporary folder, and is gone at the end: a mail server that wants
STARTTLS and a password and presents a self-signed certificate, its mailbox over IMAP, and the Bitbucket stand-in,
whose mail goes through a JVM with JavaMail where these are installed.
"""

from __future__ import annotations

import json
import mailbox
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from email.message import Message
from pathlib import Path
from typing import NoReturn

from tests.imap_server import ImapServer
from tests.mail_server import MailServer, self_signed
from tests.standin import Standin

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "bitbucket"
SENDER = "bitbucket@example.com"
RECIPIENT = "inbox@example.com"
SHOWN_HEADERS = ("Return-Path", "Delivered-To", "From", "To", "Subject", "Date", "Message-ID", "X-Mailer", "Received")


def main() -> int:
    """Run the demo and return the playbook's exit code, which is not 0 where a message did not arrive."""
    signal.signal(signal.SIGTERM, _end)
    password = secrets.token_urlsafe(16)
    certificate = self_signed("localhost", "127.0.0.1", days=(-1, 365))
    with tempfile.TemporaryDirectory(prefix="stash_mail_demo_") as name:
        folder = Path(name)
        chain, key = certificate.write(folder)
        maildir = folder / "Maildir"
        with (
            MailServer(
                "starttls_required",
                maildir_path=maildir,
                username=ACCOUNT,
                password=password,
                certificate=certificate,
                hostname="localhost",
            ) as smtp,
            ImapServer(maildir, ACCOUNT, password, chain, key) as imap,
            Standin(_made(folder / "bitbucket")) as bitbucket,
        ):
            tell(f"A mail server on localhost:{smtp.port} (STARTTLS required, self-signed certificate, password)")
            tell(f"and a Bitbucket stand-in on {bitbucket.url} without mail settings. {bitbucket.start_output.strip()}")
            settings = {
                "stash_mail_host": "localhost",
                "stash_mail_port": smtp.port,
                "stash_mail_security": "starttls_required",
                "stash_mail_username": ACCOUNT,
                "stash_mail_password": password,
                "stash_mail_sender": SENDER,
                "stash_mail_certificates": [{"pem": certificate.pem}],
                "stash_mail_bitbucket_url": bitbucket.url,
                "stash_mail_bitbucket_admin_user": bitbucket.sysadmin.name,
                "stash_mail_bitbucket_admin_password": bitbucket.sysadmin.password,
                "stash_mail_bitbucket_install_dir": str(bitbucket.install_dir),
                "stash_mail_bitbucket_home": str(bitbucket.home),
                "stash_mail_bitbucket_service": "",
                "stash_mail_truststore_path": str(folder / "cacerts"),
                # Without Java there is no bundle to start from.
                "stash_mail_truststore_base": "auto" if shutil.which("java") else "none",
                "stash_mail_password_state_path": str(folder / "passwords.json"),
                "stash_mail_install_packages": False,
                "stash_mail_recipient": RECIPIENT,
                "stash_mail_verify_notification": True,
                "stash_mail_imap": {
                    "host": "localhost",
                    "port": imap.port,
                    "security": "starttls",
                    "username": ACCOUNT,
                    "password": password,
                },
            }
            code = provision(folder, settings)
            if code:
                return code
            tell("The same again: nothing is left to change.")
            code = provision(folder, settings)
            if code:
                return code
            tell("In the mailbox, from each run: the test message, and the one that Bitbucket itself sent:")
            messages: list[Message] = sorted(mailbox.Maildir(maildir), key=lambda message: str(message["Date"]))
            for message in messages:
                show(message)
            tell("What the process that sent Bitbucket's runs with, and what its mail log says:")
            print(f"    {' '.join(truststore_arguments(bitbucket.pid))}\n    {bitbucket.mail_log or 'no failure'}")
            tell(f"{len(messages)} messages delivered. Everything is stopped and removed.")
    return 0


def provision(folder: Path, settings: dict[str, object]) -> int:
    """Run ``playbooks/provision.yml`` on this machine with ``settings`` and return its exit code."""
    variables = folder / "settings.json"
    variables.touch(mode=0o600)  # it holds the passwords, which the command line must not
    variables.write_text(json.dumps(settings))
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        *("--inventory", str(ROOT / "demo" / "inventory.yml")),
        *("--extra-vars", f"@{variables}"),
        *("--diff", str(ROOT / "playbooks" / "provision.yml")),
    ]
    print(f"\n$ ansible-playbook --diff {' '.join(command[-1:])}".replace(f"{ROOT}/", ""), flush=True)
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        # Nothing is left in the user's home, who need not even have one.
        "ANSIBLE_REMOTE_TEMP": str(folder / "ansible"),
        "ANSIBLE_HOME": str(folder / "ansible"),
        # What Ansible's processes have in common, which nobody removes where they are ended.
        "TMPDIR": str(folder),
    }
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, cwd=ROOT) as playbook:
        try:
            return playbook.wait()
        except BaseException:
            playbook.terminate()  # and wait for it, since its modules end with it
            raise


def truststore_arguments(pid: int) -> list[str]:
    """The program and the truststore arguments of a process, as they are in force."""
    program, *arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
    return [program, *(argument for argument in arguments if argument.startswith("-Djavax.net.ssl."))]


def show(message: Message) -> None:
    """Print the headers of a delivered message that say where it came from."""
    print()
    for header in SHOWN_HEADERS:
        for value in message.get_all(header, []):
            print(f"    {header}: {value}")


def tell(text: str) -> None:
    """Print what comes next, apart from what the tools print."""
    print(f"\n==> {text}", flush=True)


def _end(number: int, frame: object) -> NoReturn:
    """Have what was started end and be removed, as at the demo's own end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # make sends one, and a terminal's end another
    sys.exit(128 + number)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
