# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of what a Java says that the product's account can change."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._net.deadline import Deadline
from ansible_collections.stashops.mail.plugins.module_utils._verdict.jvm import Jvm, Setup, Truststore


def java(folder: Path, *said: tuple[str, str]) -> Setup:
    """A Java that says this, whatever it is asked."""
    program = folder / "bin/java"
    program.parent.mkdir()
    lines = "".join(f"{name}\\t{base64.b64encode(text.encode()).decode()}\\n" for name, text in said)
    program.write_text(f"#!/bin/sh\nprintf '{lines}end\\t\\n'\nexec sleep 60\n")
    program.chmod(0o755)
    return Setup(str(folder))


@pytest.mark.parametrize("count", ["many", "-1", "\u00b2", "9" * 5000, "1 2"])
def test_no_number(tmp_path: Path, count: str) -> None:
    with Jvm(java(tmp_path, ("trusted", count))) as jvm, pytest.raises(StashMailError, match="in a number"):
        jvm.load(Truststore(data=b"x"), Deadline(30))


def test_a_number(tmp_path: Path) -> None:
    with Jvm(java(tmp_path, ("trusted", "7"))) as jvm:
        assert jvm.load(Truststore(data=b"x"), Deadline(30)) == (7, "")


def test_certificates_that_it_was_not_asked_for(tmp_path: Path) -> None:
    refused = [("refused", f"{index} why") for index in ("1", "2", "\u00b2", "9" * 5000, "x")]
    with Jvm(java(tmp_path, *refused)) as jvm:
        assert jvm.read([b"a", b"b"], Deadline(30)) == {1: "why"}
