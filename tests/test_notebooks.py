"""Notebooks run as they stand, on the campaigns beside them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest

import faultkit
from faultkit.running.judging import keep, keep_all
from faultkit.store.store import FILE, Store
from notebooks.execute import CHART, executed, tidy
from notebooks.slim import main as slim
from tests.records import EVENTS_OF, a_row, at
from tests.synthetic import meta

HERE = Path(__file__).parents[1] / "notebooks"
BOOKS = sorted(HERE.glob("*.ipynb"))
PLACE = re.compile(r"/(?:tmp|root|home|work|var)/")
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notebooks and their data, where they may write."""
    return Path(shutil.copytree(HERE, tmp_path_factory.mktemp("notebooks") / "copy"))


def text_of(book: nbformat.NotebookNode) -> str:
    """All that its cells put out."""
    return json.dumps([cell.get("outputs", []) for cell in book.cells])


@pytest.mark.parametrize("file", BOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_and_shows_what_it_promises(file: Path, copy: Path) -> None:
    book = executed(copy / file.name)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in code), "each cell shows something"
    assert (CHART in text_of(book)) == ("figures." in json.dumps([cell.source for cell in code]))
    assert CHART not in text_of(tidy(book))
    if file.stem == "paper-table":
        shares = pd.read_csv(copy / "table.csv")
        assert (shares["low"] <= shares["share"].fillna(0)).all() and len(shares) > 5
        assert (shares.pivot_table(index="injector", columns="policy", values="planned").nunique(axis=1) == 1).all()
        assert r"\begin{tabular}" in (copy / "table.tex").read_text()


def test_there_are_three() -> None:
    assert [file.stem for file in BOOKS] == ["first-look", "paper-table", "two-policies"]


@pytest.mark.parametrize("file", BOOKS, ids=lambda file: file.stem)
def test_what_is_kept_of_a_notebook_is_small_and_names_no_place(file: Path) -> None:
    book = nbformat.read(file, as_version=4)
    assert "text/html" in text_of(book), "tables are kept"
    assert CHART not in text_of(book)
    assert not PLACE.search(file.read_text())
    assert file.stat().st_size < 80_000


def test_the_campaigns_beside_them_are_small_and_name_no_place() -> None:
    files = sorted((HERE / "data").glob(f"*/{FILE}"))
    assert sum(file.stat().st_size for file in files) < MOST_BYTES
    assert not any(PLACE.search(json.dumps(faultkit.load(file).meta)) for file in files)


def test_the_two_campaigns_are_pairs() -> None:
    found = faultkit.load(HERE / "data" / "quickstart_nbd").compare(
        faultkit.load(HERE / "data" / "quickstart_nbd-again")
    )
    assert found.paired
    assert found.only[0] > found.only[1], "a restart saves what nothing loses"


def test_a_slim_campaign_has_the_same_trials_and_no_bulk(tmp_path: Path) -> None:
    bulk = at(5, "call.entered", "calls", function="nbd_open")
    with Store.create(tmp_path / "full", meta(4)) as store:
        keep_all(
            store, [a_row(n, bulk, *EVENTS_OF[outcome]) for n, outcome in enumerate(("MASKED", "RECOVERED", "LOST"))]
        )
        keep(store, a_row(3, void="QEMU ended with status 1"))
    slim([str(tmp_path / "full"), str(tmp_path / "slim")])
    full, small = faultkit.load(tmp_path / "full"), faultkit.load(tmp_path / "slim")
    pd.testing.assert_frame_equal(full.trials, small.trials)
    assert "call.entered" in set(full.events()["kind"]) - set(small.events()["kind"])
    assert "command" not in small.meta and small.meta["seed"] == full.meta["seed"]
    assert [path.name for path in (tmp_path / "slim").iterdir()] == [FILE], "reading it leaves nothing behind"


def test_a_slim_campaign_may_be_its_beginning(tmp_path: Path) -> None:
    with Store.create(tmp_path / "full", meta(3)) as store:
        keep_all(store, [a_row(n, *EVENTS_OF["MASKED"]) for n in range(3)])
    slim([str(tmp_path / "full"), str(tmp_path / "slim"), "2"])
    found = faultkit.load(tmp_path / "slim")
    assert (len(found.trials), found.meta["planned"]) == (2, 2)
