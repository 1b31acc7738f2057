# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is imported from a zip, as Ansible sends it, is compiled once."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

UTILS = Path(__file__).resolve().parents[2] / "plugins/module_utils"
COUNT = """\
import collections, json, sys, zipimport
counted = collections.Counter()
compile_source = zipimport._compile_source
def count(path, source):
    counted[path.rpartition("/")[2]] += 1
    return compile_source(path, source)
zipimport._compile_source = count
sys.path.insert(0, sys.argv[1])
import first
import room.second
print(json.dumps([counted, room.second.WORDS, room.second.__file__]))
"""


def test_what_is_sent_is_compiled_once(tmp_path: Path) -> None:
    payload = tmp_path / "payload.zip"
    with zipfile.ZipFile(payload, "w") as archive:
        archive.writestr("_compile_once.py", (UTILS / "_compile_once.py").read_text("utf-8"))
        archive.writestr("first.py", "import _compile_once\nimport third\n")
        archive.writestr("room/__init__.py", "")
        archive.writestr("room/second.py", "import third\nWORDS = third.WORDS\n")
        archive.writestr("third.py", "WORDS = 'of the third'\n")
    done = subprocess.run(
        [sys.executable, "-c", COUNT, str(payload)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    counted, words, file = json.loads(done.stdout)
    # Those before it show that the count counts what Python does by itself.
    assert counted == {"first.py": 2, "_compile_once.py": 2, "third.py": 1, "__init__.py": 1, "second.py": 1}
    assert (words, file) == ("of the third", f"{payload}/room/second.py")
