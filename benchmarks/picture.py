"""`make picture`, or `python -m benchmarks.picture [RESULT]`: the README's picture of a dashboard, docs/dashboard.png.

Without an argument, of the results that ./demo has left.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from faultkit.report import write_dashboard
from tests.browser import browser, opened

ROOT = Path(__file__).parents[1]
DEMO = tuple(ROOT / "results" / name / "latest" for name in ("quickstart_rtl8139", "quickstart_nbd"))
OUT = ROOT / "docs" / "dashboard.png"
WIDTH, HEIGHT = 1280, 1440  # pixels of the page that are shown
MOST_BYTES = 300_000


def main(arguments: Sequence[str]) -> None:
    """Draw the top of the first campaign's dashboard."""
    results = [Path(argument) for argument in arguments] or [path for path in DEMO if path.exists()]
    if not results:
        raise SystemExit(f"there are no results in {ROOT / 'results'}: run ./demo first, or give a RESULT")
    with tempfile.TemporaryDirectory(prefix="faultkit-picture-") as scratch:
        page = Path(scratch) / "page.html"
        write_dashboard(results[:1], page)
        with browser(Path(scratch) / "profile") as chrome:
            metrics = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
            chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            chrome.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
            opened(chrome, page)
            chrome.save_screenshot(str(OUT))
    size = OUT.stat().st_size
    print(f"{OUT}: {size / 1e3:.0f} kB{'' if size < MOST_BYTES else ', MISSED the line of 300 kB'}")


if __name__ == "__main__":
    main(sys.argv[1:])
