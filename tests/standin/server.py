# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that serves REST: the child of the JVM, or alone where there is none."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from .api import Api
from .httpd import Server
from .mailer import JvmTransport, Mailer, Transport, take_pipe
from .pysend import PythonTransport
from .settings import Settings
from .store import Store
from .users import Users

_FORMAT = "%(asctime)s %(levelname)s [%(threadName)s] %(name)s %(message)s"


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM, SIGINT or the end of the JVM; returns the exit status."""
    parser = argparse.ArgumentParser(prog="standin", description=__doc__)
    parser.add_argument("--install-dir", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--mailer", choices=("jvm", "python"), required=True)
    parser.add_argument("jvm_arguments", nargs="*", help="for --mailer python: what the JVM would have got")
    options = parser.parse_args(arguments)
    os.umask(0o027)
    settings = Settings.load(options.install_dir, options.home)
    configure_logs(settings, options.home)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())

    transport: Transport
    if options.mailer == "jvm":
        requests, answers = take_pipe()
        transport = JvmTransport(requests, answers, on_end=stopping.set)
    else:
        transport = PythonTransport(options.jvm_arguments, settings.project_root)
    store = Store(options.home, Path(settings.database) if settings.database else None)
    mailer = Mailer(settings, store, transport)
    try:
        server = Server(settings, Api(settings, store, Users(settings, store, mailer.notify)))
    except OSError as exception:
        print(f"Cannot serve {settings.url}: {exception}", file=sys.stderr)
        return 1
    threading.Thread(target=server.serve_forever, name="http", kwargs={"poll_interval": 0.1}, daemon=True).start()
    logging.getLogger("standin").info("listening at %s", settings.url)
    stopping.wait()
    server.finish()
    mailer.close()
    return 0


def configure_logs(settings: Settings, home: Path) -> None:
    """The two logs in ``<home>/log``: everything in one, what became of mails in the other."""
    name = settings.product.name
    for logger, file in (("standin", f"atlassian-{name}.log"), ("standin.mail", f"atlassian-{name}-mail.log")):
        handler = logging.FileHandler(home / "log" / file, encoding="utf-8")
        handler.setFormatter(logging.Formatter(_FORMAT))
        logging.getLogger(logger).addHandler(handler)
    logging.getLogger("standin").setLevel(logging.INFO)
    logging.getLogger("standin.mail").propagate = False
