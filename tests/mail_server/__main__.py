# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.mail_server``: the test mail server as a process of its own, for the demo.

It stops at SIGTERM or SIGINT, or by itself after ``--seconds``. The password comes from a file or from the environment
variable ``STASH_MAIL_SERVER_PASSWORD``, never from the command line, where every user of the machine could read it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import threading
from pathlib import Path

from tests.mail_server import MODES, MailServer, authority, leaf, self_signed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mail_server", description=(__doc__ or "").strip())
    parser.add_argument("--mode", choices=MODES, default="starttls_required")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="default: any free port")
    parser.add_argument("--maildir", type=Path, required=True, help="where messages go, made if missing")
    parser.add_argument("--username", default="", help="want AUTH with this user")
    parser.add_argument("--password-file", type=Path, help="file whose first line is the password")
    parser.add_argument(
        "--san", action="append", default=[], help="DNS name or IP address in the certificate, repeatable"
    )
    parser.add_argument(
        "--ca", action="store_true", help="have the certificate issued by a private CA, not self-signed"
    )
    parser.add_argument("--certificate-out", type=Path, help="write here what a client has to trust, in PEM")
    parser.add_argument("--ready-file", type=Path, help="write {pid, host, port} here once listening, as JSON")
    parser.add_argument("--seconds", type=float, default=3600.0, help="stop after this time (default: %(default)g)")
    return parser.parse_args()


def main() -> None:
    """Run the server until a signal or the end of its time."""
    arguments = _arguments()
    password = os.environ.pop("STASH_MAIL_SERVER_PASSWORD", "")
    if arguments.password_file:
        password = arguments.password_file.read_text().splitlines()[0]
    names = arguments.san or ["127.0.0.1", "localhost"]
    root = authority() if arguments.ca else None
    certificate = leaf(root, names[0], sans=names) if root else self_signed(*names)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            MailServer(
                arguments.mode,
                maildir_path=arguments.maildir,
                host=arguments.host,
                port=arguments.port,
                username=arguments.username,
                password=password,
                certificate=certificate,
            )
        )
        ready: dict[str, object] = {"pid": os.getpid(), "host": server.host, "port": server.port}
        if arguments.certificate_out:
            arguments.certificate_out.write_text((root or certificate).pem)
        if arguments.ready_file:
            temporary = arguments.ready_file.with_suffix(".tmp")
            temporary.write_text(json.dumps(ready))
            temporary.rename(arguments.ready_file)
        print(json.dumps(ready), flush=True)
        stop.wait(arguments.seconds)


if __name__ == "__main__":
    main()
