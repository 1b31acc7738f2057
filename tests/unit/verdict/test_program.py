# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that ships is what its source beside it compiles to."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._verdict import program

from scripts import java_program

JAVA_8 = 52


def shipped() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(program.JAR))) as jar:
        return {name: jar.read(name) for name in jar.namelist()}


def test_java_8_reads_it() -> None:
    classes = shipped()
    assert f"{program.CLASS_NAME}.class" in classes
    for name, data in classes.items():
        assert data[:4] == b"\xca\xfe\xba\xbe", name
        assert int.from_bytes(data[6:8], "big") == JAVA_8, name


def test_it_is_what_its_source_compiles_to() -> None:
    javac = java_program.find_javac()
    if not javac:
        pytest.skip(f"no JDK {java_program.RELEASE}: its compiler wrote these bytes, another's may write others")
    assert java_program.compile_classes(javac) == shipped(), "make java-program writes it again"
