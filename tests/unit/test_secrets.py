# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be shown of texts that hold secrets, and of texts that others have written."""

from __future__ import annotations

import base64
import json
import urllib.parse

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._secrets import (
    MASK,
    is_secret,
    mask,
    mask_argument,
    of_account,
    printable,
    without,
)

SECRET = 'ge"he im/+ü&'
USER = "admin"


@pytest.mark.parametrize(
    "name",
    ["password", "javax.net.ssl.trustStorePassword", "JDBC_PASSWD", "apiToken", "client-secret", "API_KEY", "DB_PASS"],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["javax.net.ssl.trustStore", "feature.passenger", "mail.smtp.host", "key", "server"])
def test_names_of_others(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("-Djavax.net.ssl.trustStorePassword=geheim", f"-Djavax.net.ssl.trustStorePassword={MASK}"),
        ('-Dx="a" -DapiToken=geheim -Dy', f'-Dx="a" -DapiToken={MASK} -Dy'),
        ('export DB_PASSWORD="geheim wort"', f"export DB_PASSWORD={MASK}"),
        ("export DB_PASSWORD='geheim wort' # it's", f"export DB_PASSWORD={MASK} # it's"),
        ('PASSPHRASE="geheim \\" wort" next', f"PASSPHRASE={MASK} next"),
        ("API_KEY=geheim\\ wort next", f"API_KEY={MASK} next"),
        ('TOKEN=geheim"und mehr" next', f"TOKEN={MASK} next"),
        ('JVM="-Xmx1g -Dmail.password=geheim -Dx=y"', f'JVM="-Xmx1g -Dmail.password={MASK} -Dx=y"'),
        ('JVM="-Dmail.password=geheim"\nX="y"', f'JVM="-Dmail.password={MASK}"\nX="y"'),
        ('java "-Dmail.password=geheim wort" -jar', f'java "-Dmail.password={MASK}" -jar'),
        ('A="-Dp.password=\\"geheim wort\\" -Dx"', f'A="-Dp.password={MASK} -Dx"'),
        ('{"password": "geheim", "port": 25}', f'{{"password": {MASK}, "port": 25}}'),
        ("keytool -storepass geheim -list", f"keytool -storepass {MASK} -list"),
        ("PROXY=http://me:geheim@proxy:3128/", f"PROXY=http://{MASK}@proxy:3128/"),
        ("url=https://geheim@git.example.com/x@y", f"url=https://{MASK}@git.example.com/x@y"),
        ("Authorization: Basic Z2VoZWlt==", f"Authorization: Basic {MASK}"),
    ],
)
def test_the_values_of_secrets_are_masked(line: str, shown: str) -> None:
    assert mask(line) == shown


@pytest.mark.parametrize(
    "line",
    [
        "-Djavax.net.ssl.trustStore=/a -Xmx1g",
        "Give Basic authentication and a password.",
        "see https://example.com/a?b=c, write to me@example.com",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert mask(line) == line


def test_an_argument_is_masked_to_its_end() -> None:
    assert mask_argument("-Dmail.password=geheim wort -Dx") == f"-Dmail.password={MASK}"
    assert mask_argument("-Dx=http://me:geheim@host") == f"-Dx=http://{MASK}@host"


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        base64.b64encode(f"{USER}:{SECRET}".encode()).decode(),
        base64.b64encode(f"\0{USER}\0{SECRET}".encode()).decode(),
        urllib.parse.quote(SECRET),
        urllib.parse.quote(SECRET, safe="").lower(),
        urllib.parse.quote_plus(SECRET),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET.encode()),
        "ge&quot;he im/+ü&amp;",
    ],
)
def test_a_secret_is_found_in_every_spelling(spelling: str) -> None:
    shown = without(f"HTTP 500: <{spelling}>", of_account(USER, SECRET))
    assert spelling not in shown
    assert shown.startswith("HTTP 500: <")
    assert shown.endswith(">")
    assert MASK in shown


def test_the_longer_secret_is_masked_whole() -> None:
    assert without("abcd ab", ["ab", "abcd"]) == f"{MASK} {MASK}"


def test_no_secret_hides_nothing() -> None:
    assert without("a: b", ["", *of_account("a", "")]) == "a: b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße, 世界", "Grüße, 世界"),
        ("a\x1b[31mred\x07", "a\\x1b[31mred\\x07"),
        ("a\r\nb\tc\u2028d", "a  b c d"),
        ("evil\u202etxt.exe\u200f\u2066", "evil\\u202etxt.exe\\u200f\\u2066"),
        ("\x9b31m\udcff\U000e0041", "\\x9b31m\\udcff\\U000e0041"),
    ],
)
def test_nothing_reaches_a_terminal_raw(text: str, shown: str) -> None:
    assert printable(text) == shown
