"""The suite's own schedule: parts stay together, a test that is alone is alone, and every minute is in the table."""

from __future__ import annotations

import ast
import threading
import time
from pathlib import Path

import pytest

from tests.minutes import Minutes, Part, table
from tests.schedule import BEDS, in_order, part_of, room

SOON_S = 30.0


def test_a_part_is_the_guest_or_the_file_and_guests_come_first(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import pytest\n@pytest.fixture(scope='session')\ndef nbd(): pass\n")
    pytester.makeini("[pytest]\nmarkers =\n guest\n alone\n")
    pytester.makepyfile(
        test_a="import pytest\n@pytest.mark.alone\ndef test_one(): pass\ndef test_two(): pass",
        test_0="import pytest\n@pytest.mark.alone\ndef test_last(): pass",
        test_b="import pytest\npytestmark = pytest.mark.guest\ndef test_x(nbd): pass\n"
        "@pytest.mark.parametrize('bed', ['nbd'])\ndef test_y(bed): pass\ndef test_z(): pass\n",
    )
    items, _ = pytester.inline_genitems()
    assert {item.name: part_of(item) for item in items} == {
        "test_last": "alone", "test_one": "alone", "test_two": "test_a",
        "test_x": "nbd", "test_y[nbd]": "nbd", "test_z": "test_b",
    }  # fmt: skip
    assert [item.name for item in in_order(items)] == ["test_x", "test_y[nbd]", "test_z", "test_one", "test_two",
                                                       "test_last"]  # fmt: skip


def test_large_host_files_run_while_the_first_guest_is_made_and_small_ones_at_the_end(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeini("[pytest]\nmarkers =\n guest\n early\n")

    def file(count: int, mark: str = "") -> str:
        return "import pytest\n" + "".join(f"{mark}\ndef test_{n}(): pass\n" for n in range(count))

    guest, early = "@pytest.mark.guest", "@pytest.mark.guest\n@pytest.mark.early"
    pytester.makepyfile(test_a=file(3, guest), test_b=file(2, guest), test_c=file(1), test_d=file(4), test_e=file(2),
                        test_f=file(1), test_g=file(1, early))  # fmt: skip
    items, _ = pytester.inline_genitems()
    files = list(dict.fromkeys(item.path.stem for item in in_order(items)))
    assert files == ["test_a", "test_d", "test_e", "test_g", "test_b", "test_c", "test_f"]


def test_the_beds_are_the_guests_fixtures() -> None:
    tree = ast.parse((Path(__file__).parent / "guest" / "conftest.py").read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list]
    assert {f.name for f in functions if f.returns and ast.unparse(f.returns) == "PreparedGuest"} <= set(BEDS)


def test_tests_share_the_room_unless_one_is_alone(tmp_path: Path) -> None:
    inside, together, log = threading.Barrier(2), [], []

    def shares() -> None:
        with room(tmp_path, alone=False):
            inside.wait(SOON_S)
            together.append(True)
            time.sleep(0.1)
            log.append("shared")

    def alone() -> None:
        with room(tmp_path, alone=True):
            log.append("alone")

    sharing = [threading.Thread(target=shares) for _ in range(2)]
    for thread in sharing:
        thread.start()
    while not together:
        time.sleep(0.001)
    waiting = threading.Thread(target=alone)
    waiting.start()
    for thread in (*sharing, waiting):
        thread.join(SOON_S)
    assert together == [True, True] and log == ["shared", "shared", "alone"]


def test_who_waits_to_be_alone_is_before_those_who_come_later(tmp_path: Path) -> None:
    log: list[str] = []

    def one(name: str, *, alone: bool) -> threading.Thread:
        def run() -> None:
            with room(tmp_path, alone=alone):
                log.append(name)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    with room(tmp_path, alone=False):
        first = one("alone", alone=True)
        time.sleep(0.2)  # it has the turnstile now
        second = one("shared", alone=False)
        time.sleep(0.2)
        assert log == []
    first.join(SOON_S)
    second.join(SOON_S)
    assert log[0] == "alone" and sorted(log) == ["alone", "shared"]


def test_two_workers_of_one_run_take_turns_and_the_table_has_the_tests_of_both(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each test notes when it began and ended; nothing lies within the test that is alone."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    pytester.makeconftest(
        "from tests.minutes import Minutes\nfrom tests.schedule import Schedule\nimport tests.minutes\n"
        "tests.minutes.SHORT_S = 0\n"
        "def pytest_configure(config):\n"
        "    config.pluginmanager.register(Schedule())\n    config.pluginmanager.register(Minutes())\n"
    )
    body = "    begin = time.time()\n    time.sleep(.3)\n    Path('{}').write_text(f'{{begin}} {{time.time()}}')\n"
    head = "import time, pytest\nfrom pathlib import Path\n"
    for name, mark in (("one", ""), ("two", ""), ("last", "@pytest.mark.alone\n")):
        pytester.makepyfile(**{f"test_{name}": f"{head}{mark}def test_it():\n{body.format(name)}"})
    result = pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"
    )
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*minutes per part*", "all *3 *"])
    times = [tuple(map(float, (pytester.path / name).read_text().split())) for name in ("one", "two", "last")]
    assert times[2][0] >= max(times[0][1], times[1][1])


def test_the_table_has_every_part_and_the_sum() -> None:
    parts = {"guest: nbd": Part({"a", "b"}, 600.0), "host: cli": Part({"c"}, 60.0), "host: x": Part({"d"}, 1.0)}
    rows = [line.rsplit(maxsplit=2) for line in table(parts, 330.0)]
    assert rows[1:5] == [
        ["guest: nbd", "2", "10.0"],
        ["host: cli", "1", "1.0"],
        ["1 others", "1", "0.0"],
        ["all", "4", "11.0"],
    ]
    assert rows[5][-1] == "5.5"


def test_fixtures_and_clean_up_count_as_a_parts_time(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_slow="import pytest, time\n@pytest.fixture\ndef slow():\n time.sleep(.2)\n yield\n time.sleep(.2)\n"
        "def test_it(slow): time.sleep(.2)\n"
    )
    minutes = Minutes()
    pytester.inline_run("-p", "no:cacheprovider", plugins=[minutes]).assertoutcome(passed=1)
    assert minutes.parts["host: slow"].seconds >= 0.6
    assert len(minutes.parts["host: slow"].tests) == 1
