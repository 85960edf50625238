"""A store is there as a whole or not at all, wherever its first process or its disk gave up; one process has it."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from faultkit.model.errors import FaultkitError, UsageError
from faultkit.store import birth, claim, store
from faultkit.store.birth import vacant
from faultkit.store.claim import claimed, is_claimed
from faultkit.store.database import FILE
from faultkit.store.store import Store
from tests.synthetic import meta

FACTS = meta(60) | {"templates": {"key": "x" * 9000}}  # more than a page
ROOT = Path(__file__).parents[1]
HOLDER = """
import sys
from pathlib import Path
from faultkit.store.claim import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def in_child(work: Callable[[], None]) -> int:
    """Do it in a forked process, which may be killed by it; the status that it ended with."""
    pid = os.fork()
    if pid == 0:
        code = 1
        with suppress(BaseException):
            try:
                work()
                code = 0
            except FaultkitError:
                code = 3
            except BaseException:
                traceback.print_exc()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def whole_or_vacant(out: Path) -> bool:
    """Say if a store is there as a whole; or else see to it that a new one can begin, as the next run does."""
    if not vacant(out):
        with Store.open(out, readonly=False) as there:
            assert there.meta().templates == FACTS["templates"] and there.done() == set()
        return True
    with pytest.raises(UsageError, match="holds no results"):
        Store.open(out)
    with Store.create(out, FACTS) as there:
        assert there.meta().planned == 60
    assert {path.name for path in out.iterdir()} == {FILE}
    return False


def kill_at_line(count: int) -> Callable[[FrameType, str, Any], Any]:
    """A trace function that kills the process at the n-th line of a store's making."""
    left = [count]

    def traced(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in (birth.__file__, store.__file__):
            return None
        left[0] -= event == "line"
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return traced

    return traced


def test_killed_at_any_line_it_is_whole_or_can_be_begun_again(tmp_path: Path) -> None:
    found: list[bool] = []
    for count in range(1, 1000):
        out = tmp_path / str(count)

        def work(out: Path = out, count: int = count) -> None:
            sys.settrace(kill_at_line(count))
            Store.create(out, FACTS)

        if in_child(work) == 0:
            break
        found.append(whole_or_vacant(out))
    assert len(found) > 20 and found == sorted(found), "vacant up to one moment, whole from then on"
    assert set(found) == {False, True}


def test_with_files_of_any_size_it_is_whole_or_can_be_begun_again(tmp_path: Path) -> None:
    found: list[bool] = []
    for size in range(0, 60_000, 1000):
        out = tmp_path / str(size)

        def work(out: Path = out, size: int = size) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            Store.create(out, FACTS)

        code = in_child(work)
        assert code in (0, 3), f"at {size} bytes"
        half = [path for path in out.iterdir() if path.name != FILE] if code and out.exists() and vacant(out) else []
        assert not half, "what it wrote is gone"
        found.append(whole_or_vacant(out))
        assert found[-1] or code
    assert set(found) == {False, True} and found == sorted(found)


@pytest.mark.parametrize(
    "sql",
    ["", "PRAGMA journal_mode=WAL", "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)"],
    ids=["empty", "a header", "a table"],
)
def test_a_file_of_an_earlier_version_that_never_held_anything_is_as_good_as_none(tmp_path: Path, sql: str) -> None:
    (tmp_path / FILE).touch()
    (tmp_path / f"{FILE}-wal").touch()
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.execute(sql)
    assert whole_or_vacant(tmp_path) is False


def test_what_holds_something_is_never_replaced(tmp_path: Path) -> None:
    Store.create(tmp_path / "there", FACTS).__exit__()
    (tmp_path / "garbage").mkdir()
    (tmp_path / "garbage" / FILE).write_bytes(b"no database" * 1000)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    for place in (*tmp_path.iterdir(), tmp_path / "other" / "thesis.tex"):
        assert not vacant(place)
        with pytest.raises(UsageError, match="exists and is not empty"):
            Store.create(place, FACTS)
    assert (tmp_path / "garbage" / FILE).read_bytes().startswith(b"no database")


def holder(out: Path) -> subprocess.Popen[str]:
    """Another process that has the claim on a directory."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(out)], env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout and process.stdout.readline() == "held\n"
    return process


def test_a_second_run_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with holder(out) as process:
        assert is_claimed(out) and claim.claimant(out) == process.pid
        with pytest.raises(UsageError, match=rf"belongs to a campaign that runs: process {process.pid} \(.*kill"):
            claimed(out).__enter__()
        assert out.is_dir(), "the one that was refused leaves it"
        process.communicate("", timeout=10)
    assert not (tmp_path / "deep").exists(), "nothing was written"
    assert not is_claimed(out)


def test_a_killed_process_has_no_claim(tmp_path: Path) -> None:
    with holder(tmp_path / "out") as process:
        process.kill()
    with claimed(tmp_path / "out"):
        assert claim.claimant(tmp_path / "out") == os.getpid()
        (tmp_path / "out" / "result").touch()
    assert (tmp_path / "out" / "result").exists() and not is_claimed(tmp_path / "out")


def test_no_directory_can_be_claimed_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FaultkitError, match="cannot be written"):
        claimed(tmp_path / "file" / "out").__enter__()
