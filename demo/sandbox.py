# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make sandbox``: a Bitbucket stand-in without mail and a mail server, for docs/tutorial.md.

They listen on loopback, on the ports that the tutorial names, and live in the folder ``sandbox`` of the checkout, with
an inventory that says where they are. Stopped by Ctrl-C or SIGTERM, both end and the folder is removed.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import threading
from pathlib import Path

import yaml

from demo.__main__ import ACCOUNT, ROOT, tell
from tests.imap_server import ImapServer
from tests.mail_server import MailServer, authority, leaf
from tests.standin import Standin
from tests.standin.settings import Settings

FOLDER = ROOT / "sandbox"
SMTP_PORT, IMAP_PORT, BITBUCKET_PORT = 5870, 1430, 7990
MAILBOX = "inbox"


def main() -> int:
    """Serve until a signal; returns 1, with a sentence, where something is in the way."""
    if problem := _problem():
        print(problem, file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    FOLDER.mkdir(mode=0o700)
    try:
        _serve(stop)
    finally:
        shutil.rmtree(FOLDER)
    return 0


def _serve(stop: threading.Event) -> None:
    passwords = {name: secrets.token_urlsafe(12) for name in (ACCOUNT, MAILBOX)}
    ca = authority("Sandbox CA")
    certificate = leaf(ca, "localhost", sans=["localhost", "127.0.0.1"], days=(-1, 365))
    chain, key = certificate.write(FOLDER)
    maildir = FOLDER / "Maildir"
    # A client that does not trust the certificate is a step of the tutorial, and no error of the server.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    product = Standin(FOLDER / "bitbucket")
    product.settings = Settings(port=BITBUCKET_PORT)
    with (
        MailServer(
            "starttls_required",
            maildir_path=maildir,
            port=SMTP_PORT,
            username=ACCOUNT,
            password=passwords[ACCOUNT],
            certificate=certificate,
            hostname="localhost",
        ),
        ImapServer(maildir, MAILBOX, passwords[MAILBOX], chain, key, port=IMAP_PORT),
        product as bitbucket,
    ):
        (FOLDER / "mail-ca.pem").write_text(ca.pem)
        _write_inventory(bitbucket, passwords)
        tell(f"Bitbucket, without mail settings:  {bitbucket.url}")
        print(f"    a mail server, STARTTLS required:  localhost:{SMTP_PORT}")
        print(f"    its mailboxes, over IMAP:          localhost:{IMAP_PORT}")
        print("    the CA of both:                    sandbox/mail-ca.pem")
        print("    an inventory of these:             sandbox/inventory")
        tell("Ready for docs/tutorial.md, in another terminal. Ctrl-C stops all of it and removes the folder sandbox.")
        stop.wait()
        tell("Stopping.")


def _problem() -> str:
    if FOLDER.exists():
        return "The folder sandbox is there already: remove it, or stop the sandbox that made it."
    for port in (SMTP_PORT, IMAP_PORT, BITBUCKET_PORT):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                return f"Port {port} of this machine is taken ({error.strerror}), and the tutorial needs it."
    return ""


def _write_inventory(bitbucket: Standin, passwords: dict[str, str]) -> None:
    """Where the sandbox differs from a host with Bitbucket, and the secrets."""
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "ansible_become": False,
        "stash_mail_bitbucket_install_dir": str(bitbucket.install_dir),
        "stash_mail_bitbucket_home": str(bitbucket.home),
        "stash_mail_bitbucket_service": "",
        "stash_mail_truststore_path": str(FOLDER / "cacerts"),
        # Without Java there is no bundle to start from.
        "stash_mail_truststore_base": "auto" if shutil.which("java") else "none",
        "stash_mail_password_state_path": str(FOLDER / "passwords.json"),
        "stash_mail_install_packages": False,
    }
    vault = {
        "vault_stash_mail_password": passwords[ACCOUNT],
        "vault_stash_mail_imap_password": passwords[MAILBOX],
        "vault_stash_mail_bitbucket_admin_password": bitbucket.sysadmin.password,
    }
    variables = FOLDER / "inventory" / "group_vars" / "bitbucket"
    variables.mkdir(parents=True)
    _write(FOLDER / "inventory" / "hosts.yml", {"bitbucket": {"hosts": {"sandbox": host}}})
    _write(variables / "vault.yml", vault)


def _write(path: Path, content: object) -> None:
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
