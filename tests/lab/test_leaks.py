# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenarios' search for passwords finds them in every disguise."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import subprocess
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from tests.lab import leaks

TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=30)


@given(secret=TEXTS, before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_base64_at_any_position(secret: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    assert leaks.in_text(f"Authorization: Basic {encoded}", ["another one", secret]) == [1]


@given(secret=TEXTS)
def test_other_forms(secret: str) -> None:
    quoted = (quote(secret, safe=""), json.dumps(secret), html.escape(secret), repr(secret), secret.encode().hex())
    for form in (secret, *quoted, hashlib.sha256(secret.encode()).hexdigest()):
        assert leaks.in_text(f"-{form}-", [secret]) == [0]


def test_processes() -> None:
    """An argument and an environment that show the secret for a moment are both seen."""
    secret = "Shown#for%a+moment"
    with leaks.ProcessWatch([secret]) as watch:
        subprocess.run(["sh", "-c", "sleep 1; :", secret], check=True, timeout=10)
        subprocess.run(["sleep", "1"], env={"SECRET": secret}, check=True, timeout=10)
    assert watch.found == {"cmdline of sh", "environ of sleep"}
