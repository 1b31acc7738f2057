# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The links of the pages lead to files and headings that there are, and each page is linked from the index."""

from __future__ import annotations

import re

import pytest

from scripts.stage import staged_name
from tests.unit.docs.pages import PAGES, ROOT, prose

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-"))
    return found


def links(page: str) -> list[str]:
    return [target for target in _LINK.findall(prose(page)) if not re.match(r"\w+:", target)]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        goal = (ROOT / page).parent / path if path else ROOT / page
        assert goal.exists(), f"{page} links to {target}"
        if anchor:
            there = anchors(goal.resolve().relative_to(ROOT).as_posix())
            assert anchor in there, f"{page} links to {target}, and there are {sorted(there)}"


@pytest.mark.parametrize("page", [page for page in PAGES if staged_name(page)])
def test_what_is_shipped_links_to_what_is_shipped(page: str) -> None:
    for target in links(page):
        if path := target.partition("#")[0]:
            goal = ((ROOT / page).parent / path).resolve().relative_to(ROOT).as_posix()
            assert staged_name(goal), f"{page} links to {target}, which the built archive does not have"


def test_the_index_has_every_page() -> None:
    linked = {((ROOT / "docs") / target.partition("#")[0]).resolve() for target in links("docs/README.md")}
    pages = [page for page in PAGES if page.startswith("docs/") and "/decisions/" not in page]
    assert [page for page in pages if page != "docs/README.md" and (ROOT / page) not in linked] == []
