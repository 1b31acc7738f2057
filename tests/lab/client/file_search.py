# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a container hold one of some texts, run inside it.

Each line of standard input is a list of texts in JSON, and the answer to it on standard output is a list of paths.
"""

from __future__ import annotations

import json
import os
import sys

# Not files, or nothing that a run may write to: the scenarios compare the whole container with its image.
LEFT_OUT = ("/dev", "/proc", "/run/netns", "/sys", "/usr")
# Where a host of containers has what one of them sees.
INNER_ROOT = "/merged"


def search(texts: list[str]) -> list[str]:
    """The paths, sorted; sockets, links and what vanishes meanwhile are passed over."""
    wanted = [text.encode() for text in texts]
    found = []
    for folder, folders, names in os.walk("/"):
        seen_as = folder.rpartition(INNER_ROOT)[2] or "/"
        folders[:] = [name for name in folders if os.path.join(seen_as, name) not in LEFT_OUT]
        for path in (os.path.join(folder, name) for name in names):
            if os.path.isfile(path) and not os.path.islink(path):
                try:
                    with open(path, "rb") as stream:
                        content = stream.read()
                except FileNotFoundError:
                    continue
                if any(text in content for text in wanted):
                    found.append(path)
    return sorted(found)


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(search(json.loads(line))), flush=True)
