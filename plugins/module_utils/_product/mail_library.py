# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mail library a product bundles."""

from __future__ import annotations

import os
import re
import typing as t
import zipfile
import zlib

from ansible_collections.stashops.mail.plugins.module_utils import _files
from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._product.install import Install

# Mail libraries have 0.7 MB. What lists the contents of a jar takes twenty times its size in memory.
_MAX_JAR = 4 * 1024 * 1024
_MAX_MANIFEST = 64 * 1024
_MAIL_JAR = re.compile(r"(javax\.mail|jakarta\.mail|angus-mail|mail)(?:-(\d+(?:\.\d+)*)\S*)?\.jar")


def find_javamail(install: Install | None) -> dict[str, t.Any] | None:
    """The mail library in the product's WEB-INF/lib: ``jar``, ``version``, ``checks_identity``; None if not found.

    Certificates' names are checked by default since Angus Mail 1.1; JavaMail and Jakarta Mail did not.
    """
    if install is None:
        return None
    for path in _files.matching(install.path, "*", "WEB-INF", "lib", "*mail*.jar"):
        match = _MAIL_JAR.fullmatch(os.path.basename(path))
        if match:
            version = match.group(2) or _jar_version(path)
            if match.group(1) != "angus-mail":
                checks: bool | None = False
            else:
                checks = tuple(map(int, re.findall(r"\d+", version))) >= (1, 1) if version else None
            return {"jar": path, "version": version, "checks_identity": checks}
    return None


def _jar_version(path: str) -> str | None:
    try:
        # Another account may have put it there: nothing that unpacks to more than it should.
        with _files.stream(path) as stream:
            if os.fstat(stream.fileno()).st_size > _MAX_JAR:
                return None
            with zipfile.ZipFile(stream) as jar, jar.open("META-INF/MANIFEST.MF") as entry:
                manifest = entry.read(_MAX_MANIFEST).decode("utf-8", "replace")
    except (
        StashMailError,
        OSError,
        KeyError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        EOFError,
        zlib.error,
        zipfile.BadZipFile,
    ):
        return None
    match = re.search(r"^(?:Implementation|Bundle)-Version:\s*(\S+)", manifest, re.MULTILINE)
    return match.group(1) if match else None
