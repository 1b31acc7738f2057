# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detecting, reading, building: what makes the output the same whatever the order and the Python."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store
from ansible_collections.stashops.mail.plugins.module_utils._truststore.argument_specs import ARGUMENT_SPEC
from ansible_collections.stashops.mail.plugins.module_utils._truststore.store import Entry, TruststoreError
from hypothesis import given
from hypothesis import strategies as st

from tests.pythons.interpreters import TARGET_VERSIONS, interpreter
from tests.unit.truststore.factory import make

ROOT = Path(__file__).resolve().parents[3]
ENTRIES = st.lists(
    st.builds(Entry, st.sampled_from(["a", "A", "b", "a-ca978112", "ÄÖ", "ß"]), st.binary(min_size=1, max_size=2)),
    min_size=1,
    max_size=12,
)


def fingerprint(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


@given(ENTRIES, ENTRIES, st.randoms(use_true_random=False))
def test_build_loses_nothing_and_ignores_order(base: list[Entry], ours: list[Entry], rng: random.Random) -> None:
    built = store.build(base, ours)
    aliases = [entry.alias for entry in built.entries]
    assert aliases == sorted({alias.lower() for alias in aliases})
    assert sorted(entry.der for entry in built.entries) == sorted({entry.der for entry in base + ours})
    assert {entry.der for entry in built.ours} == {entry.der for entry in ours}
    assert set(built.ours) <= set(built.entries)
    shuffled = store.build(rng.sample(base, len(base)), rng.sample(ours, len(ours)))
    assert shuffled == built
    # Building upon what was built adds nothing: so a base of our own making is stable too.
    assert store.build(built.entries, ours).entries == built.entries


def test_dates_of_the_base_do_not_matter() -> None:
    built = [store.build([Entry("a", b"x", when)], []).entries for when in (0, 1_600_000_000_000)]
    assert built[0] == built[1]


def test_the_base_keeps_its_alias_and_a_clash_gets_a_suffix() -> None:
    built = store.build([Entry("Root", b"1")], [Entry("mine", b"1"), Entry("root", b"2")])
    assert built.entries == [Entry("root", b"1"), Entry(f"root-{fingerprint(b'2')[:8]}", b"2")]
    assert built.ours == built.entries


def test_exclude() -> None:
    entries = [Entry("a", b"1"), Entry("b", b"2")]
    assert store.build(entries, [], {fingerprint(b"1")}).entries == [Entry("b", b"2")]
    with pytest.raises(TruststoreError, match="added and excluded"):
        store.build(entries, [Entry("c", b"2")], {fingerprint(b"2")})
    with pytest.raises(TruststoreError, match="no certificate"):
        store.build([Entry("a", b"1")], [], {fingerprint(b"1")})


def test_nothing_at_all() -> None:
    with pytest.raises(TruststoreError, match="no certificate"):
        store.build([], [])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (store.write_store([Entry("a", b"x")], "jks"), "jks"),
        (store.write_store([Entry("a", b"x")], "pkcs12"), "pkcs12"),
        (store.write_store([], "pkcs12"), "pkcs12"),
        (make().pem.encode(), "pem"),
        (b"text before\n" + make().pem.encode(), "pem"),
        (make().der, "der"),
    ],
)
def test_detect(data: bytes, kind: str) -> None:
    assert store.detect(data) == kind


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\xce\xce\xce\xce\0\0\0\2", "JCEKS"),
        (b"hello", "neither JKS nor PKCS12"),
        (b"\xfe\xed\xfe\xed", "ends too early"),
        (b"-----BEGIN NOTHING-----", "no end line"),
        (b"0\x80", "not a certificate"),
    ],
)
def test_read_store_says_what_is_wrong(data: bytes, message: str) -> None:
    with pytest.raises(StashMailError, match=f"^the store.*{message}"):
        store.read_store(data, "changeit", where="the store")


def test_a_file_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_SIZE", 10)
    with pytest.raises(TruststoreError, match="the limit is 10"):
        store.read_store(bytes(11), None)


def test_read_store_of_pem() -> None:
    made = make()
    assert store.read_store(made.pem.encode(), None) == [Entry(f"certificate-{made.sha256[:16]}", made.der)]


@given(st.binary(max_size=400))
def test_read_store_of_anything(data: bytes) -> None:
    for head in (b"", b"\xfe\xed\xfe\xed\0\0\0\2", b"0\x80\2\1\3", b"0\x82\1\0\2\1\3"):
        try:
            store.read_store(head + data, None)
        except StashMailError as error:
            assert str(error).startswith("the truststore")  # noqa: PT017 - both ends are allowed


def test_unknown_format() -> None:
    with pytest.raises(TruststoreError, match="jks, pkcs12"):
        store.write_store([], "bks")


BUILD = """
import base64, hashlib, json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.stashops.mail.plugins.module_utils._truststore import additions
from ansible_collections.stashops.mail.plugins.module_utils._truststore import store
given = json.load(sys.stdin)
entries = [store.Entry(alias, base64.b64decode(der)) for alias, der in given["entries"]]
slugs = [additions.slug(name) for name in given["names"]]
print(slugs)
for seed in range(3):
    built = store.build(entries[seed:] + entries[:seed], entries[:1]).entries
    for format in store.FORMATS:
        data = store.write_store(built, format, "p\\u00e4ss\\U0001f512")
        assert store.read_store(data, "p\\u00e4ss\\U0001f512", keytool="") == built
        print(format, hashlib.sha256(data).hexdigest())
"""


def test_the_same_bytes_on_every_python() -> None:
    aliases = ["Root", "root", "f\u0151tan\u00fas\u00edtv\u00e1ny", "\U0001f512", "\0", "z" * 300]
    # The last letter decomposes in Unicode 16 and is unknown to older tables.
    names = ["M\u00fcller & S\u00f6hne Root", "\u0141\u00f3d\u017a", "\u65e5\u672c", "\U0001ccd6"]
    given_entries = [(alias, "QUJD" * (number + 1)) for number, alias in enumerate(aliases)]
    stdin = json.dumps({"entries": given_entries, "names": names})
    outputs = {}
    for version in TARGET_VERSIONS:
        python = interpreter(version)
        if python is None:
            continue
        command = [python, "-I", "-S", "-c", BUILD, str(ROOT / "collections")]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        outputs[version] = done.stdout
    if len(outputs) < 2:
        pytest.skip(f"only one of the Pythons {TARGET_VERSIONS} is here: {os.environ.get('PATH')}")
    assert len(set(outputs.values())) == 1, outputs
    lines = next(iter(outputs.values())).splitlines()
    assert lines[0] == "['muller-sohne-root', 'odz', 'certificate', 'certificate']"
    assert len(set(lines[1:])) == 2, "one result for each format, whatever the order of the input"


def test_the_formats_that_can_be_asked_for_are_those_that_are_written() -> None:
    assert ARGUMENT_SPEC["format"]["choices"] == list(store.FORMATS)
