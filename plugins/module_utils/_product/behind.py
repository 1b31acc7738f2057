# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The product where a command leads to, such as into its container by ``podman exec`` or ``kubectl exec``.

What it runs is a shell as the product's account, which sees what that account sees of its own processes.
"""

from __future__ import annotations

import binascii
import os
import re
import time
import typing as t

from ansible_collections.stashops.mail.plugins.module_utils._errors import StashMailError
from ansible_collections.stashops.mail.plugins.module_utils._java.arguments import OPTION_VARIABLES
from ansible_collections.stashops.mail.plugins.module_utils._java.start import JavaBehind
from ansible_collections.stashops.mail.plugins.module_utils._product.process import Process, describe, of_words

# Everything is separated by null bytes. $1 opens what is said of a process, and nobody there can know it before.
_LOOK = """\
printf '%s\\0' "$(date +%s)" "$(cut -d ' ' -f 1 /proc/uptime)" "$(getconf CLK_TCK || echo 100)" "$(id -un || id -u)"
for folder in /proc/[0-9]*; do
  program=$(readlink "$folder/exe") || continue
  status=$(cat "$folder/stat") || continue
  printf '%s\\0' "$1" "${folder#/proc/}" "$program" "$(readlink "$folder/cwd")" "${status##*) }" "$(id -u)"
  tr '\\0' '\\n' < "$folder/environ" | grep -E '^(JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|_JAVA_OPTIONS)=' | tr '\\n' '\\0'
  printf '%s\\0' "$1"
  cat "$folder/cmdline"
done 2>/dev/null
exit 0
"""
_MAX = 8 * 1024 * 1024
_STARTED = 19  # of the fields behind the command's name in /proc/PID/stat


class Product(t.NamedTuple):
    """What is there: the running product, None where it does not run, and the account that was asked."""

    process: Process | None
    user: str


NOT_SEEN = Product(None, "")


def find(behind: t.Sequence[str]) -> Product:
    """The product behind a command; raises :class:`StashMailError` where nothing can be run there."""
    mark = binascii.hexlify(os.urandom(16)).decode("ascii")
    java = JavaBehind(behind, None)
    data, status, words = java.say(["sh", "-c", _LOOK, "sh", mark], _MAX)
    if status != 0 or data.count(b"\0") < 4:
        raise StashMailError(f"Nothing can be run {java.where}: {words or 'it said nothing'}")
    head, *rest = data.decode("utf-8", "surrogateescape").split(f"{mark}\0")
    now, uptime, ticks, user = head.split("\0")[:4]
    boot = _number(now, time.time()) - _number(uptime, 0)
    found = []
    for about, command in zip(rest[::2], rest[1::2]):
        process = _process(about.split("\0")[:-1], command.rstrip("\0").split("\0"), boot, _number(ticks, 100))
        if process is not None:
            found.append(process)
    return Product(min(found, key=lambda process: process.started, default=None), user)


def find_if_there(behind: t.Sequence[str]) -> tuple[Product, str]:
    """As :func:`find`, and why nothing is known where nothing can be run there, as in a container that is stopped."""
    try:
        return find(behind), ""
    except StashMailError as error:
        return NOT_SEEN, str(error)


def information(product: Product) -> dict[str, t.Any]:
    """What stash_mail_info says of it: its process, its account and its Java."""
    home = java_home(product)
    process = describe(product.process)
    if process:
        process["user"] = product.user
    return {
        "process": process,
        "user": product.user or None,
        "java": {"home": home, "source": "the running product", "version": None, "cacerts": None} if home else None,
    }


def java_home(product: Product) -> str | None:
    """The home of the Java that it runs on."""
    program = product.process.executable if product.process else ""
    return os.path.dirname(os.path.dirname(program)) if program else None


def _process(about: t.Sequence[str], command: t.Sequence[str], boot: float, ticks: float) -> Process | None:
    if len(about) < 5:
        return None
    pid, program, folder, stat, uid = about[:5]
    options = {name: value for name, _equals, value in (item.partition("=") for item in about[5:])}
    fields = stat.split()
    if not all(re.fullmatch("[0-9]{1,10}", number) for number in (pid, uid)) or len(fields) <= _STARTED:
        return None
    facts = {
        "pid": int(pid),
        "executable": program,
        "working_dir": folder,
        "uid": int(uid),
        "started": max(boot + _number(fields[_STARTED], 0) / max(ticks, 1), 0.0),
    }
    return of_words(command, {name: options[name] for name in OPTION_VARIABLES if name in options}, facts)


def _number(text: str, otherwise: float) -> float:
    # In what that account says is no infinity, and no year that is none.
    return float(text) if re.fullmatch(r"[0-9]{1,11}(?:\.[0-9]{0,9})?", text) else otherwise
