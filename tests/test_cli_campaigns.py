"""The work before a campaign's first trial and after its last."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from faultkit.cli.campaigns import conclude, run_again, sample_size
from faultkit.cli.results import link_latest
from faultkit.machine.image import Image
from faultkit.model.errors import HarnessError
from faultkit.running.judging import keep_all
from faultkit.running.replay import Replay, as_row
from faultkit.store.store import Store
from tests.records import RESTORED, a_row
from tests.synthetic import campaign, meta

OTHER_IMAGE = Image(Path("nowhere"), "6.12", "another", (0, 0))


@pytest.mark.parametrize(("trials", "expected"), [(10, 0), (20, 1), (60, 3), (400, 5)])
def test_one_trial_in_twenty_is_run_again_and_no_more_than_five(tmp_path: Path, trials: int, expected: int) -> None:
    with Store.create(tmp_path / "run", meta(trials)) as store:
        keep_all(store, [a_row(n, *RESTORED) for n in range(trials)])
        assert sample_size(store, None) == expected
        assert sample_size(store, 7) == 7
        assert sample_size(store, 0) == 0


def test_what_was_run_again_before_is_not_once_more_and_kvm_never(tmp_path: Path) -> None:
    with Store.create(tmp_path / "run", meta(60)) as store:
        keep_all(store, [a_row(n, *RESTORED, void="gone" if n % 2 else None) for n in range(60)])
        assert sample_size(store, None) == 1, "of the 30 valid ones"
        store.add_replay(as_row(Replay(2, "RECOVERED", True, True), jobs=1))
        assert sample_size(store, None) == 0
    with Store.create(tmp_path / "kvm", meta(60) | {"accel": "kvm"}) as store:
        keep_all(store, [a_row(n, *RESTORED) for n in range(60)])
        assert sample_size(store, None) == 0


def test_results_stay_when_their_trials_cannot_be_run_again(tmp_path: Path) -> None:
    out, said = campaign(tmp_path / "run", 60), io.StringIO()
    run_again(out, None, OTHER_IMAGE, Console(file=said, width=200))
    assert said.getvalue().startswith("trials could not be run again: ")
    assert "was run on another guest" in said.getvalue()
    assert conclude(out) == 0


def test_too_many_void_trials_are_an_error_after_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.create(tmp_path / "run", meta(10)) as store:
        keep_all(store, [a_row(n, *RESTORED, void="gone" if n == 3 else None) for n in range(10)])
    with pytest.raises(HarnessError, match="1 of 10 trials are void, the first: gone"):
        conclude(tmp_path / "run")
    assert "TOTAL" in capsys.readouterr().out


def test_trouble_is_told_though_nobody_reads_the_table(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    del capfd
    with Store.create(tmp_path / "run", meta(10)) as store:
        keep_all(store, [a_row(n, void="gone") for n in range(10)])
    reader, writer = os.pipe()
    os.close(reader)
    kept = os.dup(1)
    os.dup2(writer, 1)
    try:
        with pytest.raises(HarnessError, match="10 of 10 trials are void"):
            conclude(tmp_path / "run", as_data=True)
    finally:
        os.dup2(kept, 1)


@pytest.mark.parametrize("latest", [None, "gone", "older"])
def test_the_campaign_that_begins_last_is_the_latest(tmp_path: Path, latest: str | None) -> None:
    link, older = tmp_path / "latest", tmp_path / "older"
    older.mkdir()
    if latest:
        link.symlink_to(latest)
    link_latest(tmp_path / "new", new=True)
    assert link.readlink() == Path("new")
    (tmp_path / "new").mkdir()
    link_latest(older, new=False)
    assert link.readlink() == Path("new"), "an older one that goes on is not the latest"


def test_one_that_goes_on_is_linked_if_there_is_no_link(tmp_path: Path) -> None:
    link_latest(tmp_path / "older", new=False)
    assert (tmp_path / "latest").readlink() == Path("older")


def test_what_is_called_latest_and_is_no_link_stays(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    link_latest(tmp_path / "new", new=True)
    assert not (tmp_path / "latest").is_symlink()
