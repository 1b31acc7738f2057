# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""STARTTLS required, and stripped by somebody in between: refused, and nothing has changed."""

from __future__ import annotations

from tests.lab.lab import Lab
from tests.lab.runs import Runs


def test_required_mode_refuses(lab: Lab, runs: Runs) -> None:
    before = lab.state()
    run = runs("--diff", security="starttls_required")
    assert run.code == 2, run.evidence
    assert run.in_preflight
    error = " ".join(run.error.split())
    assert f"{lab.mail_host}:2525 does not offer STARTTLS" in error
    assert "something on the way strips it" in error
    assert (run.changed, lab.state()) == (0, before)


def test_nothing_was_said_in_clear(lab: Lab) -> None:
    """He has seen a greeting and a goodbye, though the mail server behind him offers STARTTLS."""
    record = lab.record()
    assert {line["port"] for line in record} == {2525}
    assert any(line["speaker"] == "server" and line["line"].endswith("STARTTLS") for line in record)
    said = {line["line"].split()[0] for line in record if line["speaker"] == "client"}
    assert said <= {"EHLO", "QUIT"}
    assert "EHLO" in said
