# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two nodes send while the mail server's password and then its certificate change. The tests build on one another."""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.lab import MAIL_SERVER, ROOT, STATE, Lab
from tests.lab.nodes import anchors, sha256
from tests.lab.notifications import NODES, Counts, Notifications
from tests.lab.runs import Runs

FOLDER = STATE / "rotate"
WRONG = "Wrong#Password%of+nobody"
NEXT = "Next#Password%of+the+sender"
SWITCH_SECONDS = 10

# Its runs are long where other things run too.
pytestmark = pytest.mark.timeout(1000)


def users(lab: Lab, sender_password: str) -> str:
    """The mail server's accounts, with this password for the sender."""
    accounts = {lab.sender: sender_password, lab.recipient: lab.password("recipient")}
    return "".join(
        f"{name}:{{SHA256.HEX}}{hashlib.sha256(password.encode()).hexdigest()}\n" for name, password in accounts.items()
    )


def replace(name: str, text: str) -> None:
    """A file of the mail server, in one step."""
    path = FOLDER / name
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def takes(lab: Lab, password: str) -> bool:
    answer = lab.mail(
        action="send",
        port=465,
        security="smtps",
        ca=lab.certificate("mail/self_signed"),
        sender=lab.sender,
        recipient=lab.sender,
        username=lab.sender,
        password=password,
    )
    assert answer["code"] in (250, 535), answer
    return bool(answer["code"] == 250)


def refused_by_now(lab: Lab, password: str) -> bool:
    """Dovecot looks at its files again once a second at most."""
    end = time.monotonic() + SWITCH_SECONDS
    while takes(lab, password):
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True


def presented(lab: Lab) -> str:
    """SHA-256 of the certificate that the mail server's port 587 presents."""
    connect = "openssl s_client -starttls smtp -connect localhost:587 </dev/null 2>/dev/null"
    pem = lab.host("mail").check_output(f"{connect} | openssl x509 -outform PEM")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def none_lost(counts: Counts) -> None:
    # How many depends on how quick the run is.
    assert all(counts.by_node[node] > 2 for node in NODES)
    assert (counts.lost, counts.failed, counts.twice) == ([], 0, 0)
    assert counts.none == 0


@pytest.fixture
def settings(lab: Lab) -> Callable[[], tuple[int, object]]:
    return lambda: lab.rest("GET", MAIL_SERVER)


def test_wrong_new_password(
    lab: Lab, runs: Runs, settings: Callable[[], tuple[int, object]], figures: Callable[[str], None]
) -> None:
    """The mail server has never taken it: nothing is written, and nothing is lost."""
    before, refused = settings(), lab.refused_logins()
    with Notifications(lab, "wrong") as stream:
        run = runs(playbook="rotate_credentials", rotate_password=WRONG, secrets=(WRONG,))
    figures(f"rotate, wrong new password: {stream.counts}")
    assert run.code == 2, run.evidence
    assert "nothing has been changed, Bitbucket holds the old credentials" in run.shown, run.evidence
    assert run.changed == 0
    assert settings() == before
    assert lab.refused_logins() - refused == len(NODES), "each node has tried it once"
    none_lost(stream.counts)


def test_new_password(lab: Lab, runs: Runs, figures: Callable[[str], None]) -> None:
    """The mail server takes both for a while, then the new one only."""
    with Notifications(lab, "password") as stream:
        replace("users_next", users(lab, NEXT))
        run = runs(playbook="rotate_credentials", rotate_password=NEXT, secrets=(NEXT,))
        replace("users", users(lab, NEXT))
        replace("users_next", "")
        assert refused_by_now(lab, lab.password("sender"))
        assert takes(lab, NEXT)
        # With no other than this Bitbucket goes on.
        time.sleep(3)
    figures(f"rotate, new password: {stream.counts}")
    assert run.code == 0, run.evidence
    assert "State: Bitbucket holds the new credentials" in run.shown
    none_lost(stream.counts)


def test_new_certificate(lab: Lab, runs: Runs, figures: Callable[[str], None]) -> None:
    """Of another CA: both trusted by a rolling restart, the switch, then the new one alone by another."""
    assert sha256(lab, "mail/ca_signed")[presented(lab)] == 1
    changes: dict[str, Any] = {
        "password": NEXT,
        "certificates_next": [{"pem": lab.certificate("rotate/next/ca")}],
        "rotate_certificate_switch_tasks": str(ROOT / "molecule/rotate/tasks/present_next.yml"),
    }
    with Notifications(lab, "certificate") as stream:
        run = runs(playbook="rotate_certificate", secrets=(NEXT,), **changes)
    figures(f"rotate, new certificate: {stream.counts}")
    assert run.code == 0, run.evidence
    assert sha256(lab, "rotate/next/mail/ca_signed")[presented(lab)] == 1
    for node in NODES:
        assert anchors(lab.host(node)) == sha256(lab, "rotate/next/ca")
        assert stream.counts.down[node] > 0, "it was restarted while it was watched"
    none_lost(stream.counts)
