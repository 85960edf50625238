"""A file is written as a whole or not at all."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from faultkit.gate.known import add_signatures, known_signatures
from faultkit.model.errors import HarnessError
from faultkit.report import write_dashboard
from faultkit.results.whole_file import write_whole
from tests.synthetic import campaign


def with_small_files(size: int, work: Callable[[], None]) -> bool:
    """Say if it fails with our error, in a process whose files can have `size` bytes at most."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        code = 1
        try:
            work()
            code = 0
        except HarnessError:
            code = 3
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3


@pytest.mark.parametrize("old", [None, "what was there"])
def test_on_a_full_disk_what_was_there_stays_and_nothing_is_beside_it(tmp_path: Path, old: str | None) -> None:
    out = tmp_path / "report.html"
    if old is not None:
        out.write_text(old)
    before = [*tmp_path.iterdir()]
    assert with_small_files(1000, lambda: write_whole(out, "x" * 2000))
    assert [*tmp_path.iterdir()] == before and (old is None or out.read_text() == old)


def test_a_report_on_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    run, place = campaign(tmp_path / "run", 5), tmp_path / "place"
    place.mkdir()
    assert with_small_files(100_000, lambda: write_dashboard([run], place / "report.html"))
    assert not [*place.iterdir()]


def test_the_list_of_known_crashes_is_not_lost(tmp_path: Path) -> None:
    known = tmp_path / "known.toml"
    add_signatures(known, {f"oops in f{n}": "there" for n in range(20)})
    before = known.read_bytes()
    assert with_small_files(len(before), lambda: add_signatures(known, {"oops in g": "there"}))
    assert known.read_bytes() == before and len(known_signatures(known)) == 20


def test_the_file_keeps_its_mode(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    out.touch(0o640)
    write_whole(out, b"new")
    assert out.read_bytes() == b"new" and out.stat().st_mode & 0o777 == 0o640


def test_a_place_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"none/r.html cannot be written: No such file or directory"):
        write_whole(tmp_path / "none" / "r.html", "")
