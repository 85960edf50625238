"""The dashboard says what the store says, in one file that needs no network."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from faultkit.errors import HarnessError, UsageError
from faultkit.model import Event, Outcome
from faultkit.report import details, write
from faultkit.report.campaign import MEANINGS, ms, read, shares_title, verdict
from faultkit.report.figures import log_ticks, thinned
from faultkit.stats import rate
from faultkit.store import Store
from faultkit.summary import accounting, by, outcomes, survival
from tests.records import EVENTS_OF, MS, RESTORED, Text, a_golden_row, a_row, at
from tests.synthetic import campaign, meta

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LIMIT_BYTES = 8_000_000


class Page(HTMLParser):
    """What a test looks for in a page: marked counts, elements that load something, scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self.loads: list[str] = []
        self.scripts: list[str] = []
        self.data: Any = None
        self._marked: str | None = None
        self._inside = ""
        self._attributes: dict[str, str | None] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside, self._attributes = tag, dict(attrs)
        self._marked = self._attributes.get("data-count") or self._attributes.get("data-outcome")
        links = [value for name, value in attrs if name in ("src", "href", "srcset", "action", "data") and value]
        self.loads.extend(link for link in links if not link.startswith(("#", "data:,")))

    def handle_data(self, data: str) -> None:
        if self._marked:
            self.counts.setdefault(self._marked, int(data))
            self._marked = None
        if self._inside == "script":
            self.scripts.append(data)
            if self._attributes.get("id") == "data":
                self.data = json.loads(data)
        self._inside = "" if self._inside == "script" else self._inside


def unpacked(text: str) -> Any:
    """An embedded timeline, as the page's script reads it."""
    return json.loads(zlib.decompress(base64.b64decode(text)))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign with every outcome, golden trials and void ones."""
    return campaign(tmp_path_factory.mktemp("results") / "run", 300)


@pytest.fixture(scope="module")
def dashboard(run: Path) -> Path:
    """Its dashboard."""
    out = run.parent / "report.html"
    write([run], out)
    return out


@pytest.fixture(scope="module")
def page(dashboard: Path) -> Page:
    """The same, read."""
    return Page(dashboard.read_text())


def test_its_counts_are_the_stores(page: Page, run: Path) -> None:
    with Store.open(run) as store:
        assert page.counts == accounting(store) | outcomes(store)


def test_its_rates_are_the_stores(dashboard: Path, run: Path) -> None:
    text = dashboard.read_text()
    with Store.open(run) as store:
        groups = [by(store, "driver"), by(store, "injector"), by(store, "policy")]
    shares = [survival(counts) for group in groups for value, counts in group.items() if value != "golden"]
    assert len(shares) >= 8
    for share in shares:
        assert share.n and f'title="{share}"' in text


def test_its_table_is_the_stores(page: Page, run: Path) -> None:
    table = page.data[0]["table"]
    at_column = table["columns"].index
    shown = {row[at_column("trial")]: row[at_column("outcome")] for row in table["rows"]}
    with Store.open(run) as store:
        stored = dict(store.query("SELECT n, COALESCE(outcome, 'void') FROM trials"))
    assert shown == stored


def test_a_timeline_holds_the_stores_events_but_the_bulk(page: Page, run: Path) -> None:
    assert set(page.data[0]["timelines"]) == {str(n) for n in range(300)}
    shown = unpacked(page.data[0]["timelines"]["2"])
    with Store.open(run) as store:
        stored = store.events(2)
        console = store.console(2)
    kept = [e for e in stored if not e.kind.startswith(("call.", "block.", "net."))]
    assert [Event(*event) for event in shown["events"]] == kept
    assert sum(shown["left_out"].values()) == len(stored) - len(kept) > 0
    assert shown["console"] == console.rstrip("\n")
    assert shown["parts"]["fault"] == "kill"


def test_plotly_is_there_exactly_once(page: Page) -> None:
    assert sum("plotly.js v" in script for script in page.scripts) == 1


def test_nothing_is_loaded(page: Page, dashboard: Path) -> None:
    assert page.loads == []
    style = re.findall(r"<style>(.*?)</style>", dashboard.read_text(), re.DOTALL)
    assert len(style) == 1
    assert "url(" not in style[0] and "@import" not in style[0]


def test_its_size_is_bounded_however_many_requests_there_were(
    tmp_path: Path, dashboard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dashboard.stat().st_size < LIMIT_BYTES
    monkeypatch.setattr(details, "TIMELINE_BYTES", 60_000)
    write([campaign(tmp_path / "long", 12, requests=500)], tmp_path / "long.html")
    timelines = Page((tmp_path / "long.html").read_text()).data[0]["timelines"]
    assert len(timelines) >= 6
    assert sum(map(len, timelines.values())) <= 60_000


def test_every_outcome_has_a_meaning_a_colour_and_a_pattern_or_none(dashboard: Path) -> None:
    text = dashboard.read_text()
    for outcome in Outcome:
        assert MEANINGS[outcome] in text
        assert text.count(f"--{outcome.name.lower()}:") == 2, "one in light, one in dark"
        assert f".{outcome.name} {{" in text


def test_how_it_was_run_is_told(dashboard: Path) -> None:
    text = dashboard.read_text()
    for key, value in meta(300).items():
        if key != "question":
            assert f"<dt>{key}</dt>" in text
            assert (", ".join(value) if isinstance(value, list) else str(value)) in text
    assert "Does a restarted u-driver lose acknowledged writes when it fails under load?" in text


def test_text_from_outside_cannot_become_markup(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    with Store.create(tmp_path / "run", meta(1) | {"question": evil, "experiment": evil, "command": evil}) as store:
        store.add_many([a_row(0, *RESTORED, fault=Text(function=evil)), a_row(1, *RESTORED)])
    write([tmp_path / "run"], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "<script>alert" not in text
    data = Page(text).data[0]
    assert evil in data["table"]["rows"][0]
    assert evil in unpacked(data["timelines"]["0"])["parts"]["fault"]


def test_several_campaigns_stand_side_by_side(tmp_path: Path, run: Path) -> None:
    other = campaign(tmp_path / "other", 60, seed=3, experiment="another_one")
    write([run, other], tmp_path / "both.html")
    text = (tmp_path / "both.html").read_text()
    page = Page(text)
    assert [len(data["table"]["rows"]) for data in page.data] == [300, 60]
    assert page.scripts and sum("plotly.js v" in script for script in page.scripts) == 1
    assert 'href="#c0"' in text and 'href="#c1"' in text
    assert "another_one · other" in text


def test_beyond_some_thousand_trials_the_worst_are_shown_and_the_rule_is_told(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details, "TABLE_ROWS", 100)
    monkeypatch.setattr(details, "TIMELINES", 20)
    write([run], tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text())
    table = page.data[0]["table"]
    shown = [row[table["columns"].index("outcome")] for row in table["rows"]]
    with Store.open(run) as store:
        worst = [name for (name,) in store.query("SELECT outcome FROM trials WHERE outcome IS NOT NULL")]
    assert sorted(shown) == sorted(sorted(worst, key=lambda name: -Outcome[name])[:100])
    assert len(page.data[0]["timelines"]) == 20
    text = (tmp_path / "report.html").read_text()
    assert "The table holds the 100 worst of 300 trials, by outcome and then number." in text
    assert "Timelines are embedded for the 20 worst." in text


def test_what_all_trials_have_in_common_is_said_once(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(2)) as store:
        store.add_many([a_row(0, *RESTORED, fault=Text("cp_open")), a_row(1, *RESTORED, fault=Text("cp_close"))])
    write([tmp_path / "run"], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "All with driver nbd, policy restart_udriver, workload writes." in text
    assert Page(text).data[0]["table"]["columns"][:4] == ["trial", "injector", "target", "outcome"]


def test_nothing_has_ended_yet(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(50)):
        write([tmp_path / "run"], tmp_path / "report.html")
    assert "No trial has ended yet." in (tmp_path / "report.html").read_text()


def test_no_results_and_no_place_to_write(tmp_path: Path, run: Path) -> None:
    with pytest.raises(UsageError, match="at least one RESULT"):
        write([], tmp_path / "report.html")
    with pytest.raises(UsageError, match="holds no results"):
        write([tmp_path], tmp_path / "report.html")
    with pytest.raises(HarnessError, match="cannot be written"):
        write([run], tmp_path / "nowhere" / "report.html")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["INACTIVE"], "No fault was activated, so this campaign says nothing about the driver."),
        (
            ["MASKED"] * 4,
            "4 of 4 activated faults were masked or recovered, 100.0 % [39.8, 100.0]; nothing worse was seen.",
        ),
        (
            ["MASKED", "RECOVERED", "LOST", "CRASHED", "CRASHED", "INACTIVE"],
            f"2 of 5 activated faults were masked or recovered, 40.0 % {rate(2, 5).interval}; "
            "the worst outcome was CRASHED, twice.",
        ),
    ],
)
def test_the_verdict_is_a_sentence(tmp_path: Path, names: list[str], sentence: str) -> None:
    with Store.create(tmp_path / "run", meta(len(names))) as store:
        store.add_many(a_row(n, *EVENTS_OF[name]) for n, name in enumerate(names))
        store.add(a_golden_row(99))
        assert verdict(read(tmp_path / "run", store)) == sentence


def test_a_group_stands_out_only_if_intervals_are_disjoint() -> None:
    def groups(good: int, bad: int) -> dict[str, dict[str, dict[str, int]]]:
        injectors = {"kill": {"RECOVERED": good, "LOST": 1}, "text": {"RECOVERED": 1, "LOST": bad}}
        return {"driver": {}, "injector": injectors, "policy": {}}

    assert "stands out" in shares_title(groups(3, 3))
    assert shares_title(groups(99, 99)) == "Most often survived is kill (99.0 %), least often text (1.0 %)"


def test_of_many_requests_those_next_to_the_fault_are_kept() -> None:
    requests = [at(n, f"request.{what}", n=n) for n in range(1000) for what in ("issued", "completed")]
    trouble = [at(500.5, "fault.injected"), at(900, "request.failed", n=900), at(10, "call.entered")]
    kept = details.thin(sorted([*requests, *trouble], key=lambda event: event.t_ns), limit=102)
    assert len(kept) == 102
    assert {e.kind for e in kept} == {"fault.injected", "request.issued", "request.completed", "request.failed"}
    assert all(abs(e.t_ns - 500.5 * MS) <= 26 * MS for e in kept if details.is_ordinary(e))


def test_a_console_excerpt_begins_at_the_trouble() -> None:
    quiet = [f"[ {n}.0] line {n}" for n in range(300)]
    assert details.excerpt("\n".join(quiet)).splitlines() == quiet[-80:]
    loud = [*quiet[:200], "[ 200.0] BUG: unable to handle page fault", *quiet[201:]]
    assert details.excerpt("\n".join(loud)).splitlines() == loud[198:278]
    assert details.excerpt("") == ""


def test_addresses_are_written_so_that_a_browser_keeps_every_digit() -> None:
    assert details.exact(0xFFFFFFFFC0A51010) == "0xffffffffc0a51010"
    assert details.exact(2**53) == 2**53
    assert details.exact("text") == "text"


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0.1, 1000, [0.1, 1, 10, 100, 1000]), (9, 60, [10, 20, 50]), (110, 180, [120, 140, 160, 180])],
)
def test_logarithmic_axes_have_round_ticks(low: float, high: float, ticks: list[float]) -> None:
    assert log_ticks(low, high) == pytest.approx(ticks)


def test_thinning_keeps_the_extremes() -> None:
    assert thinned(range(10_000), 5) == [0, 2500, 5000, 7499, 9999]
    assert thinned([3, 1, 2], 5) == [1, 2, 3]


def test_durations_have_three_figures() -> None:
    assert [ms(ns) for ns in (1_234, 41_812_345, 999_000_000, 12_345_600_000)] == [
        "0.00123 ms", "41.8 ms", "999 ms", "12 346 ms",
    ]  # fmt: skip


@pytest.mark.skipif(BROWSER is None, reason="no chromium here: apt-get install chromium")
def test_a_browser_draws_it_without_a_complaint(dashboard: Path, tmp_path: Path) -> None:
    options = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--headless")
    shown = subprocess.run(
        [
            str(BROWSER), *options, f"--user-data-dir={tmp_path}", "--window-size=1440,900",
            "--virtual-time-budget=10000", "--enable-logging=stderr", "--dump-dom", f"{dashboard.as_uri()}#c0-t2",
        ],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in shown.stderr
    body = shown.stdout.partition("<body>")[2]
    assert 'data-ready="yes"' in shown.stdout.partition("<body>")[0]
    assert body.count('class="main-svg"') >= 4, "a chart each for recovery, detection, crashes and functions"
    assert body.count('class="row') == 100, "the table's first page"
    assert body.count('class="timeline" role="img"') == 1
    assert "faultkit replay" in body.partition('<tr class="detail">')[2]


def test_an_outage_longer_than_its_recovery_is_told(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store:
        store.add(a_row(0, *RESTORED, at(2011, "workload.finished")))
    write([tmp_path / "run"], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "Half of the recoveries took 28 ms or less" in text
    assert "Outage where it came back: 2 000 ms in the median, 2 000 ms at most." in text
