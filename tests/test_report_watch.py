"""A dashboard follows a running campaign."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pytest

from faultkit.report.watch import Progress, follow, progress
from faultkit.store import FILE, Store
from tests.browser import MISSING, browser, opened
from tests.synthetic import campaign, meta, rows

UNFINISHED = {"finished": None}


def grow(store: Store, steps: Iterator[int], seen: list[str]) -> Callable[[Sequence[Progress]], None]:
    """Hears of a written dashboard, and lets the campaign go on for so many trials."""
    source = rows(30)

    def told(now: Sequence[Progress]) -> None:
        seen.extend(map(str, now))
        store.add_many(islice(source, next(steps, 0)))

    return told


def test_it_is_written_again_as_trials_end_until_all_have(tmp_path: Path) -> None:
    seen: list[str] = []
    out = tmp_path / "report.html"
    with Store.create(tmp_path / "run", meta(30) | UNFINISHED) as store:
        follow([tmp_path / "run"], out, 0.01, grow(store, iter((10, 20)), seen))
    assert seen == ["0 of 30 trials", "10 of 30 trials", "30 of 30 trials"]
    assert '"reload_s":null' in out.read_text(), "the last one stays as it is"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_page_of_a_running_campaign_loads_itself_again(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(30) | UNFINISHED) as store:
        store.add_many(islice(rows(30), 4))

        pages = []

        def told(_: Sequence[Progress]) -> None:
            pages.append((tmp_path / "report.html").read_text())
            store.set_meta("finished", "now")

        follow([tmp_path / "run"], tmp_path / "report.html", 0.01, told)
    assert ['"reload_s":0.01' in page for page in pages] == [True, False]


def test_an_interrupted_campaign_has_ended(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(30)) as store:
        store.add_many(islice(rows(30), 4))
    assert progress(tmp_path / "run") == Progress(4, 30, ended=True)


def test_a_reader_never_holds_up_the_campaign(tmp_path: Path) -> None:
    run = campaign(tmp_path / "run", 20)
    with Store.open(run) as reader, reader.snapshot():
        before = list(reader.query("SELECT COUNT(*) FROM trials"))
        with sqlite3.connect(run / FILE, timeout=0) as writer:
            writer.execute("DELETE FROM trials WHERE n < 5")
        writer.close()
        assert list(reader.query("SELECT COUNT(*) FROM trials")) == before == [(20,)], "and sees one state of it"
    with Store.open(run) as reader:
        assert len(reader.done()) == 15


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_an_open_page_turns_into_the_next_one_and_keeps_its_filter(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    with Store.create(tmp_path / "run", meta(30) | UNFINISHED) as store, browser(tmp_path / "profile") as chrome:
        store.add_many(islice(rows(30), 10))

        def told(now: Sequence[Progress]) -> None:
            if now[0].done == 10:
                opened(chrome, out)
                chrome.execute_script("document.querySelector('.chip').click()")
                store.add_many(islice(rows(30), 10, 30))

        follow([tmp_path / "run"], out, 0.1, told)
        shown = chrome.execute_async_script(
            """const done = arguments[0];
            const look = () => { const text = document.querySelector(".shown")?.textContent;
              text?.endsWith("of 30 trials") ? done([text, document.querySelector(".chip").ariaPressed]) : null; };
            setInterval(look, 50);"""
        )
    assert shown[1] == "true"
