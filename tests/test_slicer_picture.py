"""The page with a driver's call graph, as a browser shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from faultkit.model.errors import UnmetNeed
from slicer import picture, source
from slicer.plan import Cut, Half
from slicer.report import Sliced, sliced
from tests.browser import MISSING, browser, complaints, opened

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


@pytest.fixture(scope="module")
def found() -> Sliced:
    """8139cp, planned."""
    try:
        source.tree()
    except UnmetNeed as reason:
        pytest.skip(str(reason))
    return sliced("8139cp", Cut.ATOMIC)


def test_each_function_is_on_its_side_and_tells_its_reason(found: Sliced, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(picture.picture_page(found))
    with browser(tmp_path / "profile") as driver:
        opened(driver, page)
        for half in Half:
            own = {each.label for each in found.plan.of(half) if not each.function.made}
            shown = driver.find_elements(By.CSS_SELECTOR, f"g.{half.value} title")
            assert {each.get_attribute("textContent") for each in shown} == own
        opened(driver, page, "#mdio_read")
        panel = driver.find_element(By.TAG_NAME, "aside")
        assert "request_threaded_irq(1): data" in panel.text
        panel.find_element(By.XPATH, ".//button[text()='cp_interrupt']").click()
        assert panel.find_element(By.TAG_NAME, "h2").text == "cp_interrupt"
        assert driver.find_element(By.CSS_SELECTOR, "g.chosen title").get_attribute("textContent") == "cp_interrupt"
        driver.find_element(By.ID, "find").send_keys("eeprom")
        assert {"read_eeprom", "write_eeprom"} <= {
            each.get_attribute("textContent") for each in driver.find_elements(By.CSS_SELECTOR, "g.found title")
        }
        assert not complaints(driver)
    assert "http" not in page.read_text().replace("http://www.w3.org/2000/svg", "")
