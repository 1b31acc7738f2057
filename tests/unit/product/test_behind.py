# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product where a command leads to: what is made of what comes back from there."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product import behind

# Called as SCRIPT sh -c PROGRAM sh MARK. It hands the program's own text on to nobody.
ANSWER = """#!/bin/sh
m=$5
z() { printf '%s\\0' "$@"; }
z 2000000000 1000.50 100 bitbucket
"""
SEARCH = 'z "$m" 7 /opt/java/bin/java / "S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 10 0" 2003\nz "$m" java -Dorg=1\n'
PRODUCT = """z "$m" 8 /opt/java/bin/java /home "S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 20000 0" 2003
z '_JAVA_OPTIONS=-Djavax.net.ssl.trustStore=/last' 'OTHER=s3cret'
z "$m" java -Dbitbucket.home=/data -Djavax.net.ssl.trustStore=/first 'of two
lines'
"""


def command(folder: Path, *parts: str) -> list[str]:
    script = folder / "exec"
    script.write_text(ANSWER + "".join(parts))
    script.chmod(0o755)
    return [str(script)]


def test_the_product_among_other_processes(tmp_path: Path) -> None:
    product = behind.find(command(tmp_path, SEARCH, PRODUCT))
    process = product.process
    assert process is not None
    assert (process.pid, process.uid, process.executable) == (8, 2003, "/opt/java/bin/java")
    assert process.arguments[-1] == "-Djavax.net.ssl.trustStore=/last", "what wins over the command line"
    assert process.started == 2000000000 - 1000.5 + 200
    found = behind.information(product)
    assert (found["user"], found["java"]["home"]) == ("bitbucket", "/opt/java")
    assert found["process"]["user"] == "bitbucket"
    assert found["process"]["truststore_source"] == "_JAVA_OPTIONS"
    assert "s3cret" not in str(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'z "$m"\n',
        'z "$m" x\nz "$m"\n',
        'z "$m" x y z\nz "$m" java -Dbitbucket.home=/x\n',
        'z "$m" 8 /j / "S 1" 2003\nz "$m" java -Dbitbucket.home=/x\n',
        'z "$m" "$m" "$m" "$m"\n',
    ],
)
def test_what_is_no_product(tmp_path: Path, text: str) -> None:
    assert behind.find(command(tmp_path, text)).process is None


def test_a_process_that_ends_while_it_is_read(tmp_path: Path) -> None:
    """The status is not that of the last file that was to be read."""
    for name, text in (
        ("cat", 'case $1 in */cmdline) exit 1 ;; */stat) echo "1 (x) S" ;; *) /bin/cat "$@" ;; esac'),
        ("readlink", "echo /x"),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "exec").write_text(f'#!/bin/sh\nPATH="{tmp_path}:$PATH" exec "$@"\n')
    (tmp_path / "exec").chmod(0o755)
    assert behind.find([str(tmp_path / "exec")]).user


def test_nothing_can_be_run_there(tmp_path: Path) -> None:
    with pytest.raises(StashMailError, match=r"Nothing can be run behind .*: no such container"):
        behind.find(command(tmp_path, "echo no such container >&2; exit 125\n"))
    product, why = behind.find_if_there([str(tmp_path / "missing")])
    assert "cannot be run" in why
    assert behind.information(product) == {"process": None, "user": None, "java": None}


@pytest.mark.parametrize(
    ("old", "new"),
    [("2000000000", "1e999"), ("1000.50", "nan"), (" 20000 ", " " + "9" * 400 + " "), ("2000000000", "9" * 400)],
)
def test_numbers_that_are_none(tmp_path: Path, old: str, new: str) -> None:
    script = Path(command(tmp_path, PRODUCT)[0])
    script.write_text(script.read_text().replace(old, new))
    found = behind.information(behind.find([str(script)]))
    assert found["process"]["pid"] == 8


@pytest.mark.parametrize(("old", "new"), [(" 8 ", ' "\u00b2" '), (" 8 ", f" {'9' * 5000} "), ('" 2003', '" "\u00b2"')])
def test_a_process_without_a_number(tmp_path: Path, old: str, new: str) -> None:
    script = Path(command(tmp_path, PRODUCT)[0])
    script.write_text(script.read_text().replace(old, new), "utf-8")
    assert behind.find([str(script)]).process is None
