# SPDX-FileCopyrightText: The stash_mail developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page in a browser: what it loads, how it opens, searches and prints, and what a screen reader gets of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.unit.check.fleet import LEAF, document, facts, fleet, good, render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH")
ATTACK = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Its sandbox does not work for root, and the page is our own.
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Opened:
    """A page in the browser, with all that it asked for and complained about."""

    def __init__(self, browser: Browser, folder: Path, found: dict[str, Any], **options: Any) -> None:
        path = folder / "stash_mail.html"
        path.write_text(render("page.html.j2", found))
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "offline": True, **options})
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri())

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def shoot(self, name: str, **options: Any) -> None:
        """Keep a screenshot, where STASH_MAIL_SCREENSHOTS names a folder."""
        folder = os.environ.get("STASH_MAIL_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"), **options)


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:
    found = Opened(browser, tmp_path, document(fleet()))
    yield found
    assert found.complaints == []
    found.page.context.close()


def rows(page: Page) -> list[str]:
    """The instances that are shown."""
    found = page.locator("table.matrix tbody tr:visible th")
    return [text.split()[0] for text in found.all_inner_texts()]


def test_it_is_one_file(opened: Opened) -> None:
    assert [url for url in opened.requests if not url.endswith("/stash_mail.html")] == []
    expect(opened.page).to_have_title("5 of 10 instances failed - mail of Stash and Bitbucket")
    assert len(rows(opened.page)) == 10
    opened.shoot("report-light", full_page=True)


def test_each_cell_opens_to_reason_and_remedy_by_keyboard(opened: Opened) -> None:
    page = opened.page
    cell = page.get_by_role("button", name="Settings of git.example.org: Failed")
    cell.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Settings of git.example.org")
    expect(dialog).to_be_visible()
    expect(page.get_by_role("heading", name="Settings of git.example.org")).to_be_focused()
    expect(dialog).to_contain_text("The mail server's port is 25 instead of 587.")
    expect(dialog).to_contain_text("Run provision.yml")
    opened.shoot("report-open")
    dialog.get_by_text("Details").click()
    expect(dialog.locator("pre")).to_contain_text('"port": 25')
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(cell).to_be_focused()
    assert page.locator("button.cell").count() == 60
    assert page.locator("[popover]").count() == 60


def test_search_and_filter(opened: Opened) -> None:
    page = opened.page
    search = page.get_by_role("searchbox")
    page.keyboard.press("/")
    expect(search).to_be_focused()
    search.fill("git-main")
    assert rows(page) == ["bitbucket-a3.example.com", "bitbucket-a1.example.com", "bitbucket-a2.example.com"]
    expect(page.get_by_role("status")).to_have_text("3 of 10 shown")
    page.get_by_role("radio", name="Failed").check()
    assert rows(page) == ["bitbucket-a3.example.com"]
    search.fill("refused PASSWORD")
    assert rows(page) == ["code.example.com"]
    search.fill("no such thing")
    expect(page.get_by_text("No instance fits the search and the filter.")).to_be_visible()
    search.fill("")
    page.get_by_role("radio", name="Warning").check()
    assert rows(page) == ["bitbucket-eu.example.com", "stash-old.example.com"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_in_both_schemes(browser: Browser, tmp_path: Path, scheme: str) -> None:
    opened = Opened(browser, tmp_path, document(fleet()), color_scheme=scheme)
    opened.shoot(f"report-{scheme}", full_page=True)
    # axe is put into the page, which its policy forbids: so it is asked in a copy without the policy.
    text = (tmp_path / "stash_mail.html").read_text()
    copy = tmp_path / "copy.html"
    copy.write_text(text.replace('http-equiv="Content-Security-Policy"', 'name="policy"'))
    opened.page.goto(copy.as_uri())
    for _state in ("closed", "opened"):
        found = Axe().run(opened.page)
        assert found.violations_count == 0, found.generate_report()
        opened.page.locator("button.cell").nth(3).click()
    opened.page.context.close()


def test_a_screen_reader_gets_a_table(opened: Opened) -> None:
    table = opened.page.get_by_role("table", name="One row for each instance")
    assert table.get_by_role("columnheader").count() == 7
    assert table.get_by_role("rowheader").count() == 10
    for name in ("Instances", "Certificates"):
        expect(opened.page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    assert opened.page.locator("html").get_attribute("lang") == "en"


def test_on_paper_what_is_wrong_is_open(opened: Opened) -> None:
    page = opened.page
    page.emulate_media(media="print")
    expect(page.get_by_role("searchbox")).to_be_hidden()
    shown = page.locator("[popover]:visible")
    assert shown.count() == 7, "those that failed, and the warnings"
    page.emulate_media(media="screen")
    page.get_by_role("radio", name="Warning").check()
    page.emulate_media(media="print")
    assert shown.count() == 2
    assert len(page.pdf(prefer_css_page_size=True)) > 10_000
    opened.shoot("report-print", full_page=True)


def test_without_scripts_it_reads_and_opens(browser: Browser, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path, document(fleet()), java_script_enabled=False)
    assert len(rows(opened.page)) == 10
    assert opened.page.get_by_role("searchbox").count() == 0
    opened.page.get_by_role("button", name="Settings of git.example.org: Failed").click()
    expect(opened.page.get_by_role("dialog", name="Settings of git.example.org")).to_be_visible()
    opened.page.context.close()


def test_what_other_machines_say_is_text(browser: Browser, tmp_path: Path) -> None:
    results = good({**LEAF, "common_name": ATTACK, "subject": ATTACK})
    said = dict.fromkeys(("cause", "msg", "remedy", "banner"), ATTACK)
    results["delivery"].update(outcome="rejected", delivers=False, **said)
    opened = Opened(browser, tmp_path, document({ATTACK: facts(results, cluster=ATTACK)}))
    expect(opened.page).to_have_title("1 of 1 instance failed - mail of Stash and Bitbucket")
    assert opened.page.locator("img").count() == 0
    assert opened.page.locator("script").count() == 1
    assert ATTACK in opened.page.locator("table.matrix tbody th").inner_text()
    assert opened.complaints == []
    opened.page.context.close()


def test_even_unescaped_it_would_not_run(browser: Browser, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path, document({"host": facts(good())}))
    path = tmp_path / "stash_mail.html"
    path.write_text(path.read_text().replace("<main>", f"<main>{ATTACK}"))
    opened.page.reload()
    expect(opened.page).to_have_title("All mail is well - mail of Stash and Bitbucket")
    assert any("Content Security Policy" in complaint for complaint in opened.complaints)
    opened.page.context.close()


def test_on_a_narrow_screen_only_the_tables_scroll_sideways(browser: Browser, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path, document(fleet()), viewport={"width": 390, "height": 800})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
    opened.shoot("report-narrow")
    opened.page.context.close()


def test_many_instances_are_folded_to_those_that_matter(browser: Browser, tmp_path: Path) -> None:
    few = fleet()
    many = {
        **few,
        **{f"well-{number:02}.example.com": facts(good()) for number in range(40)},
        "z.example.org": few["git.example.org"],
    }
    opened = Opened(browser, tmp_path, document(many))
    page = opened.page
    shown = page.get_by_role("status")
    assert len(rows(page)) == 8
    expect(shown).to_have_text("8 of 51 shown")
    opened.shoot("report-many", full_page=True)
    # The same answer of several instances once, with a link to each of them.
    problem = page.locator(".problems li").first
    expect(problem).to_contain_text("2 instances: The mail server's port is 25 instead of 587.")
    problem.locator("summary").click()
    problem.get_by_role("link", name="z.example.org").click()
    expect(page.locator("tr:target")).to_contain_text("z.example.org")
    # What is looked for is not left folded away.
    page.get_by_role("searchbox").fill("well-07")
    assert rows(page) == ["well-07.example.com"]
    expect(shown).to_have_text("1 of 51 shown")
    page.get_by_role("searchbox").fill("")
    assert len(rows(page)) == 51
    page.get_by_text("43 instances are well").click()
    expect(shown).to_have_text("8 of 51 shown")
    assert opened.complaints == []
    page.context.close()


def test_all_well_and_many(browser: Browser, tmp_path: Path) -> None:
    opened = Opened(browser, tmp_path, document({f"well-{number:02}": facts(good()) for number in range(30)}))
    assert rows(opened.page) == []
    opened.page.get_by_text("30 instances are well").click()
    assert len(rows(opened.page)) == 30
    assert opened.page.locator(".problems").count() == 0
    opened.page.context.close()
