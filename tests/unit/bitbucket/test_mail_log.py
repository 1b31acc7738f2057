# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product's mail log, as it grows, is rotated, and is not there yet."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._bitbucket.mail_log import MailLog, log_path
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from hypothesis import given, settings
from hypothesis import strategies as st

BEFORE = "2030-01-31 09:00:00,000 ERROR [mail-1] x Before\n"
ENTRY = """\
2030-01-31 09:30:00,123 ERROR [mail-1] c.a.Mail Mail sending failed; recipient: a@b
javax.mail.MessagingException: Could not convert socket to TLS
\tat com.sun.mail.smtp.SMTPTransport.startTLS(SMTPTransport.java:2155)
Caused by: sun.security.validator.ValidatorException: PKIX path building failed
\t... 12 more
2030-01-31 09:30:01,000 INFO [mail-1] c.a.Mail This is fine
\tat nothing
"""
SHOWN = "\n".join(ENTRY.splitlines()[i] for i in (0, 1, 3))


def write(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_only_what_comes_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    write(path, BEFORE)
    log = MailLog(str(path))
    assert log.errors() == []
    assert log.earlier == BEFORE.strip()
    write(path, ENTRY[:100])
    log.errors()
    write(path, ENTRY[100:])
    assert log.errors() == [SHOWN]
    assert log.errors() == [SHOWN]
    write(path, BEFORE)
    assert log.errors() == [SHOWN, BEFORE.strip()]


def test_rotated_and_emptied(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    write(path, BEFORE * 10)
    log = MailLog(str(path))
    path.rename(tmp_path / "mail.log.1")
    assert log.errors() == []
    write(path, ENTRY)
    assert log.errors() == [SHOWN]
    other = MailLog(str(path))
    path.write_text(BEFORE)
    assert other.errors() == [BEFORE.strip()]


def test_not_there_yet(tmp_path: Path) -> None:
    log = MailLog(str(tmp_path / "mail.log"))
    assert log.errors() == []
    write(tmp_path / "mail.log", ENTRY)
    assert log.errors() == [SHOWN]
    with pytest.raises(OSError, match="No such file"):
        MailLog(str(tmp_path / "nowhere" / "mail.log"))


def test_bounded(tmp_path: Path) -> None:
    path = tmp_path / "mail.log"
    log = MailLog(str(path))
    write(path, (BEFORE.strip() + "x" * 10_000 + "\n") * 500)
    for _ in range(3):
        errors = log.errors()
    assert len(errors) == 20
    assert all(len(error) < 4100 for error in errors)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=5))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("log") / "mail.log"
    log = MailLog(str(path))
    for piece in pieces:
        with path.open("ab") as file:
            file.write(piece + b"\n" + ENTRY.encode())
        for error in log.errors():
            assert error.replace("\n", "").isprintable()
    assert len(log.errors()) >= min(len(pieces), 1)


def test_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    assert log_path(None, None) is None
    assert log_path(str(tmp_path), "/x") == "/x"
    assert log_path(str(tmp_path), None) == str(tmp_path / "log" / "atlassian-bitbucket-mail.log")
    (tmp_path / "log" / "atlassian-stash-mail.log").touch()
    assert log_path(str(tmp_path), None) == str(tmp_path / "log" / "atlassian-stash-mail.log")


def test_a_log_that_is_no_file_does_not_stall(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mail.log")
    with pytest.raises(StashMailError, match="is not a file"):
        MailLog(str(tmp_path / "mail.log"))
