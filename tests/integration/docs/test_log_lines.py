# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What JavaMail says of each failure, as it stands in the product's mail log, and the code of that failure."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import OUTCOMES
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store

from tests import doc_table
from tests.integration.smtp import bad_servers as bad
from tests.integration.smtp.bad_servers import BadServer, Peer, Script
from tests.mail_server import Certificate, authority, leaf
from tests.standin import Standin
from tests.standin.runner import free_port
from tests.standin.settings import Settings

PAGE = "troubleshooting.md"
OK, BYE = b"250 ok\r\n", b"221 bye\r\n"
USER = "user"
SECURITY: dict[str, dict[str, Any]] = {
    "plain": {},
    "starttls_required": {"useStartTls": True, "requireStartTls": True},
    "smtps": {"protocol": "SMTPS"},
}
# Which of them this JavaMail does not come to: it does not look at names, and the product writes to one recipient.
UNSEEN = {"tls_identity", "partly_refused"}


@dataclass(frozen=True)
class Failure:
    """A server, and the code that a probe or a test message gets of it. ``script`` None: there is none."""

    code: str
    script: Script | None
    security: str = "plain"
    host: str = "127.0.0.1"
    username: str = ""
    certificate: str = "good"


FAILURES = [
    Failure("unknown", bad.message(Peer.message, bad.closing)),
    Failure("dns", None, host="nowhere.invalid"),
    Failure("refused", None),
    Failure("timeout", bad.silent),
    Failure("timeout", bad.steps(Peer.anything, Peer.hang), "smtps"),
    Failure("dropped", bad.closing),
    Failure("dropped", bad.starttls(Peer.go, Peer.anything, bad.closing), "starttls_required"),
    Failure("not_smtp", bad.says(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    Failure("deferred", bad.says(b"421 4.3.2 Too busy\r\n")),
    Failure("deferred", bad.after_ehlo(b"451 4.3.0 Try again later\r\n", OK, BYE)),
    Failure("deferred", bad.after_ehlo(OK, b"450 4.2.0 Greylisted\r\n", OK, BYE)),
    Failure("rejected", bad.says(b"554 5.7.1 Your address is blocked\r\n")),
    Failure("rejected", bad.after_ehlo(OK, OK, b"554 5.3.4 Message too big\r\n", OK, BYE)),
    Failure("starttls_missing", bad.stripped, "starttls_required"),
    Failure("starttls_failed", bad.starttls(bad.then(b"454 4.7.0 TLS not available\r\n")), "starttls_required"),
    Failure("starttls_injection", bad.starttls(bad.then(b"220 go\r\n250 AUTH PLAIN\r\n")), "starttls_required"),
    Failure("tls_protocol", bad.says(b"220 hello\r\n"), "smtps"),
    Failure("tls_protocol", bad.steps(Peer.anything, bad.then(b"\x15\x03\x01\x00\x02\x02\x46")), "smtps"),
    Failure("tls_untrusted", bad.tls_then(bad.offers_auth), "starttls_required", certificate="unknown"),
    Failure("tls_untrusted", bad.tls_then(bad.offers_auth), "starttls_required", certificate="expired"),
    Failure("tls_untrusted", bad.steps(Peer.start_tls), "smtps", certificate="unknown"),
    Failure("auth_unsupported", bad.after_ehlo(auth=b"AUTH XOAUTH2"), username=USER),
    Failure("auth_failed", bad.after_ehlo(b"535 5.7.8 Bad credentials\r\n", auth=b"AUTH PLAIN"), username=USER),
    Failure("sender_refused", bad.after_ehlo(b"550 5.7.60 Not permitted to send as this sender\r\n", OK, BYE)),
    Failure("recipient_refused", bad.after_ehlo(OK, b"554 5.7.1 Relay access denied\r\n", OK, BYE)),
]


@pytest.fixture(scope="module")
def certificates() -> dict[str, Certificate]:
    root, here = authority(), {"sans": ["127.0.0.1"]}
    return {
        "root": root,
        "good": leaf(root, "127.0.0.1", **here),
        "unknown": leaf(authority("Other Root"), "127.0.0.1", **here),
        "expired": leaf(root, "127.0.0.1", **here, days=(-10, -1)),
    }


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, certificates: dict[str, Certificate]) -> Iterator[Standin]:
    if shutil.which("javac") is None or not Path("/usr/share/java/javax.mail.jar").exists():
        pytest.skip("there is no JDK or no JavaMail")
    folder = tmp_path_factory.mktemp("log_lines")
    store = folder / "cacerts"
    store.write_bytes(write_store([Entry("root", certificates["root"].der)], "jks"))
    with Standin(
        folder,
        Settings(connect_timeout=2.0, read_timeout=2.0),
        jvm_args=f"-Djavax.net.ssl.trustStore={store}",
    ) as product:
        yield product


def text_of(log: str) -> str:
    """The exception and its cause, of an entry of the log."""
    said = re.search(r"^(\S+(?:Exception|Error): .*?)(?:;\n  nested exception is:\n\t(.*?))?$", log, re.MULTILINE)
    assert said, log
    text = " <- ".join(part.strip() for part in said.groups() if part)
    # Newer versions of Java put the alert before the text.
    return re.sub(r"(SSL\w+: )\(\w+\) ", r"\1", text)


def fail(product: Standin, failure: Failure, certificates: dict[str, Certificate]) -> str:
    """Have the product send to such a server; returns what its log says, with HOST and PORT for these."""
    server = BadServer(failure.script or bad.closing, certificates[failure.certificate])
    seen = len(product.mail_log)
    with server:
        port = server.port if failure.script else free_port()
        settings = {
            **{"hostname": failure.host, "port": port, "protocol": "SMTP", "senderAddress": "bitbucket@example.com"},
            **{"useStartTls": False, "requireStartTls": False},
            **SECURITY[failure.security],
            **({"username": failure.username, "password": "secret phrase"} if failure.username else {}),
        }
        assert product.configure_mail(settings).status == 200
        assert product.create_user("jane", "jane@example.com").status == 204
        log = product.wait_for_mail_failure(seen)
        product.call("DELETE", "/rest/api/latest/admin/users", product.admin, query={"name": "jane"})
    return text_of(log).replace(failure.host, "HOST").replace(str(port), "PORT")


def test_the_page_has_a_line_of_each_failure(product: Standin, certificates: dict[str, Certificate]) -> None:
    codes: dict[str, list[str]] = {}
    for failure in FAILURES:
        codes.setdefault(fail(product, failure, certificates), []).append(failure.code)
    failing = {code for code, outcome in OUTCOMES.items() if not outcome.delivers} - {"delivered", "accepted"}
    assert {code for found in codes.values() for code in found} == failing - UNSEEN
    rows = [
        [f"`{line}`", ", ".join(f"[`{code}`](#{code})" for code in dict.fromkeys(found))]
        for line, found in sorted(codes.items(), key=lambda item: list(OUTCOMES).index(item[1][0]))
    ]
    table = doc_table.table(["in the log", "code"], rows)
    if doc_table.wanted():
        doc_table.write(PAGE, "log lines", table)
    assert doc_table.read(PAGE, "log lines") == table
