"""The pages in a real browser, as people use them: by eye, by ear, by key and by thumb."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.support.browser import DESK, PHONE, browsing
from tests.support.daemon import started
from tests.support.fleet import LIVES, ODD, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.browser import Browser

ODD_PATH = f"/mailboxes/{quote(ODD, safe='')}"
PAGES = ("/", "/mailboxes/support", "/mailboxes/scanner", ODD_PATH)
_WIDTH = "return document.documentElement.scrollWidth"
_FOCUSED = "return document.activeElement.textContent.trim() || document.activeElement.id"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    opened = browsing()
    yield started(opened.__enter__)
    opened.__exit__(None, None, None)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("fleet"), LIVES) as address:
        yield address


def names(browser: Browser) -> list[str]:
    return [each.text for each in browser.driver.find_elements(By.CSS_SELECTOR, "th.name a")]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_accessible_by_day_and_night_on_desk_and_phone(
    browser: Browser, address: str, page: str
) -> None:
    for size, dark in ((DESK, False), (PHONE, True)):
        browser.show(address + page, size, dark=dark)
        assert browser.faults() == []
        # Not the window's own width: a telephone zooms out until everything fits.
        assert browser.run(_WIDTH) <= size[0]
        assert browser.complaints() == []


def test_the_list_is_filtered_by_text_tag_and_state_without_script(
    browser: Browser, address: str
) -> None:
    browser.show(address + "/", script=False)
    find = browser.driver.find_element
    find(By.ID, "search").send_keys("AN")
    Select(find(By.ID, "tag")).select_by_visible_text("vip")
    Select(find(By.ID, "state")).select_by_visible_text("critical")
    find(By.CSS_SELECTOR, ".filter button").click()
    assert names(browser) == ["anna"]
    assert find(By.ID, "search").get_attribute("value") == "AN"
    find(By.LINK_TEXT, "Show all").click()
    assert len(names(browser)) == 50
    find(By.PARTIAL_LINK_TEXT, "Next").click()
    assert len(names(browser)) == len(LIVES) - 50
    assert browser.complaints() == []


def test_the_keyboard_alone_reaches_everything(browser: Browser, address: str) -> None:
    browser.show(address + "/?state=warning")
    reached = []
    for _ in range(40):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(browser.run(_FOCUSED))
    for expected in ("Skip to content", "mailbox-agent", "Metrics", "search", "Filter", "orders"):
        assert expected in reached
    browser.show(address + "/")
    browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.run("return document.activeElement.id") == "main"


def test_a_name_of_any_letters_is_a_link_that_works_and_nothing_more(
    browser: Browser, address: str
) -> None:
    browser.show(address + "/?search=%C3%BCnicode")
    assert names(browser) == [ODD]
    browser.driver.find_element(By.LINK_TEXT, ODD).click()
    assert browser.driver.find_element(By.TAG_NAME, "h1").text == ODD
    browser.driver.find_element(By.LINK_TEXT, "Mailboxes").click()
    assert browser.driver.current_url == address + "/"


def test_colour_is_never_alone(browser: Browser, address: str) -> None:
    browser.show(address + "/")
    for cell in browser.driver.find_elements(By.CSS_SELECTOR, "td.is .state"):
        assert cell.text
        assert cell.find_element(By.CSS_SELECTOR, "svg use").get_attribute("href")
    for line in browser.driver.find_elements(By.CSS_SELECTOR, "svg.spark"):
        assert line.accessible_name.startswith("from ")


def test_a_chart_says_what_it_shows_in_words_and_figures(browser: Browser, address: str) -> None:
    browser.show(address + "/mailboxes/support")
    chart = browser.driver.find_element(By.CSS_SELECTOR, "svg.chart")
    assert chart.aria_role in {"img", "image"}
    assert "Storage in User quota: " in chart.accessible_name
    assert "with a limit of 4.0 GiB; full on " in chart.accessible_name
    browser.driver.find_element(By.TAG_NAME, "summary").click()
    rows = browser.driver.find_elements(By.CSS_SELECTOR, "details tbody tr")
    assert rows[0].text.startswith("1 March 2026")
    assert "2.4 GiB" in rows[0].text
