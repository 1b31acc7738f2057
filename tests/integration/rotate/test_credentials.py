# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""New credentials: what is tried, written and taken back, and what becomes of Bitbucket's notifications meanwhile."""

from __future__ import annotations

import re
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.role.conftest import ACCOUNT, Outcome, Site
from tests.integration.rotate.runs import Account, Hook, Watch, held, killed, start_over, typed
from tests.integration.rotate.stream import Stream

pytestmark = pytest.mark.timeout(900)


def shown(output: str) -> str:
    """The output with the callback's folded lines joined."""
    return re.sub(r"\s+", " ", output)


@pytest.fixture
def old(site: Site) -> Iterator[Account]:
    """The account that Bitbucket has."""
    account = (ACCOUNT, site.password)
    start_over(site, account)
    yield account
    start_over(site, account)


@pytest.fixture
def new(site: Site) -> Account:
    """The account that it shall have."""
    account = ("bitbucket-2", secrets.token_urlsafe(16))
    site.secrets.append(account[1])
    return account


def test_old_and_new_are_valid_side_by_side(site: Site, old: Account, new: Account) -> None:
    site.smtp.accounts = {old, new}
    wanted: dict[str, Any] = {"playbook": "rotate_credentials", "rotate_username": new[0], "rotate_password": new[1]}
    checked = site.run("--check", "--diff", **wanted)
    assert checked.ok, checked.output
    assert held(site) == old
    assert "nothing has been changed" in shown(checked.output)

    with Stream(site) as stream, Watch(site) as watch:
        done = site.run("--diff", verify_notification=True, **wanted)
    assert done.ok, done.output
    assert (checked.changed, done.changed) == (1, 1)
    assert watch.seen == [old, new]
    assert "stash_mail_is_changed: true" in done.output, "and no message behind the write takes it back"
    assert "Bitbucket holds the new credentials, and every node has sent a message" in shown(done.output)
    print(f"overlap: {stream}")
    assert len(stream.sent) > 20
    assert stream.lost == set(), site.bitbucket.mail_log

    again = site.run(**wanted)
    assert (again.ok, again.changed) == (True, 0), again.output
    # Of these the first ones asked the product and the mail server, and the last ones proved it.
    assert (len(done.modules), len(again.modules)) == (6, 4)
    assert done.tasks <= 40
    assert again.tasks <= 38
    moved = site.run(username=new[0], password=new[1], **wanted)
    assert (moved.ok, moved.changed) == (True, 0), moved.output
    assert "The inventory has them already" in shown(moved.output)
    assert held(site) == new


def rotate(site: Site, new: Account, *options: str, **changes: Any) -> Outcome:
    # The stream looks into the mailbox itself; an IMAP server takes long to find one message among so many.
    wanted = {"imap": {}, "rotate_username": new[0], "rotate_password": new[1], **changes}
    return site.run(*options, playbook="rotate_credentials", **wanted)


def test_a_wrong_password_changes_nothing(site: Site, old: Account, new: Account) -> None:
    with Stream(site) as stream:
        done = rotate(site, new)
    assert (done.code, done.changed) == (2, 0)
    assert held(site) == old
    assert "the server refused user 'bitbucket-2'" in shown(done.output)
    assert "nothing has been changed, Bitbucket holds the old credentials" in shown(done.output)
    print(f"wrong password: {stream}")
    assert stream.lost == set()


def test_a_message_that_is_refused_changes_nothing(site: Site, old: Account, new: Account) -> None:
    site.smtp.accounts = {old, new}
    site.smtp.muted = {new[0]}
    with Stream(site) as stream:
        done = rotate(site, new)
    assert (done.code, done.changed) == (2, 0)
    assert held(site) == old
    assert "a message sent with them did not get through" in shown(done.output)
    print(f"refused message: {stream}")
    assert stream.lost == set()


def test_the_old_ones_are_written_back(site: Site, old: Account, new: Account) -> None:
    """The mail server turns against the new account in the moment in which Bitbucket has it."""
    site.smtp.accounts = {old, new}
    with Watch(site, new, lambda: site.smtp.muted.add(new[0])) as watch, Stream(site) as stream:
        done = rotate(site, new)
    assert done.code == 2
    assert watch.seen == [old, new, old]
    assert "the old credentials are written back, and a message was sent with them" in shown(done.output)
    print(f"written back after {watch.times[2] - watch.times[1]:.1f} s: {stream}")
    # What Bitbucket sent while the mail server refused it cannot be had back; nothing else is lost.
    during = {name for name, when in stream.sent.items() if watch.times[1] - 0.5 <= when <= watch.times[2] + 0.5}
    assert stream.lost <= during
    assert site.run().changed == 0, "what is on record is what Bitbucket has"


def test_nothing_to_go_back_to(site: Site, old: Account, new: Account) -> None:
    """Somebody has changed the password at the mail server already, so that Bitbucket's is refused."""
    site.smtp.accounts = {new}
    done = rotate(site, new)
    assert (done.ok, done.changed) == (True, 1), done.output
    assert "Warning: it does not take the old ones" in shown(done.output)
    assert held(site) == new


@pytest.mark.parametrize(
    ("marker", "delay"),
    [
        ("try | Ask the mail server", 0.5),
        ("server | Write the mail-server settings", 0.3),
        # When Bitbucket has them, and the record of it takes a while yet.
        ("", 0.0),
        ("Next, every node sends a message", 0.5),
    ],
)
def test_killed_and_run_again(site: Site, old: Account, new: Account, marker: str, delay: float) -> None:
    site.smtp.accounts = {old, new}
    with Stream(site) as stream, Watch(site) as watch:
        killed(site, marker, delay, imap={}, rotate_username=new[0], rotate_password=new[1])
        between = held(site)
        again = rotate(site, new)
    assert again.ok, again.output
    assert watch.seen == [old, new]
    print(f"killed behind {marker!r} with {'new' if between == new else 'old'} held: {stream}")
    assert stream.lost == set()


def test_killed_while_it_goes_back(site: Site, old: Account, new: Account) -> None:
    site.smtp.accounts = {old, new}
    with Watch(site, new, lambda: site.smtp.muted.add(new[0])):
        killed(site, "roll_back | Write the old ones", 0.3, rotate_username=new[0], rotate_password=new[1])
    assert held(site) in (old, new)
    site.smtp.muted = set()
    assert rotate(site, new).ok
    assert held(site) == new
    # And the other way: who gives up has the inventory's credentials written by provisioning.
    given_up = site.run()
    assert (given_up.ok, given_up.changed) == (True, 1)
    assert held(site) == old


def test_a_mail_server_that_takes_one_password_at_a_time(site: Site, old: Account, tmp_path: Path) -> None:
    new = (old[0], secrets.token_urlsafe(16))
    site.secrets.append(new[1])

    def switch() -> None:
        assert held(site) == old
        site.smtp.accounts = {new}

    with Hook(tmp_path, "switch", switch) as hook:
        tasks = {"rotate_switch_tasks": str(hook.path)}
        checked = rotate(site, new, "--check", **tasks)
        assert (checked.ok, hook.times) == (True, []), checked.output
        assert "takes from every node" not in shown(checked.output), "it takes them from none"
        with Stream(site) as stream, Watch(site) as watch:
            done = rotate(site, new, **tasks)
        assert done.ok, done.output
        assert watch.seen == [old, new]
        window = watch.times[1] - hook.times[0]
        print(f"one password at a time, {window:.1f} s between switch and write: {stream}")
        during = {name for name, when in stream.sent.items() if hook.times[0] - 0.5 <= when <= watch.times[1] + 0.5}
        assert stream.lost <= during
        again = rotate(site, new, **tasks)
        assert (again.ok, again.changed) == (True, 0), again.output
        assert len(hook.times) == 1


def test_a_switch_that_fails_is_taken_back(site: Site, old: Account, new: Account, tmp_path: Path) -> None:
    def wrong() -> None:
        site.smtp.accounts = {("somebody", "else")}

    def back() -> None:
        site.smtp.accounts = {old}

    with Hook(tmp_path, "switch", wrong) as there, Hook(tmp_path, "back", back) as again, Watch(site) as watch:
        done = rotate(site, new, rotate_switch_tasks=str(there.path), rotate_switch_back_tasks=str(again.path))
    assert done.code == 2
    assert watch.seen == [old], "it was never accepted"
    assert len(there.times) == len(again.times) == 1
    assert there.times < again.times
    assert "nothing was written, Bitbucket holds the old credentials as before. The mail server takes them." in shown(
        done.output
    )


def test_a_dead_mail_server_changes_nothing(site: Site, old: Account, new: Account, tmp_path: Path) -> None:
    """Neither are the tasks for the switch run: they could not help."""
    with socket.create_server(("127.0.0.1", 0)) as silent, Hook(tmp_path, "switch", lambda: None) as hook:
        port = silent.getsockname()[1]
        config = site.mail_settings() or {}
        put = {**config, "port": port, "username": old[0], "password": old[1]}
        assert site.bitbucket.configure_mail(put).status == 200
        done = rotate(site, new, port=port, deadline=3, rotate_switch_tasks=str(hook.path))
        assert site.bitbucket.configure_mail({**put, "port": site.smtp.port}).status == 200
    assert (done.code, done.changed, hook.times) == (2, 0, [])
    assert held(site) == old
    assert "nothing has been changed" in shown(done.output)


def test_only_credentials_are_rotated(site: Site, old: Account, new: Account) -> None:
    done = rotate(site, new, sender="somebody@example.com")
    assert (done.code, done.changed) == (2, 0)
    assert "A rotation changes user name and password and nothing else" in shown(done.output)


def test_a_password_that_is_nowhere(site: Site, old: Account) -> None:
    done = site.run(playbook="rotate_credentials")
    assert (done.code, done.changed) == (2, 0)
    assert "stash_mail_rotate_password is empty, and there is nobody at a terminal to ask" in shown(done.output)


def test_a_password_that_is_typed(site: Site, old: Account, new: Account) -> None:
    site.smtp.accounts = {old, new}
    output = typed(site, new[1], rotate_username=new[0])
    assert f"New password of {new[0]} at localhost" in output
    assert held(site) == new, output
