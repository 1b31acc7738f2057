# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables in the documentation that the run which measured them writes, between two comments of the page.

The comments are ``<!-- NAME -->`` and ``<!-- end of NAME -->``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
# Set to 1, the tests write what they would otherwise compare.
WRITE = "STASH_MAIL_WRITE_DOCS"


def wanted() -> bool:
    """Whether this run shall write the documentation."""
    return os.environ.get(WRITE, "") not in ("", "0")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def read(page: str, name: str) -> str:
    """What stands between the comments of ``name``; ValueError where the page has no such comments."""
    text = (DOCS / page).read_text("utf-8")
    begin, end = _limits(text, page, name)
    return text[begin:end].strip("\n")


def write(page: str, name: str, content: str) -> None:
    """Replace what stands between the comments of ``name``; ValueError where the page has no such comments."""
    path = DOCS / page
    text = path.read_text("utf-8")
    begin, end = _limits(text, page, name)
    path.write_text(f"{text[:begin]}\n{content}\n\n{text[end:]}", "utf-8")


def _limits(text: str, page: str, name: str) -> tuple[int, int]:
    opening, closing = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    if text.count(opening) != 1 or text.count(closing) != 1:
        raise ValueError(f"docs/{page} must have the comments {opening.strip()} and {closing} once each.")
    return text.index(opening) + len(opening), text.index(closing)
