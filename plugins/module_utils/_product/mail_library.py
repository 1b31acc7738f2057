# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mail library a product bundles."""

from __future__ import annotations

import glob
import os
import re
import typing as t
import zipfile

from ansible_collections.stashops.mail.plugins.module_utils._product.install import Install

_MAIL_JAR = re.compile(r"(javax\.mail|jakarta\.mail|angus-mail|mail)(?:-(\d+(?:\.\d+)*)\S*)?\.jar")


def find_javamail(install: Install | None) -> dict[str, t.Any] | None:
    """The mail library in the product's WEB-INF/lib: ``jar``, ``version``, ``checks_identity``; None if not found.

    Certificates' names are checked by default since Angus Mail 1.1; JavaMail and Jakarta Mail did not.
    """
    if install is None:
        return None
    pattern = os.path.join(glob.escape(install.path), "*", "WEB-INF", "lib", "*mail*.jar")
    for path in sorted(glob.glob(pattern)):
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
        with zipfile.ZipFile(path) as jar:
            manifest = jar.read("META-INF/MANIFEST.MF").decode("utf-8", "replace")
    except (OSError, KeyError, zipfile.BadZipFile):
        return None
    match = re.search(r"^(?:Implementation|Bundle)-Version:\s*(\S+)", manifest, re.MULTILINE)
    return match.group(1) if match else None
