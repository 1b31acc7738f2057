# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a lab's certificates: ``python -m tests.lab.certificates FOLDER MAIL_HOST``.

A private CA (ca.pem, ca.key), and in the folder mail, which the mail server gets: one that the CA has signed
(ca_signed) and one that nobody has (self_signed), for the mail server's name.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.mail_server.certificates import Certificate, authority, leaf, self_signed

KEY = "rsa-2048"
DAYS = (-1, 60)


def write(certificate: Certificate, folder: Path, name: str) -> None:
    """The certificate and its key, which is for its owner alone."""
    key = folder / f"{name}.key"
    key.touch(mode=0o600)
    key.write_text(certificate.key_pem, "ascii")
    (folder / f"{name}.pem").write_text(certificate.pem, "ascii")


def main(folder: Path, mail_host: str) -> None:
    ca = authority("stash_mail lab CA", key_kind=KEY, days=DAYS)
    mail = folder / "mail"
    mail.mkdir(parents=True, exist_ok=True)
    write(leaf(ca, mail_host, key_kind=KEY, days=DAYS), mail, "ca_signed")
    write(self_signed(mail_host, key_kind=KEY, days=DAYS), mail, "self_signed")
    # Last, for it says that all are there.
    write(ca, folder, "ca")


if __name__ == "__main__":
    # The mail server's services are not all root.
    os.umask(0o022)
    main(Path(sys.argv[1]), sys.argv[2])
