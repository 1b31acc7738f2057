# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A POP3 server over a Maildir, on loopback, as far as a mailbox is looked into: RFC 1939, 2449 and 2595."""

from __future__ import annotations

import hmac
import mailbox
from pathlib import Path

from tests.integration.smtp.bad_servers import BadServer, Peer
from tests.mail_server import Certificate


class Pop3Server(BadServer):
    """Serve ``maildir`` to ``username``, a context manager. ``busy`` logins are refused, ``-ERR [IN-USE]``."""

    def __init__(
        self,
        maildir: Path,
        username: str,
        password: str,
        certificate: Certificate,
        *,
        implicit_tls: bool = False,
        uidl: bool = True,
        login_delay: int = 0,
    ) -> None:
        super().__init__(self._session, certificate)
        self._maildir, self._username, self._password = maildir, username, password
        self._implicit_tls, self._uidl, self._login_delay = implicit_tls, uidl, login_delay
        self.logins = 0
        self.busy: set[int] = set()

    def _session(self, peer: Peer) -> None:
        if self._implicit_tls:
            peer.start_tls()
        peer.say(b"+OK ready\r\n")
        user, messages, encrypted = "", [], self._implicit_tls
        while True:
            verb, _space, rest = peer.line().decode().partition(" ")
            if verb == "STLS":
                peer.say(b"+OK go\r\n")
                peer.start_tls()
                encrypted = True
            elif verb == "USER":
                user = rest
                peer.say(b"+OK\r\n" if encrypted else b"-ERR TLS first\r\n")
            elif verb == "PASS":
                self.logins += 1
                right = hmac.compare_digest(rest, self._password) and user == self._username
                if self.logins in self.busy:
                    peer.say(b"-ERR [IN-USE] another session\r\n")
                    return
                peer.say(b"+OK\r\n" if right else b"-ERR wrong, you said " + rest.encode() + b"\r\n")
                if not right:
                    return
                messages = self._messages()
            elif verb == "CAPA":
                peer.say(b"+OK\r\nTOP\r\nSTLS\r\n" + b"LOGIN-DELAY %d\r\n" % self._login_delay + b".\r\n")
            elif verb == "STAT":
                peer.say(b"+OK %d %d\r\n" % (len(messages), sum(len(text) for _name, text in messages)))
            elif verb == "UIDL" and self._uidl:
                peer.say(f"+OK {rest} {messages[int(rest) - 1][0]}\r\n".encode())
            elif verb == "TOP":
                number, lines = (int(word) for word in rest.split())
                head, _blank, body = messages[number - 1][1].partition(b"\n\n")
                text = [*head.splitlines(), b"", *body.splitlines()[:lines]]
                stuffed = [b"." + line if line.startswith(b".") else line for line in text]
                peer.say(b"+OK\r\n" + b"\r\n".join(stuffed) + b"\r\n.\r\n")
            elif verb == "QUIT":
                peer.say(b"+OK bye\r\n")
                return
            else:
                peer.say(b"-ERR unknown\r\n")

    def _messages(self) -> list[tuple[str, bytes]]:
        """The messages, the oldest first, each with its unique name."""
        mailbox.Maildir(self._maildir, create=True)
        files = sorted(self._maildir.glob("new/*"), key=lambda path: path.stat().st_mtime_ns)
        return [(path.name, path.read_bytes()) for path in files]
