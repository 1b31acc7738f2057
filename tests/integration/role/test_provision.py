# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole path: from no mail to a message that has arrived, again, checked, and back."""

from __future__ import annotations

from tests.integration.role.conftest import RECIPIENT, Site

FIRST_RUN = [
    "stash_mail_plan",
    "stash_mail_apply",  # truststore and JVM arguments
    "command",  # the restart
    "stash_mail_plan",  # until it is up
    "stash_mail_apply",  # the settings, and the message
]


def test_from_nothing_to_a_message_and_back(site: Site) -> None:
    bitbucket = site.bitbucket
    before = site.state()

    checked = site.run("--check", "--diff")
    assert checked.ok, checked.output
    assert site.state() == before, "check mode has changed something"
    assert len(site.smtp.messages) == 0

    first = site.run("--diff")
    assert first.ok, first.output
    assert first.changed == checked.changed, "check mode has promised something else"
    assert first.modules == FIRST_RUN
    assert first.tasks <= 38
    assert bitbucket.state() == "RUNNING"
    assert bitbucket.pid != before[0]
    settings = site.mail_settings()
    assert settings is not None
    assert settings["hostname"] == "localhost"
    assert settings["requireStartTls"] is True
    assert len(site.smtp.messages) == 1, "the test message"

    bitbucket.create_user("new.colleague", RECIPIENT)
    assert site.arrived(2), f"Bitbucket's own message: {bitbucket.mail_log}"

    state = site.state()
    for options in ((), ("--check", "--diff")):
        again = site.run(*options)
        assert again.ok, again.output
        assert again.changed == 0
        assert site.state() == state
        # The plan, which sends the message too, where the run is no check.
        assert again.modules == ["stash_mail_plan"]
        assert again.tasks <= 13
        assert len(site.smtp.messages) == 3
    assert site.run(playbook="check").ok

    removed = site.run(state="absent")
    assert removed.ok, removed.output
    assert site.mail_settings() is None
    assert not site.truststore.exists()
    assert bitbucket.jvm_args_file.read_bytes() == before[2]
    assert bitbucket.pid != state[0]
    assert site.run(state="absent").changed == 0
