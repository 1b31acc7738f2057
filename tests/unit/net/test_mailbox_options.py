# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a mailbox."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._mailbox.options import account_of


@pytest.mark.timeout(20)
def test_a_ca_that_is_no_file_does_not_stall(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ca.pem")
    options = {"host": "localhost", "port": 143, "security": "starttls", "username": "u", "password": "p"}
    imap = {**options, "ca": str(tmp_path / "ca.pem")}
    with pytest.raises(StashMailError, match=r"imap\.ca .*ca\.pem is not a file"):
        account_of({"imap": imap, "pop3": None}, list)
