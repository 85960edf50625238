"""The dashboard says what the store says, in one file that needs no network."""

from __future__ import annotations

import base64
import json
import math
import os
import re
import shutil
import sqlite3
import zlib
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from faultkit.figures.looks import PALETTE, translucent
from faultkit.model.code import Site
from faultkit.model.codec import encode
from faultkit.model.errors import HarnessError, UsageError
from faultkit.model.events import Event, Outcome
from faultkit.model.policies import GiveUp
from faultkit.report import details, write_dashboard
from faultkit.report.campaign import read_campaign
from faultkit.report.card import ms
from faultkit.report.overview import verdict
from faultkit.report.recovery import phases_title
from faultkit.report.shares import MOST_VALUES, shares_title
from faultkit.report.theme import DARK, themable
from faultkit.results.compare import within
from faultkit.results.recoveries import phase_quantiles, recovery_phases
from faultkit.results.summary import accounting, by, outcomes, survival
from faultkit.running.judging import keep, keep_all
from faultkit.statistics.rates import rate
from faultkit.store.store import FILE, Row, Store
from faultkit.verdict.outcomes import ENTRIES
from tests.records import EVENTS_OF, MS, RESTORED, USUAL, Text, a_golden_row, a_row, at
from tests.synthetic import campaign, meta

LIMIT_BYTES = 8_000_000


class Page(HTMLParser):
    """The elements of a page that tests look for: marked counts, elements that load something, scripts."""

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
    """An embedded table or timeline, as the page's script reads it."""
    return json.loads(zlib.decompress(base64.b64decode(text)))


def columns(data: Any) -> dict[str, list[Any]]:
    """The table of trials, by column."""
    return {
        name: column if isinstance(column, list) else [None if i < 0 else column["of"][i] for i in column["codes"]]
        for name, column in unpacked(data["table"]).items()
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign with every outcome, golden trials and void ones."""
    return campaign(tmp_path_factory.mktemp("results") / "run", 300)


@pytest.fixture(scope="module")
def dashboard(run: Path) -> Path:
    """The dashboard of a campaign."""
    out = run.parent / "report.html"
    write_dashboard([run], out)
    return out


@pytest.fixture(scope="module")
def page(dashboard: Path) -> Page:
    """The same, read."""
    return Page(dashboard.read_text())


def test_its_counts_are_the_stores(page: Page, run: Path) -> None:
    with Store.open(run) as store:
        stored = accounting(store) | outcomes(store)
        ((detected, recovered, undetected),) = store.select(
            "SELECT COUNT(detected_by), COUNT(CASE WHEN detected_by IS NOT NULL THEN recovery_ns END), "
            "COUNT(*) FILTER (WHERE detected_by IS NULL AND outcome IN ('LOST', 'HUNG', 'CRASHED', 'CORRUPT')) "
            "FROM trials WHERE manifested AND injector <> 'golden'"
        )
    assert undetected > 0
    assert page.counts == stored | {"detected": detected, "recovered": recovered, "undetected": undetected}


def test_its_rates_are_the_stores(dashboard: Path, run: Path) -> None:
    text = dashboard.read_text()
    with Store.open(run) as store:
        groups = [by(store, column) for column in ("driver", "injector", "function", "policy")]
    shares = [survival(counts) for group in groups for value, counts in group.items() if value not in ("golden", "")]
    assert len(shares) >= 14
    for share in shares:
        assert share.n and f'title="{share}"' in text


def test_its_table_is_the_stores(page: Page, run: Path) -> None:
    table = columns(page.data["campaigns"][0])
    shown = list(zip(table["trial"], table["outcome"], table["target"], table["recovery_ms"], strict=True))
    with Store.open(run) as store:
        stored = store.select(
            "SELECT n, COALESCE(outcome, 'void'), target, ROUND(recovery_ns / 1e6, 3) FROM trials ORDER BY n"
        )
        assert shown == list(stored)


def test_a_timeline_holds_the_stores_events_but_the_bulk(page: Page, run: Path) -> None:
    assert set(page.data["campaigns"][0]["timelines"]) == {str(n) for n in range(300)}
    shown = unpacked(page.data["campaigns"][0]["timelines"]["2"])
    with Store.open(run) as store:
        stored = store.events(2)
        console = store.console(2)
    kept = [e for e in stored if not e.kind.startswith(("call.", "block.", "net."))]
    assert [Event(*event) for event in shown["events"]] == kept
    assert sum(shown["left_out"].values()) == len(stored) - len(kept) > 0
    assert shown["console"] == console.rstrip("\n")
    assert shown["parts"]["fault"] == "kill"
    assert shown["changes"] == []


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
    write_dashboard([campaign(tmp_path / "long", 12, requests=500)], tmp_path / "long.html")
    timelines = Page((tmp_path / "long.html").read_text()).data["campaigns"][0]["timelines"]
    assert len(timelines) >= 6
    assert sum(map(len, timelines.values())) <= 60_000


def test_every_outcome_has_a_meaning_a_colour_and_a_pattern_or_none(dashboard: Path) -> None:
    text = dashboard.read_text()
    for outcome in Outcome:
        assert ENTRIES[outcome].meaning in text
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
        keep_all(store, [a_row(0, *RESTORED, fault=Text(function=evil)), a_row(1, *RESTORED)])
    write_dashboard([tmp_path / "run"], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "<script>alert" not in text
    data = Page(text).data["campaigns"][0]
    assert columns(data)["target"][0] == evil
    assert evil in unpacked(data["timelines"]["0"])["parts"]["fault"]


def test_several_campaigns_stand_side_by_side(tmp_path: Path, run: Path) -> None:
    other = campaign(tmp_path / "other", 60, seed=3, experiment="another_one")
    write_dashboard([run, other], tmp_path / "both.html")
    text = (tmp_path / "both.html").read_text()
    page = Page(text)
    assert [len(columns(data)["trial"]) for data in page.data["campaigns"]] == [300, 60]
    assert page.scripts and sum("plotly.js v" in script for script in page.scripts) == 1
    assert 'href="#c0"' in text and 'href="#c1"' in text
    assert "another_one · other" in text


def test_beyond_many_trials_all_failures_and_a_sample_are_shown_and_the_rule_is_told(
    tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details, "TABLE_ROWS", 100)
    monkeypatch.setattr(details, "FEWEST_OTHERS", 20)
    monkeypatch.setattr(details, "TIMELINES", 20)
    write_dashboard([run], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    page = Page(text)
    shown = columns(page.data["campaigns"][0])
    with Store.open(run) as store:
        kept = "SELECT n FROM trials WHERE outcome IN ('LOST', 'HUNG', 'CRASHED', 'CORRUPT') OR void IS NOT NULL"
        failures = {n for (n,) in store.select(kept)}
        assert page.counts["planned"] == 300 == accounting(store)["planned"], "the rest of the page counts all trials"
    assert failures <= set(shown["trial"]) and len(shown["trial"]) == 100
    assert f"The table holds 100 of 300 trials: all {len(failures)} that ended LOST or worse or are void" in text
    assert "Time lines are embedded for 20 trials, the first of each outcome in turn." in text
    lines = {int(n) for n in page.data["campaigns"][0]["timelines"]}
    assert len(lines) == 20
    assert {shown["outcome"][shown["trial"].index(n)] for n in lines} == set(USUAL)


def test_of_many_functions_those_with_activated_trials_are_listed(tmp_path: Path) -> None:
    rows = [a_row(n, *EVENTS_OF["MASKED" if n < 3 else "INACTIVE"], fault=Text(f"cp_{n:02}")) for n in range(30)]
    with Store.create(tmp_path / "run", meta(30)) as store:
        keep_all(store, rows)
    write_dashboard([tmp_path / "run"], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert MOST_VALUES < 30 and "by function, the 3 of 30 with the most activated trials" in text


def test_what_all_trials_have_in_common_is_said_once(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(2)) as store:
        keep_all(store, [a_row(0, *RESTORED, fault=Text("cp_open")), a_row(1, *RESTORED, fault=Text("cp_close"))])
    write_dashboard([tmp_path / "run"], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "All with driver nbd, side u-driver, policy restart_udriver, workload writes." in text
    assert [*columns(Page(text).data["campaigns"][0])][:4] == ["trial", "injector", "fault_type", "target"]


def test_nothing_has_ended_yet(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(50)):
        write_dashboard([tmp_path / "run"], tmp_path / "report.html")
    assert "No trial has ended yet." in (tmp_path / "report.html").read_text()


def test_no_results_and_no_place_to_write(tmp_path: Path, run: Path) -> None:
    with pytest.raises(UsageError, match="at least one RESULT"):
        write_dashboard([], tmp_path / "report.html")
    with pytest.raises(UsageError, match="holds no results"):
        write_dashboard([tmp_path], tmp_path / "report.html")
    with pytest.raises(HarnessError, match="cannot be written"):
        write_dashboard([run], tmp_path / "nowhere" / "report.html")


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
        keep_all(store, [a_row(n, *EVENTS_OF[name]) for n, name in enumerate(names)])
        keep(store, a_golden_row(99))
        assert verdict(read_campaign(tmp_path / "run", store)) == sentence


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
    loud = [*quiet[:200], "[  200.000000] BUG: unable to handle page fault for address: 0", *quiet[201:]]
    assert details.excerpt("\n".join(loud)).splitlines() == loud[198:278]
    assert details.excerpt("") == ""


def test_addresses_are_written_so_that_a_browser_keeps_every_digit() -> None:
    assert details.exact(0xFFFFFFFFC0A51010) == "0xffffffffc0a51010"
    assert details.exact(2**53) == 2**53
    assert details.exact("text") == "text"


def test_durations_have_three_figures() -> None:
    assert [ms(ns) for ns in (1_234, 41_812_345, 999_000_000, 12_345_600_000)] == [
        "0.00123 ms", "41.8 ms", "999 ms", "12 346 ms",
    ]  # fmt: skip


def test_an_outage_longer_than_its_recovery_is_told(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store:
        keep(store, a_row(0, *RESTORED, at(2011, "workload.finished")))
    write_dashboard([tmp_path / "run"], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "Half of the recoveries took 28 ms or less" in text
    assert "Outage where it came back: 2 000 ms in the median, 2 000 ms at most." in text


def test_what_a_fault_changed_is_told() -> None:
    site = Site(function="cp_open", offset=16, address=0x10, old="740e", new="750e", before="je 0x20", after="jne 0x20")
    inner = {"is": "x:Text", "operator": "inverted_branch", "site": encode(site)}
    plan = {"fault": {"is": "x:Several", "faults": [inner, {"is": "x:Kill"}]}}
    flipped = at(5, "fault.injected", region="heap", address="0x7f00", old=0x41, new=0x43)
    assert list(details.changes(plan, [flipped])) == [
        {"where": "cp_open+0x10", "before": "je 0x20", "after": "jne 0x20"},
        {"where": "heap 0x7f00", "before": "0x41", "after": "0x43"},
    ]
    assert list(details.changes({"fault": None}, [])) == []
    moved = at(5, "fault.injected", thread=205, register="rsp", old="0x7f5b", new="0x7f1b")
    code = at(6, "fault.injected", function="cp_open", address="0xffa0", old="ff", new="7f")
    assert list(details.changes({"fault": None}, [moved, code])) == [
        {"where": "rsp", "before": "0x7f5b", "after": "0x7f1b"},
        {"where": "cp_open 0xffa0", "before": "ff", "after": "7f"},
    ]


def test_what_is_no_file_is_written_to_not_replaced(tmp_path: Path, run: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        text = pool.submit(pipe.read_text)
        write_dashboard([run], pipe)
        assert text.result(timeout=30).endswith("</html>\n")
    assert pipe.is_fifo()
    (tmp_path / "link.html").symlink_to(tmp_path / "real.html")
    write_dashboard([run], tmp_path / "link.html")
    assert (tmp_path / "link.html").is_symlink() and (tmp_path / "real.html").is_file()
    assert not list(tmp_path.glob(".*")), "nothing is left beside it"


def test_every_colour_has_a_dark_one_and_is_told_apart_by_name() -> None:
    assert set(PALETTE) == set(DARK) and len(set(PALETTE.values())) == len(PALETTE)
    assert {outcome.name.lower() for outcome in Outcome} <= set(PALETTE)
    figure = go.Figure(data=[{"type": "scatter", "y": [1], "line": {"color": PALETTE["c1"]},
                              "fillcolor": translucent(PALETTE["c2"])}])  # fmt: skip
    trace = themable(figure)["data"][0]
    assert (trace["line"]["color"], trace["fillcolor"]) == ("--c1", "--c2/0.16")


def test_policies_are_compared_where_the_same_faults_met_them(tmp_path: Path) -> None:
    def pair(n: int, good: str, bad: str) -> list[Row]:
        return [
            a_row(2 * n, *EVENTS_OF[good], seed=n, fault=Text(bit=n)),
            a_row(2 * n + 1, *EVENTS_OF[bad], seed=n, fault=Text(bit=n), policy=GiveUp()),
        ]

    with Store.create(tmp_path / "run", meta(20)) as store:
        keep_all(store, [row for n in range(10) for row in pair(n, "RECOVERED", "LOST" if n < 8 else "MASKED")])
        (expected,) = within(store, "policy")
    write_dashboard([tmp_path / "run"], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "Restart_udriver survives 80.0 points more than give_up" in text.replace("<h2>restart", "<h2>Restart")
    assert f"p = {expected.p_value:.3g} (McNemar" in text
    drawn = Page(text).data["campaigns"][0]["figures"]["policies-0"]["data"][0]
    assert sorted(chain.from_iterable(drawn["z"])) == sorted([8, 2, *[0] * (len(drawn["x"]) ** 2 - 2)])


def test_campaigns_are_compared_in_pairs_only_if_their_lists_match(tmp_path: Path, run: Path) -> None:
    other = campaign(tmp_path / "other", 60, seed=3, experiment="another_one")
    write_dashboard([run, other], tmp_path / "both.html")
    text = (tmp_path / "both.html").read_text()
    assert "NOT paired" in text and "Fisher&#39;s exact test" in text
    assert Page(text).data["glance"]["figures"] == {}
    write_dashboard([run, run], tmp_path / "same.html")
    text = (tmp_path / "same.html").read_text()
    assert "paired: the fault lists match" in text
    assert [*Page(text).data["glance"]["figures"]] == ["campaigns-0"]


def test_what_was_run_again_is_told(tmp_path: Path, run: Path) -> None:
    write_dashboard([run], tmp_path / "before.html")
    assert "run again" not in (tmp_path / "before.html").read_text()
    copied = shutil.copytree(run, tmp_path / "copied")
    with sqlite3.connect(copied / FILE) as db:
        same = [(n, jobs, "MASKED", 1, int(n != 3), None, "now") for jobs in (1, 2) for n in range(4)]
        db.executemany("INSERT INTO replays VALUES (?, ?, ?, ?, ?, ?, ?)", same)
    db.close()
    write_dashboard([copied], tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "6 of 8 trials that were run again did the same, bit for bit" in text
    assert text.count(f'<td class="num quiet">{rate(3, 4).interval}</td>') == 2


def test_phases_of_recovery_are_the_stores(dashboard: Path, run: Path) -> None:
    with Store.open(run) as store:
        expected = phase_quantiles(recovery_phases(store), by=("policy",))
    text = dashboard.read_text()
    table = text.partition('<table class="phases">')[2].partition("</table>")[0]
    cells = [re.findall(r">([^<]*)</t[hd]>", row) for row in table.split("<tr>")[2:]]
    found = {(policy, phase.replace(" ", "_")): (int(n), half) for policy, phase, n, _, half, *_ in cells}
    assert found == {
        (row["policy"], row["phase"]): (row["n"], "-" if math.isnan(row["p50_ns"]) else ms(row["p50_ns"]))
        for row in expected.to_dict("records")
    }
    assert len(found) >= 8


def test_the_longest_phase_is_that_of_the_table(run: Path) -> None:
    with Store.open(run) as store:
        frame = recovery_phases(store)
    medians = phase_quantiles(frame[frame["attempt"] > 0], by=())
    longest = medians.loc[medians["p50_ns"].idxmax()]
    title = phases_title(frame)
    assert longest["phase"].replace("_", " ") in title and ms(longest["p50_ns"]) in title
    assert phases_title(frame[:0]) == "No attempt at recovery came to its end"
