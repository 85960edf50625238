"""A dashboard follows a running campaign."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest

from faultkit.report.watch import Progress, follow, progress
from faultkit.running.judging import keep_all
from faultkit.store.store import FILE, Store
from tests.browser import MISSING, browser, opened
from tests.synthetic import campaign, meta, rows

UNFINISHED = {"finished": None}


def test_it_is_written_again_as_trials_end_until_all_have(tmp_path: Path) -> None:
    seen: list[str] = []
    pages: list[str] = []
    steps, source, out = iter((10, 20)), rows(30), tmp_path / "report.html"
    with Store.create(tmp_path / "run", meta(30) | UNFINISHED) as store:

        def told(now: Sequence[Progress]) -> None:
            seen.extend(map(str, now))
            pages.append(out.read_text())
            if not (added := next(steps, 0)):
                store.set_meta("finished", "now")
            keep_all(store, islice(source, added))

        follow([tmp_path / "run"], out, 0.01, told)
    assert [*dict.fromkeys(seen)] == ["0 of 30 trials", "10 of 30 trials", "30 of 30 trials"]
    assert all('"reload_s":0.01' in page for page in pages[:-1])
    assert '"reload_s":null' in pages[-1], "the last one stays as it is"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_trials_that_are_run_again_after_the_list_are_waited_for(tmp_path: Path) -> None:
    run, out = campaign(tmp_path / "run", 4), tmp_path / "report.html"
    looks: list[bool] = []

    def told(now: Sequence[Progress]) -> None:
        looks.append(now[0].ended)
        with Store.open(run, readonly=False) as store:
            store.set_meta("finished", None if len(looks) == 1 else "now")

    follow([run], out, 0.01, told)
    assert looks == [True, False, True, True]


def test_an_interrupted_campaign_has_ended(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(30)) as store:
        keep_all(store, islice(rows(30), 4))
    assert progress(tmp_path / "run") == Progress(4, 30, again=0, ended=True)


def test_a_reader_never_holds_up_the_campaign(tmp_path: Path) -> None:
    run = campaign(tmp_path / "run", 20)
    with Store.open(run) as reader, reader.snapshot():
        before = list(reader.select("SELECT COUNT(*) FROM trials"))
        with sqlite3.connect(run / FILE, timeout=0) as writer:
            writer.execute("DELETE FROM trials WHERE n < 5")
        writer.close()
        assert list(reader.select("SELECT COUNT(*) FROM trials")) == before == [(20,)], "and sees one state of it"
    with Store.open(run) as reader:
        assert len(reader.done()) == 15


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_an_open_page_turns_into_the_next_one_and_keeps_its_filter(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    with Store.create(tmp_path / "run", meta(30) | UNFINISHED) as store, browser(tmp_path / "profile") as chrome:
        keep_all(store, islice(rows(30), 10))

        def told(now: Sequence[Progress]) -> None:
            if now[0].done == 10:
                opened(chrome, out)
                chrome.execute_script("document.querySelector('.chip').click()")
                keep_all(store, islice(rows(30), 10, 30))
                store.set_meta("finished", "now")

        follow([tmp_path / "run"], out, 0.1, told)
        shown = chrome.execute_async_script(
            """const done = arguments[0];
            const look = () => { const text = document.querySelector(".shown")?.textContent;
              text?.endsWith("of 30 trials") ? done([text, document.querySelector(".chip").ariaPressed]) : null; };
            setInterval(look, 50);"""
        )
    assert shown[1] == "true"
