"""A headless Chromium for tests of pages, or the reason why there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
MISSING = None if CHROMIUM and DRIVER else "no chromium, or no chromedriver: apt-get install chromium chromium-driver"
READY_S = 30


@contextmanager
def browser(profile: Path) -> Iterator[Chrome]:
    """A browser without a network; its profile lies in the directory `profile`."""
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for option in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
        "--window-size=1440,900", "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={profile}",
    ):  # fmt: skip
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=ChromeService(executable_path=str(DRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


def opened(driver: Chrome, page: Path, place: str = "") -> float:
    """Open a dashboard and wait until it is ready; milliseconds from the navigation to then."""
    driver.get("about:blank")  # else a new place in the same page would not load it
    driver.get(f"{page.as_uri()}{place}")
    driver.set_script_timeout(READY_S)
    waited: Any = driver.execute_async_script(
        """const done = arguments[0];
        const look = () => document.documentElement.dataset.ready ? done(performance.now()) : setTimeout(look, 5);
        look();"""
    )
    return float(waited)


def complaints(driver: Chrome) -> list[str]:
    """The messages of the browser's console since the last call."""
    browser: Any = driver  # get_log() has no types
    return [entry["message"] for entry in browser.get_log("browser")]
