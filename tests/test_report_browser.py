"""The dashboard in a browser."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from faultkit.figures.select import activated
from faultkit.report import write_dashboard
from faultkit.results import analysis
from faultkit.results.availability import downtime
from faultkit.store.store import Store
from tests.browser import MISSING, browser, complaints, opened
from tests.synthetic import campaign

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign with every outcome."""
    return campaign(tmp_path_factory.mktemp("results") / "run", 300)


@pytest.fixture(scope="module")
def dashboard(run: Path) -> Path:
    """The dashboard of it, beside a second campaign."""
    out = run.parent / "report.html"
    write_dashboard([run, campaign(run.parent / "other", 60, seed=3, experiment="another")], out)
    return out


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One browser for all tests of this file."""
    with browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def page(chrome: Chrome, dashboard: Path) -> Iterator[Chrome]:
    """The dashboard, open; it must not complain whatever a test does to it."""
    opened(chrome, dashboard)
    yield chrome
    assert complaints(chrome) == []


def one(page: Any, selector: str) -> WebElement:
    """The first element of the open campaign, or of the page, that a selector finds."""
    found: WebElement = page.find_element(By.CSS_SELECTOR, selector)
    return found


def texts(page: Chrome, selector: str) -> list[str]:
    """The texts of all that a selector finds."""
    return [element.text for element in page.find_elements(By.CSS_SELECTOR, selector)]


def seen(page: Chrome, chart: str) -> None:
    """Scroll to a chart and wait until it is drawn: that is when its reader comes near."""
    page.execute_script("document.querySelector(arguments[0]).scrollIntoView()", chart)
    WebDriverWait(page, 10).until(lambda p: p.find_elements(By.CSS_SELECTOR, f"{chart} .main-svg"))


def title(page: Chrome, after: str) -> str:
    """The title of the open trial, as soon as it is another than `after`."""
    found = (By.CSS_SELECTOR, "dialog[open] h2")
    WebDriverWait(page, 10).until(lambda p: p.find_elements(*found) and p.find_element(*found).text != after)
    return str(page.find_element(*found).text)


def stored(run: Path, sql: str) -> list[Any]:
    """The first column of a query."""
    with Store.open(run) as store:
        return [row[0] for row in store.select(sql)]


def test_every_chart_is_drawn(page: Chrome) -> None:
    charts = page.find_elements(By.CSS_SELECTOR, "#c0 .plot")
    names = [chart.get_attribute("data-figure") for chart in charts]
    assert {"recovery", "phases", "availability", "detection", "crashes", "heat-function"} <= set(names)
    for name in names:
        seen(page, f'#c0 [data-figure="{name}"]')


def test_the_table_filters_by_outcome_policy_and_text(page: Chrome, run: Path) -> None:
    lost = stored(run, "SELECT n FROM trials WHERE outcome = 'LOST' ORDER BY n")
    next(c for c in page.find_elements(By.CSS_SELECTOR, "#c0 .chip") if c.text.startswith("LOST")).click()
    assert texts(page, "#c0 tr.row td:first-child") == [str(n) for n in lost]
    assert one(page, "#c0 .shown").text == f"{len(lost)} of 300 trials"
    one(page, "#c0 .controls input").send_keys("heartbeat")
    sql = "SELECT n FROM trials WHERE outcome = 'LOST' AND detected_by = 'heartbeat' ORDER BY n"
    assert texts(page, "#c0 tr.row td:first-child") == [str(n) for n in stored(run, sql)] != []
    one(page, '#c0 select[aria-label="policy"] option[value="reload_kdriver"]').click()
    assert set(texts(page, "#c0 tr.row td:nth-child(6)")) <= {"reload_kdriver"}


def test_the_table_sorts_both_ways_with_what_is_missing_last(page: Chrome, run: Path) -> None:
    head = one(page, '#c0 th[data-column="recovery_ms"]')
    head.click()
    sql = "SELECT n FROM trials ORDER BY ROUND(recovery_ns / 1e6, 3) DESC NULLS LAST, n LIMIT 100"
    assert texts(page, "#c0 tr.row td:first-child") == [str(n) for n in stored(run, sql)]
    head.click()
    assert head.get_attribute("aria-sort") == "ascending"
    first = stored(
        run, "SELECT n FROM trials WHERE recovery_ns NOT NULL ORDER BY ROUND(recovery_ns / 1e6, 3), n LIMIT 1"
    )
    assert texts(page, "#c0 tr.row td:first-child")[0] == str(first[0])


def test_a_row_opens_the_trials_page_which_says_what_the_store_says(page: Chrome, run: Path) -> None:
    (n,) = stored(run, "SELECT n FROM trials WHERE injector = 'text' AND outcome = 'CRASHED' LIMIT 1")
    page.execute_script("location.hash = arguments[0]", f"#c0-t{n}")
    title(page, after="")
    dialog = one(page, "dialog[open]")
    with Store.open(run) as store:
        oops = next(e for e in store.events(n) if e.kind in ("kernel.oops", "kernel.lockup"))
        fault = store.plan(n)["fault"]
    assert f"Trial {n}: text in {fault['site']['function']}" in one(dialog, "h2").text
    assert one(dialog, ".command").text == f"faultkit replay {run} {n}"
    assert f"{oops.data['what']} in {oops.data['function']}+0x4f" in one(dialog, ".crash").text
    assert [one(dialog, ".before").text, one(dialog, ".after").text] == [
        fault["site"]["before"],
        fault["site"]["after"],
    ]
    assert "fault.activated" in one(dialog, ".listing").text and "RIP: 0010" in one(dialog, "pre.listing").text
    assert one(dialog, "svg.timeline[role=img]").is_displayed()
    dialog.send_keys(Keys.ESCAPE)
    assert not page.find_elements(By.CSS_SELECTOR, "dialog[open]")


def test_next_and_previous_follow_the_filtered_order(page: Chrome, run: Path) -> None:
    hung = stored(run, "SELECT n FROM trials WHERE outcome = 'HUNG' ORDER BY n")
    next(c for c in page.find_elements(By.CSS_SELECTOR, "#c0 .chip") if c.text.startswith("HUNG")).click()
    one(page, "#c0 tr.row").click()
    titles = [title(page, after="")]
    while not one(page, "dialog .step:nth-of-type(2)").get_attribute("disabled"):
        one(page, "dialog .step:nth-of-type(2)").click()
        titles.append(title(page, after=titles[-1]))
    assert [int(number) for text in titles for number in re.findall(r"Trial (\d+)", text)] == hung


def test_an_undetected_failure_is_a_link_to_its_trial(page: Chrome, run: Path) -> None:
    link = one(page, "#c0 a[data-trial]")
    n = int(link.text)
    page.execute_script("arguments[0].click()", link)
    assert f"Trial {n}:" in title(page, after="")
    with Store.open(run) as store:
        assert list(store.select("SELECT outcome, detected_by FROM trials WHERE n = ?", n)) == [
            (one(page, "dialog[open] .pill").text, None)
        ]


def test_the_sliders_give_what_the_module_computes(page: Chrome, run: Path) -> None:
    seen(page, '#c0 [data-figure="availability"]')
    script = """for (const [name, value] of Object.entries(arguments[0])) {
        const input = document.querySelector(`#c0 input[name="${name}"]`);
        input.step = "any"; input.value = value; input.dispatchEvent(new Event("input"));
    }
    return document.querySelector('#c0 [data-figure="availability"]').data[2].y"""
    line = page.execute_script(script, {"between": 5, "repair": 3})
    trials = activated(analysis.trials(run))
    cost = downtime(trials[trials["policy"] == "reload_kdriver"])
    shown = one(page, "#c0 [data-cost] td:nth-last-child(3)").text
    assert float(shown.removesuffix(" %")) == pytest.approx(100 * cost.availability(1e5, 1e3), abs=0.01)
    assert line[0] == pytest.approx(cost.yearly_s(3600, 1e3), rel=1e-6)


def test_a_tab_shows_the_other_campaign(page: Chrome) -> None:
    page.find_elements(By.CSS_SELECTOR, ".tabs a")[1].click()
    assert one(page, "#c1").is_displayed() and not one(page, "#c0").is_displayed()
    seen(page, '#c1 [data-figure="recovery"]')


def strokes(page: Chrome) -> list[str]:
    """The colours of the recovery curves."""
    found: list[str] = page.execute_script(
        """return [...document.querySelectorAll('#c0 [data-figure="recovery"] .js-line')]
        .map((line) => getComputedStyle(line).stroke)"""
    )
    return found


def test_charts_follow_the_dark_theme(page: Chrome) -> None:
    seen(page, '#c0 [data-figure="recovery"]')
    light, background = strokes(page), one(page, "body").value_of_css_property("background-color")
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    WebDriverWait(page, 10).until(lambda _: strokes(page) != light)
    assert len(strokes(page)) == len(light) > 0
    assert one(page, "body").value_of_css_property("background-color") != background
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    WebDriverWait(page, 10).until(lambda _: strokes(page) == light)


def test_it_prints_all_campaigns_on_light_paper(page: Chrome) -> None:
    page.execute_script(
        "addEventListener('beforeprint', () => { const other = document.querySelector('#c1');"
        "window.seen = [other.querySelectorAll('.main-svg').length, getComputedStyle(other).display]; })"
    )
    pdf = base64.b64decode(page.print_page())
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 6
    charts, display = page.execute_script("return window.seen")
    assert charts > 0 and display == "block"
    assert not one(page, "#c1").is_displayed(), "afterwards all is as before"
