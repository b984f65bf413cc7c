"""The page as a browser sees it: every picture decodes, nothing is requested, nothing overflows."""

from __future__ import annotations

import time

import pytest

from discover.report import write_report
from tests.discover import headless
from tests.discover import report_samples as samples

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(headless.missing()), reason=headless.missing() or "there is a browser"),
]

SAMPLES = {
    "binary": lambda: samples.binary(40),
    "warm": samples.warm,
    "ternary": lambda: samples.ternary(40),
    "single_composition": lambda: samples.single_composition(30),
    "nothing_converged": samples.nothing_converged,
    "hostile": samples.hostile,
}
BROKEN_IMAGES = "return [...document.images].filter(i => !i.complete || i.naturalWidth === 0).map(i => i.alt)"
REQUESTS = (
    "return performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith('data:'))"
)
OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
FIRST_ROW = "return document.querySelector('table.phases tbody tr td:nth-child(6)').dataset.value"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with headless.browser(tmp_path_factory.mktemp("profile")) as session:
        yield session


@pytest.mark.parametrize("name", SAMPLES)
def test_page_is_whole_silent_and_fits(name, browser, tmp_path):
    page = write_report(SAMPLES[name](), tmp_path)
    for width in (1366, 390):
        for dark in (False, True):
            browser.show_as(width, dark=dark)
            browser.open(page)
            assert settled(browser, BROKEN_IMAGES) == []
            assert browser.run(REQUESTS) == []
            assert browser.run(OVERFLOW) <= 0
    assert browser.console() == []


def test_a_click_on_a_header_sorts_and_a_second_turns_round(browser, tmp_path):
    browser.show_as(1366)
    browser.open(write_report(samples.binary(60), tmp_path))
    click = "document.querySelector('table.phases th:nth-child(6) button').click()"
    browser.run(click)
    lowest = float(browser.run(FIRST_ROW))
    browser.run(click)
    assert float(browser.run(FIRST_ROW)) > lowest == 0


def test_the_slider_moves_the_table_and_the_drawing(browser, tmp_path):
    browser.show_as(390)
    browser.open(write_report(samples.warm(), tmp_path))
    values = "return [...document.querySelectorAll('table.warm tbody td:nth-child(4)')].map(c => +c.dataset.value)"
    hull = "return document.querySelector('#temperature-hull .hull').getAttribute('points')"
    before = browser.run(values), browser.run(hull)
    browser.run(
        "const r = document.getElementById('temperature-range'); r.value = r.max; r.dispatchEvent(new Event('input'))"
    )
    assert browser.run("return document.getElementById('temperature-now').textContent") == "1000 K"
    assert browser.run(values) != before[0] and browser.run(hull) != before[1]
    assert browser.run("return document.querySelectorAll('.hit b').length") == 0  # text stays text


def settled(browser, script, patience_s=5.0):
    """The script's value once it is empty, or the last one when patience ends: images decode later."""
    end = time.monotonic() + patience_s
    while (value := browser.run(script)) and time.monotonic() < end:
        time.sleep(0.1)
    return value
