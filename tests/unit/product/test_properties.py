# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties files: read as Java reads them, and changed in nothing but what was asked for."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product import properties as properties_file
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

SOURCE = Path(__file__).parent / "Properties.java"

# What the format gives a meaning to, and little else, so that it meets often.
TEXTS = st.text(st.sampled_from("ab=:#! \t\f\\\\\\\r\n\nu01\xe9\xff"), max_size=40)
LINES = st.lists(
    st.sampled_from(
        [
            "# comment \\",
            "! x",
            "",
            "  ",
            "a=1",
            "a = 2",
            " b : x",
            "a",
            "b c",
            "a=\\",
            "  1,\\",
            "\\",
            "c=x\\\\",
            "=v",
            "\\u0041=\\u00e9",
        ]
    ),
    max_size=8,
)
FILES = TEXTS | st.builds(
    lambda lines, end, last: end.join(lines) + last,
    LINES,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\n"]),
)
KEYS = st.sampled_from(["a", "b", "mail.threads", "A", "#x", "k=\\ \u20ac"])
VALUES = st.text(max_size=12) | st.text(st.sampled_from(" =:#!\\\t\n\f\ra\xe9\U0001f4e7\ud800"), max_size=8)
WANTED = st.dictionaries(KEYS, st.none() | VALUES, max_size=4)

quietly = settings(
    deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


class Java:
    """``java.util.Properties``, asked again and again."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def read(self, text: str) -> dict[str, str] | None:
        """What Java reads, None where it refuses the file."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(base64.b64encode(text.encode(properties_file.ENCODING)).decode() + "\n")
        self._process.stdin.flush()
        word, *pairs = self._process.stdout.readline().rstrip("\n").split(" ")
        if word == "refused":
            return None
        assert word == "read"
        return _named({_text(key): _text(value) for key, _equals, value in (pair.partition("=") for pair in pairs)})


def _text(hexadecimal: str) -> str:
    return bytes.fromhex(hexadecimal).decode("utf-16-be", "surrogatepass")


def _named(properties: dict[str, str]) -> dict[str, str]:
    # A last line with nothing but a backslash is an empty key to Java, by the way it reads. Nobody asks for that one.
    return {key: value for key, value in properties.items() if key}


def ours(text: str) -> dict[str, str] | None:
    try:
        return _named(properties_file.read(text))
    except StashMailError:
        return None


@pytest.fixture(scope="module")
def java() -> Iterator[Java]:
    program = shutil.which("java")
    if program is None or shutil.which("javac") is None:
        pytest.skip("no JDK on the PATH")
    with subprocess.Popen([program, str(SOURCE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Java(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=20) == 0


@quietly
@given(text=FILES)
@example(text="a=b\\")
@example(text="\\\n#a=1\nb=2")
@example(text="a=\\\r\n  # no comment\r\nb=\\u00")
def test_it_reads_as_java_does(java: Java, text: str) -> None:
    assert ours(text) == java.read(text)


@quietly
@given(text=FILES, wanted=WANTED)
@example(text="a=b\\", wanted={"b": "1"})
@example(text="a=b\\\n", wanted={"b": "1"})
@example(text="\\\n", wanted={"b": "1"})
@example(text="\na\\\r", wanted={"b": "1"})
def test_java_finds_what_was_set_and_what_was_there(java: Java, text: str, wanted: dict[str, str | None]) -> None:
    before = java.read(text)
    assume(before is not None)
    assert before is not None
    changed = properties_file.change(text, wanted)
    set_to = {key: value for key, value in wanted.items() if value is not None}
    assert java.read(changed) == {key: value for key, value in before.items() if key not in wanted} | set_to


@quietly
@given(text=FILES, wanted=WANTED)
def test_nothing_else_changes(text: str, wanted: dict[str, str | None]) -> None:
    before = ours(text)
    assume(before is not None)
    assert before is not None
    lines = properties_file.parse(text)
    assert "".join(line.raw for line in lines) == text
    changed = properties_file.change(text, wanted)
    if all(before.get(key) == value for key, value in wanted.items()):
        assert changed == text
    assert properties_file.change(changed, wanted) == changed
    # Line by line: kept as they are and in their order, less what was taken out, and new ones behind.
    rest = changed
    for line in lines:
        if line.key not in wanted:
            at = rest.find(line.raw)
            assert at >= 0
            rest = rest[at + len(line.raw) :]


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ("", {"a": "1"}, "a=1\n"),
        ("# c\na = 1\nb=2\n", {"a": "3"}, "# c\na = 3\nb=2\n"),
        ("a:1\r\nb=2\r\n", {"a": "x", "c": "y"}, "a:x\r\nb=2\r\nc=y\r\n"),
        ("a 1", {"a": "x y"}, "a x y"),
        ("a", {"a": "1"}, "a=1"),
        ("b=2", {"a": "1"}, "b=2\na=1\n"),
        ("  a=1,\\\n    2\nb=3\n", {"a": "4"}, "  a=4\nb=3\n"),
        ("a=1\na=2\n", {"a": "3"}, "a=1\na=3\n"),
        ("a=1\nb=2\na=3\n", {"a": None}, "b=2\n"),
        ("#a=1\n", {"a": "1"}, "#a=1\na=1\n"),
        ("a=gr\xfc\xdf\n", {"b": "gr\xfc\xdf \u20ac"}, "a=gr\xfc\xdf\nb=gr\\u00FC\\u00DF \\u20AC\n"),
        ("a=\\u0031\n", {"a": "1"}, "a=\\u0031\n"),
        ("a=1\n", {"b": " x=\\"}, "a=1\nb=\\ x=\\\\\n"),
    ],
)
def test_examples(before: str, wanted: dict[str, str | None], after: str) -> None:
    assert properties_file.change(before, wanted) == after


def test_a_file_that_java_refuses_is_left_alone() -> None:
    with pytest.raises(StashMailError, match=r"line 2 stands .*four hexadecimal digits"):
        properties_file.change("a=1\npath=C:\\users\n", {"b": "1"})
