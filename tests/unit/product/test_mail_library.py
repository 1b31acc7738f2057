# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mail library a product bundles, of which its account may make what it likes."""

from __future__ import annotations

import os
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._product.install import Install
from ansible_collections.stashops.mail.plugins.module_utils._product.mail_library import find_javamail


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    library = tmp_path / "app" / "WEB-INF" / "lib"
    library.mkdir(parents=True)
    return library / "mail.jar"


def version(jar: Path) -> str | None:
    found = find_javamail(Install(str(jar.parents[3]), "bitbucket", None, "start_webapp"))
    assert found is not None
    assert found["jar"] == str(jar)
    answer: str | None = found["version"]
    return answer


def write(jar: Path, manifest: str) -> None:
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", manifest)


def test_the_manifest_says_which(jar: Path) -> None:
    write(jar, "Manifest-Version: 1.0\nImplementation-Version: 1.6.2\n")
    assert version(jar) == "1.6.2"


def test_a_manifest_that_unpacks_to_more_than_it_should(jar: Path) -> None:
    write(jar, "x" * 50_000_000 + "\nImplementation-Version: 1.6.2\n")
    tracemalloc.start()
    assert version(jar) is None
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_a_jar_of_a_million_names(jar: Path) -> None:
    """What lists a jar's contents keeps half a kilobyte for each."""
    name = b"META-INF/MANIFEST.MF"
    entry = b"PK\x01\x02" + b"\0" * 24 + len(name).to_bytes(2, "little") + b"\0" * 16 + name
    count = 300_000
    directory = entry * count
    end = b"PK\x05\x06" + b"\0" * 4 + b"\xff\xff" * 2 + len(directory).to_bytes(4, "little") + b"\0" * 6
    jar.write_bytes(directory + end)
    tracemalloc.start()
    assert version(jar) is None
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("what", ["fifo", "device", "folder", "text"])
def test_what_is_no_jar(jar: Path, what: str) -> None:
    if what == "fifo":
        os.mkfifo(jar)
    elif what == "device":
        jar.symlink_to("/dev/zero")
    elif what == "folder":
        jar.mkdir()
    else:
        jar.write_text("PK\x05\x06")
    assert version(jar) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be led to what another may not read")
def test_a_link_to_what_only_root_may_read(jar: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jar"
    write(secret, "Implementation-Version: hush\n")
    secret.chmod(0o600)
    jar.symlink_to(secret)
    os.chown(jar, 12345, 12345, follow_symlinks=False)
    assert version(jar) is None
