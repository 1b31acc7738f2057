# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that misbehave, against probe and send: each run ends in time and in bounds, with one outcome, and tells no
secret. What was measured is in ``docs/bad-servers.md``.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import platform
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._net.outcome import OUTCOMES
from ansible_collections.stashops.mail.plugins.module_utils._smtp.argument_specs import PROBE
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, write_store

from tests import doc_table
from tests.ansible_module import INVOCATION
from tests.integration.smtp import bad_servers as bad
from tests.integration.smtp.bad_cases import Case, catalogue
from tests.integration.smtp.bad_servers import BadServer, Peer
from tests.integration.smtp.measured import Worker
from tests.mail_server import Certificate, MailServer, authority, leaf

PASSWORD = "correct horse battery"
ENCODED = [base64.b64encode(text.encode()).decode() for text in (PASSWORD, f"\0user\0{PASSWORD}")]
# What comes on top of the deadline: a busy machine, the process.
SLACK = 1.5
# Beyond what a run with a good server takes. The floods are of 3 MB and of as much as comes until the deadline.
MAX_MORE_KB = 3000
PAGE, TABLE, FOOT = "bad-servers.md", "bad servers", "measured"
CASES = catalogue()
WORKERS = 5


@dataclass
class Run:
    """What one run gave, and what its server got."""

    result: dict[str, Any]
    seconds: float
    peak_kb: int
    received: bytes
    connections: int
    message: str


@dataclass
class Lab:
    """Truststore and certificates."""

    truststore: str
    certificates: dict[str, Certificate]

    def options(self, case: Case, port: int) -> dict[str, Any]:
        options: dict[str, Any] = {
            **INVOCATION,
            "host": "127.0.0.1",
            "port": port,
            "security": case.security,
            "deadline": case.deadline,
        }
        # OpenSSL judges: a JVM for each of these would take minutes.
        options |= {"sender": "bitbucket@example.com", "truststore": self.truststore, "java_home": "/nonexistent"}
        return options | ({"username": case.username, "password": PASSWORD} if case.username else {})


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    root = authority()
    path: Path = tmp_path_factory.mktemp("store") / "cacerts"
    path.write_bytes(write_store([Entry("root", root.der)], "jks"))
    here = {"sans": ["127.0.0.1"]}
    return Lab(
        str(path),
        {
            "good": leaf(root, "127.0.0.1", **here),
            "unknown": leaf(authority("Other Root"), "127.0.0.1", **here),
            "expired": leaf(root, "127.0.0.1", **here, days=(-10, -1)),
            "other_name": leaf(root, "other.example.com"),
        },
    )


def run_case(case: Case, module: str, lab: Lab, worker: Worker) -> Run:
    with BadServer(case.script, lab.certificates[case.certificate]) as server:
        options = lab.options(case, server.port)
        if module == "stash_mail_send":
            options["recipient"] = list(case.recipients)
        else:
            options["recipient"] = case.recipients[0]
            if "method" in PROBE:
                options["method"] = "openssl"
        found = worker.run(module, options)
    result = found["result"]
    return Run(result, found["seconds"], found["peak_kb"], server.received, len(server.peers), result.get("msg", ""))


@pytest.fixture(scope="module")
def runs(lab: Lab) -> Iterator[dict[tuple[str, str], Future[Run]]]:
    """All runs, some at a time, since most of them wait."""
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker()) for _ in range(WORKERS)]
        pool = stack.enter_context(ThreadPoolExecutor(WORKERS))
        free = list(workers)

        def run(case: Case, module: str) -> Run:
            worker = free.pop()
            try:
                return run_case(case, module, lab, worker)
            finally:
                free.append(worker)

        yield {
            (case.identifier, module): pool.submit(run, case, module)
            for case in CASES
            for module in ("stash_mail_probe", "stash_mail_send")
        }
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def good_kb(lab: Lab) -> int:
    """The memory of a run with nothing bad in it."""
    with Worker() as worker, MailServer("smtps", certificate=lab.certificates["good"]) as server:
        case = Case("good", bad.silent, "smtps", "deliver", ("accepted", ""))
        found = worker.run("stash_mail_send", {**lab.options(case, server.port), "recipient": ["b@c"], "deadline": 20})
        assert found["result"]["outcome"] == "accepted"
    return int(found["peak_kb"])


def check_no_secret(text: str) -> None:
    assert PASSWORD not in text
    assert not any(form in text for form in ENCODED)


def check_one_attempt(received: bytes) -> None:
    """A wrong password is tried once, so that no account gets locked."""
    assert len(re.findall(rb"(?mi)^AUTH ", received)) <= 1


def check_sent_once(received: bytes) -> None:
    """A message is handed over once, whatever becomes of it."""
    assert len(re.findall(rb"(?mi)^DATA$", received)) <= 1


def check_nothing_secret_said(received: bytes) -> None:
    """Neither AUTH nor the password has reached the server, in whatever form."""
    assert b"AUTH" not in received.upper()
    check_no_secret(received.decode("latin-1"))


def check_run(case: Case, run: Run, good_kb: int) -> None:
    """What holds for every run, whatever its outcome."""
    assert run.result["outcome"] in {*OUTCOMES, "refused"}, run
    assert run.seconds < case.deadline + SLACK
    assert run.peak_kb < good_kb + MAX_MORE_KB, "a server filled the memory"
    # OpenSSL's verdict takes a connection of its own, and another one where the name does not match.
    assert 1 <= run.connections <= (1 if run.result["tls"] is None else 3), "one attempt"
    check_one_attempt(run.received)
    check_sent_once(run.received)
    check_no_secret(repr(run.result))
    for step in run.result["steps"]:
        assert step.get("code", "deliver") in OUTCOMES
    tls_failed = run.result["tls"] is None or not run.result["jvm"]["trusted"]
    if case.security != "plain" and (tls_failed or case.certificate != "good"):
        check_nothing_secret_said(run.received)


IDENTIFIERS = [case.identifier for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=IDENTIFIERS)
def test_probe(case: Case, runs: dict[tuple[str, str], Future[Run]], good_kb: int) -> None:
    run = runs[case.identifier, "stash_mail_probe"].result()
    assert run.result["outcome"] == case.probe, (run.message, run.result)
    assert bool(run.result.get("failed")) is not case.probe.startswith(("deliver", "auth_untested"))
    if run.result.get("failed"):
        assert run.result["code"] == case.probe
    assert b"DATA" not in run.received.upper()
    check_run(case, run, good_kb)


@pytest.mark.parametrize("case", CASES, ids=IDENTIFIERS)
def test_send(case: Case, runs: dict[tuple[str, str], Future[Run]], good_kb: int) -> None:
    run = runs[case.identifier, "stash_mail_send"].result()
    assert (run.result["outcome"], run.result.get("code", "")) == case.send, (run.message, run.result)
    assert bool(run.result.get("failed")) is bool(case.send[1])
    assert run.result["changed"] is (case.send[0] != "refused")
    check_run(case, run, good_kb)
    if run.result["outcome"] == "unknown":
        assert "not sent again" in run.message


def test_the_page_says_what_was_found(runs: dict[tuple[str, str], Future[Run]], good_kb: int) -> None:
    header = ["server", "security", "probe", "send", "deadline s", "seconds", "peak MiB"]
    rows = []
    for case in CASES:
        probe, send = (runs[case.identifier, module].result() for module in ("stash_mail_probe", "stash_mail_send"))
        code = send.result.get("code", "")
        rows.append(
            [
                case.name,
                f"`{case.security}`",
                f"`{probe.result['outcome']}`",
                f"`{send.result['outcome']}`" + (f": `{code}`" if code not in ("", send.result["outcome"]) else ""),
                f"{case.deadline:g}",
                f"{max(probe.seconds, send.seconds):.1f}",
                f"{max(probe.peak_kb, send.peak_kb) / 1024:.0f}",
            ]
        )
    if doc_table.wanted():
        doc_table.write(PAGE, TABLE, "\n" + doc_table.table(header, rows))
        today = datetime.datetime.now(datetime.UTC).date()
        text = (
            f"Last written on {today} with Python {platform.python_version()} and {ssl.OPENSSL_VERSION}: {len(CASES)} "
            f"servers. A run with a good server peaks at {good_kb / 1024:.0f} MiB."
        )
        doc_table.write(PAGE, FOOT, "\n" + text)
    written = [line.strip("| ").split(" | ")[:5] for line in doc_table.read(PAGE, TABLE).splitlines()[2:]]
    assert written == [row[:5] for row in rows], "run this test with STASH_MAIL_WRITE_DOCS=1"


def test_identifiers_are_unique() -> None:
    assert len(set(IDENTIFIERS)) == len(IDENTIFIERS)


# Where no server is at all


@pytest.mark.parametrize("module", ["stash_mail_probe", "stash_mail_send"])
def test_nobody_there(module: str, lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    case = Case("nobody", bad.silent, "plain", "refused", ("refused", "refused"))
    options = lab.options(case, port) | {"recipient": "ops@example.com", "deadline": 5}
    with Worker() as worker:
        refused = worker.run(module, options)["result"]
        unknown = worker.run(module, options | {"host": "does-not-exist.invalid"})["result"]
    assert (refused["code"], unknown["code"]) == ("refused", "dns")


# The checks above can fail: the standard library's client, and one that knows no better, are caught by them.


def test_a_second_attempt_is_caught(lab: Lab) -> None:
    """The standard library's client tries a wrong password by two mechanisms."""

    def script(peer: Peer) -> None:
        peer.greet(b"AUTH PLAIN LOGIN")
        while True:
            peer.say(b"334 eA==\r\n" if peer.line() == b"AUTH LOGIN" else b"535 no\r\n")

    with BadServer(script) as server:
        client = smtplib.SMTP("127.0.0.1", server.port, timeout=5)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("user", PASSWORD)
        client.close()
    with pytest.raises(AssertionError):
        check_one_attempt(server.received)
    with pytest.raises(AssertionError):
        check_no_secret(server.received.decode())


def test_a_fallback_to_plaintext_is_caught() -> None:
    """As a well-known module does: reconnect without TLS, and log in."""
    script = bad.starttls(Peer.go, Peer.anything, Peer.reset)

    def either(peer: Peer) -> None:
        bad.after_ehlo(b"235 ok\r\n", auth=b"AUTH PLAIN")(peer) if len(server.peers) > 1 else script(peer)

    with BadServer(either) as server:
        client = smtplib.SMTP("127.0.0.1", server.port, timeout=5)
        with pytest.raises((OSError, smtplib.SMTPException)):
            client.starttls(context=ssl.create_default_context())
        client.close()
        again = smtplib.SMTP("127.0.0.1", server.port, timeout=5)
        again.login("user", PASSWORD)
        again.close()
    with pytest.raises(AssertionError):
        check_nothing_secret_said(server.received)


def test_a_second_sending_is_caught() -> None:
    with BadServer(bad.message(Peer.message, bad.closing)) as server:
        for _ in range(2):
            client = smtplib.SMTP("127.0.0.1", server.port, timeout=5)
            with pytest.raises((OSError, smtplib.SMTPException)):
                client.sendmail("a@example.com", ["b@example.com"], "Subject: x\r\n\r\nx\r\n")
            client.close()
    with pytest.raises(AssertionError):
        check_sent_once(server.received)


def test_memory_is_really_measured() -> None:
    """A module that keeps a flood of 3 MB would be seen."""
    with Worker() as worker:
        options = {"host": "h", "sender": "a@b", "recipient": ["c@d"], "security": "plain", "username": "u"}
        small = worker.run("stash_mail_send", {**options, "password": "\n"})
        large = worker.run("stash_mail_send", {**options, "password": "\n" + "x" * 3_000_000})
    assert "control character" in small["result"]["msg"]
    assert large["peak_kb"] > small["peak_kb"] + MAX_MORE_KB


def test_every_outcome_says_what_to_do() -> None:
    for code, outcome in OUTCOMES.items():
        assert code == code.lower()
        assert outcome.cause, code
        assert outcome.meaning.endswith("."), code
        assert outcome.remedy.endswith("."), code
