"""Whatever text and whatever kind of fault a campaign holds, the dashboard shows it as text, and all of the rest."""

from __future__ import annotations

import base64
import json
import math
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

import faultkit
from faultkit.model.policies import GiveUp
from faultkit.model.texts import neutral
from faultkit.report import cards, write_dashboard
from faultkit.report import page as page_module
from faultkit.report.campaign import StoredCampaign, read_campaign
from faultkit.report.card import Card, rendered
from faultkit.report.theme import themable
from faultkit.running.judging import keep, keep_all
from faultkit.store.store import FILE, Row, Store
from tests.browser import MISSING, browser, complaints, opened
from tests.records import EVENTS_OF, RESTORED, Both, Kill, Nbd, Text, Writes, a_golden_row, a_row, at
from tests.synthetic import campaign, meta

HOSTILE = (
    "</script><script>window.hurt=1</script>",
    "\"'><img src=x onerror=window.hurt=1>",
    "' onmouseover='window.hurt=1",
    "{{ 7*7 }}{% raw %}",
    "<b>bold</b> <a href='https://evil.example/'>link</a> &lt;&amp;",
    "]]>\x00\x1b[31m\u2028\u202e\ud800",
    "",
)
TAGS_OF_OURS = frozenset({
    "html", "head", "meta", "title", "link", "style", "body", "header", "span", "nav", "div", "main", "p", "h1", "h2",
    "h3", "section", "i", "b", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "label", "input",
    "output", "ul", "li", "dl", "dt", "dd", "a", "footer", "script",
})  # fmt: skip


class Elements(HTMLParser):
    """The elements of a page outside of its scripts and styles, with their attributes, and all its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.data: Any = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.tags[-1] if self.tags else ("", {})
        if attributes.get("id") == "data" and self.data is None:
            self.data = json.loads(data)
        elif tag not in ("script", "style"):
            self.text += data


@dataclass(frozen=True, slots=True)
class Titled(Kill):
    """A fault whose type is any text."""

    fault_type: str = ""
    function: str | None = None
    before: Any = None
    after: Any = None


def storable(text: str) -> str:
    """The text as a store can hold it."""
    return text.encode(errors="replace").decode()


def hostile_rows(text: str) -> list[Row]:
    """Trials in which every text from outside is the hostile one: names, events, data, console, reasons."""
    text = storable(text)
    restored = (*RESTORED[:2], at(12, "error.detected", by=text, what=text), *RESTORED[3:])
    injected = at(10, "fault.injected", text, region=text, address=text, old=text, new=text)
    oops = at(12, "kernel.oops", what=text, function=text, offset=4, text=text, module=text)
    parts: dict[str, Any] = {"fault": Titled(fault_type=text, function=text, before=text, after=text)}
    return [
        a_row(0, *restored, **parts),
        a_row(1, injected, *RESTORED[1:], at(50, text or "?", text, **{text or "?": text}), console=text, **parts),
        a_row(2, *RESTORED[:2], oops, console=text, **parts),
        a_row(3, *EVENTS_OF["LOST"], policy=GiveUp(), fault=Both((Text(text), Titled(after=text)))),
        a_row(4, void=text or "?", **parts),
        a_golden_row(5),
    ]


@pytest.fixture(params=HOSTILE, ids=lambda text: repr(text[:12]))
def hostile(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A hostile text, and a campaign full of it."""
    text = storable(request.param)
    facts = {"question": f"{text}\n{text}", "experiment": text, "command": text, "host": [text], text or "?": text}
    with Store.create(tmp_path / "run", meta(6) | facts) as store:
        keep_all(store, hostile_rows(text))
    return text, tmp_path / "run"


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without plotly, for tests that look at the rest: its five megabytes take long to parse."""
    monkeypatch.setattr(page_module, "get_plotlyjs", str)


def unpacked(text: str) -> Any:
    """Embedded data as the page's script reads them."""
    return json.loads(zlib.decompress(base64.b64decode(text)), parse_constant=pytest.fail)


def failed_cards(page: str) -> int:
    """The number of cards that could not be made."""
    return page.count("This card cannot be shown")


@pytest.mark.usefixtures("light")
def test_a_text_from_outside_stays_text(hostile: tuple[str, Path], tmp_path: Path) -> None:
    text, run = hostile
    write_dashboard([run, run], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    found = Elements(page)
    assert {tag for tag, _ in found.tags} <= TAGS_OF_OURS
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    assert [tag for tag, _ in found.tags].count("script") == 3
    assert all(attributes.get("href", "#").startswith(("#", "data:,")) for tag, attributes in found.tags)
    assert failed_cards(page) == 0
    details = [unpacked(line) for line in found.data["campaigns"][0]["timelines"].values()]
    assert len(details) == 6 and not [each for each in details if "failed" in each]
    if len(text) > 1:
        assert " ".join(neutral(text).split()) in " ".join(found.text.split())


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_a_browser_runs_no_text_from_outside(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(36) | {"experiment": HOSTILE[1], "question": HOSTILE[0]}) as store:
        for k, text in enumerate(HOSTILE):
            keep_all(
                store,
                [
                    Row(n=6 * k + row.n, trial=row.trial, template="t", attempts=1, record=row.record, void=row.void)
                    for row in hostile_rows(text)
                ],
            )
    write_dashboard([tmp_path / "run"], tmp_path / "report.html")
    with browser(tmp_path / "profile") as chrome:
        opened(chrome, tmp_path / "report.html", "#c0-t1")
        for chart in chrome.find_elements("css selector", "#c0 .plot"):
            chrome.execute_script("arguments[0].scrollIntoView()", chart)
        for n in range(6 * len(HOSTILE)):
            chrome.execute_script("location.hash = arguments[0]", f"#c0-t{n}")
        assert chrome.execute_script("return window.hurt") is None
        assert chrome.find_elements("css selector", ".page img, .page a[href^='http'], dialog img, dialog a") == []
        assert complaints(chrome) == []


def test_charts_show_tags_of_others_as_text() -> None:
    names = ["<b>x</b>", "a<br>b", "<a href='https://evil.example/'>", "%{x}<extra></extra>"]
    drawn = themable(figure_of(names))["data"][0]
    assert drawn["text"] == ["&lt;b>x&lt;/b>", "a<br>b", "&lt;a href='https://evil.example/'>", "%{x}<extra></extra>"]
    assert drawn["x"] == [1.0, None, None]


def figure_of(names: Sequence[str]) -> Any:
    """A figure with some texts, and with numbers that JSON does not know."""

    class Figure:
        def to_dict(self) -> dict[str, Any]:
            return {"data": [{"text": [*names], "x": [1.0, math.nan, math.inf]}], "layout": {}}

    return Figure()


@dataclass(frozen=True, slots=True)
class Endless(Writes):
    """A workload whose requests are never late."""

    late_s: float = math.inf


ODD: dict[str, Any] = {
    "numbers": a_row(0, *RESTORED, at(41, "odd.numbers", nan=math.nan, inf=[math.inf, {"deep": -math.inf}], big=2**60)),
    "old": a_row(0, at(10, "fault.injected", region=7, old=None, new=[1, 2]), *RESTORED[1:]),
    "register": a_row(0, at(10, "fault.injected", register="rsp", old="0x7f", new="0x80"), *RESTORED[1:]),
    "before": a_row(0, *RESTORED, fault=Titled(before="nop")),
    "after": a_row(0, *RESTORED, fault=Titled(after=["a", "b"])),
    "never late": a_row(0, *RESTORED, workload=Endless()),
    "no events": a_row(0),
    "inside": a_row(0, *RESTORED, fault=Both((Both((Titled(after=1),)), Kill()))),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.usefixtures("light")
def test_any_kind_of_fault_is_shown(name: str, tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(2)) as store:
        keep_all(store, [ODD[name], a_row(1, *RESTORED)])
    write_dashboard([tmp_path / "run"], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    details = {n: unpacked(line) for n, line in Elements(page).data["campaigns"][0]["timelines"].items()}
    assert failed_cards(page) == 0
    assert [*details] and not [each for each in details.values() if "failed" in each]


@pytest.mark.usefixtures("light")
def test_numbers_that_json_does_not_know_become_text(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(1)) as store:
        keep(store, ODD["numbers"])
    write_dashboard([tmp_path / "run"], tmp_path / "report.html")
    lines = Elements((tmp_path / "report.html").read_text()).data["campaigns"][0]["timelines"]
    (data,) = [data for *_, kind, data in unpacked(lines["0"])["events"] if kind == "odd.numbers"]
    assert data == {"nan": "nan", "inf": ["inf", {"deep": "-inf"}], "big": hex(2**60)}


@pytest.mark.usefixtures("light")
def test_a_trial_that_cannot_be_read_says_so_and_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, plan = campaign(tmp_path / "run", 30), Store.plan

    def torn(store: Store, n: int) -> Any:
        if n == 7:
            raise ValueError("<torn>")
        return plan(store, n)

    monkeypatch.setattr(Store, "plan", torn)
    write_dashboard([run], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    details = {n: unpacked(line) for n, line in Elements(page).data["campaigns"][0]["timelines"].items()}
    assert [n for n, each in details.items() if "failed" in each] == ["7"]
    assert details["7"] == {"failed": "ValueError: <torn>"}


@pytest.mark.usefixtures("light")
def test_a_card_that_cannot_be_made_says_so_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(campaign: StoredCampaign) -> Card:
        raise ValueError(f"<b>{campaign.name}")

    monkeypatch.setattr(cards, "FINDINGS", ((torn,), *cards.FINDINGS))
    run = campaign(tmp_path / "run", 60)
    write_dashboard([run], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert failed_cards(page) == 1
    assert "This card cannot be shown: torn</h2>" in page and "ValueError: &lt;b&gt;kill_under_load" in page
    assert 'data-short="Recovery"' in page and 'data-short="Run"' in page


@pytest.mark.usefixtures("light")
def test_a_defect_of_a_card_is_not_taken_for_bad_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that is not given its card's values is a mistake in our code: the report ends with it."""

    def half(campaign: StoredCampaign) -> Card:
        return Card(title=campaign.name, template="funnel.html.j2")

    monkeypatch.setattr(cards, "FINDINGS", ((half,),))
    with pytest.raises(UndefinedError, match="'stages' is undefined"):
        write_dashboard([campaign(tmp_path / "run", 60)], tmp_path / "report.html")


def events_as(rows: Any) -> bytes:
    """These rows as a store would hold them, whatever they are."""
    return zlib.compress(json.dumps(rows).encode())


DAMAGE: dict[str, tuple[str, Any, int]] = {  # what is wrong -> a column, its value, how many cards that costs
    "torn events": ("events", b"\1\2", 1),
    "events as text": ("events", "hello", 1),
    "no list of events": ("events", events_as(7), 1),
    "a short event": ("events", events_as([[1]]), 0),
    "a kind that is a number": ("events", events_as([[1, "agent", 7, {}]]), 0),
    "a torn console": ("console", b"zz", 0),
    "half a plan": ("plan", "{", 1),
    "a plan that is a list": ("plan", "[]", 1),
    "a plan without parts": ("plan", '{"workload": "x", "fault": 3}', 0),
    "an interval in words": ("outage_ns", "soon", 0),
    "an interval of bytes": ("detection_latency_ns", b"x", 0),
    "an interval beyond all time": ("outage_ns", 1e300, 0),
    "a flag that is a number": ("activated", 7, 0),
    "attempts in words": ("attempts", "x", 0),
    "host time in words": ("wall_s", "fast", 0),
    "a name that is no text": ("injector", b"\xff", 0),
}


GARBLED = ("a short event", "a kind that is a number")


@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.usefixtures("light")
def test_a_damaged_record_costs_one_card_at_most_and_says_why(name: str, tmp_path: Path) -> None:
    column, value, cost = DAMAGE[name]
    run = campaign(tmp_path / "run", 40)
    n = damaged(run, column, value)
    write_dashboard([run], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    details = {k: unpacked(line) for k, line in Elements(page).data["campaigns"][0]["timelines"].items()}
    failed = {k: each["failed"] for k, each in details.items() if "failed" in each}
    assert failed_cards(page) == cost
    if name in GARBLED:
        lines = [event for each in details.values() for event in each["events"] if event[2] == "mailbox.garbled"]
        assert not failed and [event[3]["place"] for event in lines] == ["a stored event"]
    elif column in ("events", "console", "plan"):
        assert [*failed] == [str(n)] and failed[str(n)]
    else:
        assert not failed
        row = faultkit.load(run).trials.set_index("trial").loc[n]
        assert row["void"] == f"the stored row cannot be read: {column} is {value!r}"


def damaged(run: Path, column: str, value: Any) -> int:
    """Put a value into a recovered trial's row, behind the store's back; returns the trial's number."""
    with sqlite3.connect(run / FILE) as db:
        (n,) = db.execute("SELECT n FROM trials WHERE recovery_ns NOT NULL AND detected_by NOT NULL").fetchone()
        db.execute(f"UPDATE trials SET {column} = ? WHERE n = ?", (value, n))  # noqa: S608
    db.close()
    return int(n)


def test_every_card_is_made_of_a_campaign_with_everything(tmp_path: Path) -> None:
    with Store.open(campaign(tmp_path / "run", 300)) as store:
        pane = cards.campaign_pane(read_campaign(tmp_path / "run", store))
    rows = (*cards.ANSWER, *cards.FINDINGS, *cards.RECORD)
    assert len(pane.rows) == len(rows) - 2, "all but the comparison of policies, and the replays"
    assert not failed_cards("".join(html for row in pane.rows for html in row))


def test_templates_escape_and_refuse_what_is_not_given() -> None:
    html = rendered("card.html.j2", card=Card(title="<i>", subtitle='"&', short="'"))
    assert "<h2>&lt;i&gt;</h2>" in html and "&#34;&amp;" in html and 'data-short="&#39;"' in html
    with pytest.raises(Exception, match="'stages' is undefined"):
        rendered("funnel.html.j2", card=Card(title="x"))


@pytest.mark.usefixtures("light")
def test_drivers_and_functions_with_odd_names_keep_their_counts(tmp_path: Path) -> None:
    odd = Nbd(device="<b>")
    with Store.create(tmp_path / "run", meta(4)) as store:
        keep_all(store, [a_row(n, *RESTORED, driver=odd, fault=Text(f"<{n}>")) for n in range(4)])
    write_dashboard([tmp_path / "run"], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert all(f'<th scope="row">&lt;{n}&gt;</th>' in page for n in range(4))
    heat = Elements(page).data["campaigns"][0]["figures"]["heat-function"]["data"][0]
    assert sorted(heat["y"]) == [f"&lt;{n}>" for n in range(4)]
