# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""JKS, byte for byte and against hostile input."""

from __future__ import annotations

import hashlib
import struct
import time
import tracemalloc

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._truststore import jks
from ansible_collections.stashops.mail.plugins.module_utils._truststore.entry import Entry, TruststoreError
from hypothesis import given, settings
from hypothesis import strategies as st

# All of Unicode, NUL and lone surrogates among it: what Java's strings, and so a foreign file, can hold.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
ENTRIES = st.lists(st.builds(Entry, ANY_TEXT, st.binary(max_size=200), st.integers(0, 2**63 - 1)), max_size=8)


def sealed(body: bytes, password: str = "changeit") -> bytes:
    """``body`` with the digest that Java expects, computed here from the format's description."""
    secret = password.encode("utf-16-be")
    return body + hashlib.sha1(secret + b"Mighty Aphrodite" + body).digest()


def test_bytes_are_those_of_the_format() -> None:
    written = jks.write([Entry("ab", b"DER", 5)], "changeit")
    expected = (
        bytes.fromhex("feedfeed 00000002 00000001 00000002 0002")
        + b"ab"
        + bytes.fromhex("0000000000000005 0005")
        + b"X.509"
        + bytes.fromhex("00000003")
        + b"DER"
    )
    assert written == sealed(expected)


@given(ENTRIES, st.text(max_size=20))
def test_what_is_written_is_read_again(entries: list[Entry], password: str) -> None:
    data = jks.write(entries, password)
    assert jks.read(data, password) == entries
    assert jks.read(data, None) == entries


@given(ANY_TEXT)
def test_modified_utf8_round_trip(text: str) -> None:
    encoded = jks.encode_utf(text)
    assert b"\0" not in encoded
    # A pair of lone surrogates is, to Java, the character that they make.
    assert jks.decode_utf(encoded) == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@pytest.mark.parametrize(
    ("text", "encoded"),
    [("\0", "c080"), ("é", "c3a9"), ("€", "e282ac"), ("\U0001f512", "eda0bdedb492"), ("a", "61")],
)
def test_modified_utf8_as_java_writes_it(text: str, encoded: str) -> None:
    assert jks.encode_utf(text).hex() == encoded


def test_four_byte_utf8_is_refused_as_java_does() -> None:
    with pytest.raises(TruststoreError, match="UTF-8"):
        jks.decode_utf("\U0001f512".encode())


def test_wrong_password() -> None:
    with pytest.raises(TruststoreError, match="password is wrong"):
        jks.read(jks.write([Entry("a", b"x")], "changeit"), "other")


def test_version_1_and_private_key_entries() -> None:
    version_1 = sealed(
        struct.pack(">4sII", jks.MAGIC, 1, 1) + struct.pack(">IH1sQ", 2, 1, b"a", 7) + struct.pack(">I", 3) + b"DER"
    )
    assert jks.read(version_1, "changeit") == [Entry("a", b"DER", 7)]
    certificate = struct.pack(">H5sI", 5, b"X.509", 3)
    private = sealed(
        struct.pack(">4sII", jks.MAGIC, 2, 1)
        + struct.pack(">IH1sQ", 1, 1, b"k", 7)
        + struct.pack(">I", 6)
        + b"secret"
        + struct.pack(">I", 2)
        + certificate
        + b"one"
        + certificate
        + b"two"
    )
    assert jks.read(private, "changeit") == [Entry("k", b"one", 7)]


@given(st.data())
def test_every_truncation_is_an_error(data: st.DataObject) -> None:
    whole = jks.write([Entry("alias", b"der" * 30), Entry("other", b"red" * 30)], "changeit")
    cut = data.draw(st.integers(0, len(whole) - 1))
    for password in ("changeit", None):
        with pytest.raises(TruststoreError):
            jks.read(whole[:cut], password)


@given(st.data())
def test_every_changed_byte_is_noticed(data: st.DataObject) -> None:
    whole = bytearray(jks.write([Entry("alias", b"der" * 30)], "changeit"))
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(TruststoreError):
        jks.read(bytes(whole), "changeit")


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_random_bytes_behind_a_header_end_clearly(tail: bytes) -> None:
    try:
        entries = jks.read(struct.pack(">4sII", jks.MAGIC, 2, 3) + tail, None)
    except TruststoreError:
        return
    assert len(entries) == 3


@pytest.mark.parametrize("count", [2**31, 2**32 - 1])
@pytest.mark.parametrize("field", ["entries", "certificate", "chain"])
def test_claims_beyond_the_data_cost_nothing(count: int, field: str) -> None:
    head = struct.pack(">4sII", jks.MAGIC, 2, count if field == "entries" else 1)
    if field == "certificate":
        head += struct.pack(">IH1sQH5sI", 2, 1, b"a", 0, 5, b"X.509", count)
    if field == "chain":
        head += struct.pack(">IH1sQI", 1, 1, b"a", 0, 0) + struct.pack(">I", count)
        head += struct.pack(">H5sI", 5, b"X.509", 0)
    data = sealed(head + bytes(100_000))
    tracemalloc.start()
    started = time.monotonic()
    with pytest.raises(TruststoreError):
        jks.read(data, "changeit")
    assert time.monotonic() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


def test_an_alias_longer_than_the_format_allows() -> None:
    with pytest.raises(TruststoreError, match="longer"):
        jks.write([Entry("a" * 65536, b"")], "changeit")
