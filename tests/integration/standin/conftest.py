# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: certificates, truststores and what the tests need of the machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.standin.smtp_server import Certificate


@pytest.fixture(scope="session")
def jvm() -> None:
    """Skips where there is no JDK or no JavaMail."""
    for tool in ("java", "javac", "keytool"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is missing: install a JDK, 11 or later")
    if not Path("/usr/share/java/javax.mail.jar").exists():
        pytest.skip("JavaMail is missing: install libmail-java")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """What the mail server shows."""
    return Certificate.create(tmp_path_factory.mktemp("server"), "server")


@pytest.fixture(scope="session")
def other_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate that no server shows."""
    return Certificate.create(tmp_path_factory.mktemp("other"), "other")
