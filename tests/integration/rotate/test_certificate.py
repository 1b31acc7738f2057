# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mail server's certificate changes: as a whole, step by step, and the wrong way round."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.role.conftest import Outcome, Site, make_site, run_playbook
from tests.integration.rotate.runs import Hook
from tests.integration.rotate.stream import Stream
from tests.mail_server import Certificate, authority, leaf, self_signed

# Many runs, each of which takes as long as the machine is busy.
pytestmark = pytest.mark.timeout(900)

# What each step calls at the most.
ASK = ["stash_mail_plan"]
PROVISIONED = ["stash_mail_plan"]
# The restart, and until it is up.
TRUST = [*PROVISIONED, "stash_mail_apply", "command", "stash_mail_plan", "stash_mail_apply"]
# Whether all trust the new anchors, the test's own three, then what the mail server presents and takes.
SWITCH = ["stash_mail_plan", "command", "wait_for", "file", "stash_mail_plan", "stash_mail_probe"]
VERIFY = [*ASK, "stash_mail_probe", "stash_mail_apply"]
RETIRE = [*ASK, *TRUST]


def calls_no_more(modules: list[str], most: list[str]) -> bool:
    """Whether ``modules`` are ``most``, in this order, or some of them."""
    left = iter(most)
    return all(module in left for module in modules)


def shown(output: str) -> str:
    """The output with the callback's folded lines joined."""
    return re.sub(r"\s+", " ", output)


def rotate(site: Site, anchor: Certificate, *options: str, **changes: Any) -> Outcome:
    # The stream looks into the mailbox itself; an IMAP server takes long to find one message among so many.
    return site.run(
        *options, playbook="rotate_certificate", certificates_next=[{"pem": anchor.pem}], imap={}, **changes
    )


def anchors(site: Site, *certificates: Certificate) -> list[bool]:
    """Which of these the truststore holds."""
    data = site.truststore.read_bytes()
    return [certificate.der in data for certificate in certificates]


def test_all_steps_in_one_run(site: Site, tmp_path: Path) -> None:
    """From a self-signed certificate to one of a private CA."""
    old, root = site.certificate, authority()
    new = leaf(root, "localhost", sans=["localhost", "127.0.0.1"])
    trusted: list[list[bool]] = []

    def switch() -> None:
        trusted.append(anchors(site, old, root))
        site.smtp.present(new)

    with Hook(tmp_path, "switch", switch) as hook:
        tasks = {"rotate_certificate_switch_tasks": str(hook.path)}
        before = site.state()
        checked = rotate(site, root, "--check", "--diff", **tasks)
        assert checked.ok, checked.output
        assert (site.state(), hook.times) == (before, [])
        assert "the old and the new anchors are trusted" not in shown(checked.output), "they are not"
        with Stream(site) as stream:
            done = rotate(site, root, "--diff", **tasks)
        assert done.ok, done.output
        assert trusted == [[True, True]], "both were trusted when the mail server switched"
        assert anchors(site, old, root) == [False, True]
        print(f"certificate: {stream}")
        assert len(stream.sent) > 20
        assert stream.lost == set(), site.bitbucket.mail_log

        again = rotate(site, root, **tasks)
        assert (again.ok, again.changed) == (True, 0), again.output
        assert len(hook.times) == 1
    # What the run told to do.
    assert "Now move stash_mail_certificates_next into stash_mail_certificates" in shown(done.output)
    site.certificate = root
    site.settings["stash_mail_certificates"] = [{"pem": root.pem}]
    moved = site.run(imap={})
    assert (moved.ok, moved.changed) == (True, 0), moved.output
    # Last, so that the site is in order for the others.
    assert calls_no_more(done.modules, [*ASK, *TRUST, *SWITCH, *VERIFY, *RETIRE]), done.modules
    assert calls_no_more(again.modules, [*ASK, *PROVISIONED, *VERIFY, *ASK, *PROVISIONED]), again.modules
    assert done.tasks <= 130
    assert again.tasks <= 65


def test_step_by_step(site: Site) -> None:
    """The mail server's administrator is somebody else, and there are no tasks for the switch."""
    old, new = site.certificate, self_signed("localhost", "127.0.0.1")
    presented = site.smtp.certificate

    def step(tag: str, *options: str) -> Outcome:
        return rotate(site, new, "--tags", tag, *options)

    early = step("switch")
    assert (early.code, early.changed) == (2, 0)
    assert "Nothing has been switched. Run the step trust first" in shown(early.output)
    trust = step("trust")
    assert trust.ok, trust.output
    assert anchors(site, old, new) == [True, True]
    assert step("trust").changed == 0

    waiting = step("switch")
    assert (waiting.code, waiting.changed) == (2, 0)
    assert "Have it present its new certificate and run again" in shown(waiting.output)
    for tag, says in (("verify", "stay trusted. Run the step switch"), ("retire", "The old anchors stay")):
        refused = step(tag)
        assert (refused.code, refused.changed) == (2, 0)
        assert says in shown(refused.output)
    assert anchors(site, old, new) == [True, True]

    site.smtp.present(new)
    done = step("switch,verify")
    assert (done.ok, done.changed) == (True, 0), done.output
    checked = step("retire", "--check")
    assert checked.ok, checked.output
    assert anchors(site, old, new) == [True, True]
    assert "no longer the old ones" not in shown(checked.output), "it trusts them still"
    retired = step("retire")
    assert retired.ok, retired.output
    assert anchors(site, old, new) == [False, True]
    again = rotate(site, new)
    assert (again.ok, again.changed) == (True, 0), again.output

    # The mail server goes back to its old certificate: so does what is trusted.
    site.smtp.present(presented)
    assert step("trust").ok
    assert anchors(site, old, new) == [True, True]


def stranger(_root: Certificate) -> Certificate:
    return self_signed("localhost", "127.0.0.1")


def of_another_name(root: Certificate) -> Certificate:
    """Trusted, and of no use to a JVM that looks at names."""
    return leaf(root, "mail.example.com", sans=["mail.example.com"])


def taken_back(
    site: Site, folder: Path, wrong: Certificate, root: Certificate, *more: dict[str, Any], waits: bool = True
) -> str:
    """Switch to ``wrong``, with a task more there and back, see that the run goes back once, and return its output.

    ``waits``: half a minute for the right one, as it is. Otherwise the mail server is asked twice.
    """
    presented = site.smtp.certificate
    with (
        Hook(folder, "switch", lambda: site.smtp.present(wrong)) as there,
        Hook(folder, "back", lambda: site.smtp.present(presented)) as back,
    ):
        for hook, task in zip((there, back), more, strict=False):
            hook.path.write_text(json.dumps([*json.loads(hook.path.read_text()), task]))
        done = rotate(
            site,
            root,
            *([] if waits else ["--extra-vars", "__stash_mail_rotate_tries=2"]),
            rotate_certificate_switch_tasks=str(there.path),
            rotate_certificate_switch_back_tasks=str(back.path),
        )
    assert done.code == 2
    assert len(there.times) == len(back.times) == 1, done.output
    assert site.smtp.certificate is presented
    assert site.run(imap={}).ok
    return shown(done.output)


@pytest.mark.parametrize("wrong", [stranger, of_another_name])
def test_a_switch_that_fails_is_taken_back(
    site: Site, tmp_path: Path, wrong: Callable[[Certificate], Certificate]
) -> None:
    root = authority()
    said = taken_back(site, tmp_path, wrong(root), root, waits=wrong is stranger)
    assert "every product trusts the old and the new anchors" in said


def test_what_goes_wrong_on_the_way_ends_nothing_before_its_time(site: Site, tmp_path: Path) -> None:
    """The host of the mail server is lost in the middle of the switch, then the tasks for the way back fail."""
    root = authority()
    lost = {
        "name": "Reach a host that is gone",
        "ansible.builtin.ping": {},
        "delegate_to": "mail",
        "vars": {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1},
    }
    broken = {"name": "Fail", "ansible.builtin.fail": {"msg": "The old certificate is gone."}}
    said = taken_back(site, tmp_path, stranger(root), root, lost, broken, waits=False)
    assert "The mail server's certificate was not rotated." in said
    assert "which does not come from the new anchors" in said
    assert "going back failed. The old certificate is gone." in said


def test_an_instance_that_is_done_keeps_no_other_from_it(site: Site, tmp_path: Path) -> None:
    """Each with a mail server of its own, of which one has switched before."""
    root, presented = authority(), site.smtp.certificate
    new = leaf(root, "localhost", sans=["localhost", "127.0.0.1"])
    (tmp_path / "other").mkdir()
    with (
        make_site(tmp_path / "other") as other,
        Hook(tmp_path, "switch", lambda: site.smtp.present(new)) as hook,
        Hook(tmp_path, "again", lambda: None) as again,
    ):
        other.smtp.present(new)
        assert other.run(certificates=[{"pem": root.pem}]).ok
        shared = {"stash_mail_certificates_next": [{"pem": root.pem}], "stash_mail_imap": {}}
        switch = "stash_mail_rotate_certificate_switch_tasks"
        hosts = {
            "done": {**other.settings, **shared, switch: str(again.path)},
            "stand_in": {**site.settings, **shared, switch: str(hook.path)},
        }
        code, output = run_playbook(tmp_path, {"bitbucket": {"hosts": hosts}}, playbook="rotate_certificate")
        site.output += output
        assert code == 0, output
        assert (len(hook.times), len(again.times)) == (1, 0)
        assert anchors(other, other.certificate, root) == [False, True]
    assert anchors(site, site.certificate, root) == [False, True]
    site.smtp.present(presented)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"certificates_next": []}, "stash_mail_certificates_next is empty"),
        ({"security": "plain"}, "stash_mail_security is plain"),
        ({"rotate_certificate_switch_tasks": "switch.yml"}, "switch.yml is no file on the controller"),
        (
            {"fetch": [{"host": "localhost", "sha256": ["0" * 64]}]},
            "stash_mail_fetch gets what localhost presents, and no longer finds it",
        ),
    ],
)
def test_bad_input(site: Site, changes: dict[str, Any], says: str) -> None:
    new = self_signed("localhost", "127.0.0.1")
    done = site.run(playbook="rotate_certificate", **{"certificates_next": [{"pem": new.pem}], **changes})
    assert (done.code, done.changed) == (2, 0)
    assert says in shown(done.output)
