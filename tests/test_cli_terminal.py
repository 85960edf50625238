"""Output as a person sees it: on a real terminal of 80 and of 120 columns, without colours, and without a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest

from faultkit.cli import COMMANDS as NAMES
from tests.synthetic import campaign

ROOT = Path(__file__).parents[1]
COMMANDS: Mapping[str, list[str]] = {
    "help": ["--help"],
    **{f"help of {name}": [name, "--help"] for name in NAMES},
    "list": ["list"],
    "doctor": ["doctor"],
    "show": ["show", "stored"],
    "show by function": ["show", "stored", "--by", "function"],
    "phases": ["show", "stored", "--phases"],
    "trial": ["show", "stored", "1"],
    "diff": ["diff", "stored", "1", "2"],
    "compare": ["compare", "stored", "other"],
    "compare itself": ["compare", "stored", "stored"],
    "gate": [
        "gate", "stored", "--rule", "no CRASHED", "--rule", "p95 recovery <= 2 s", "--rule",
        "survived >= 60 % where side = u-driver and policy = restart_udriver",
    ],
    "report": ["report", "stored", "-o", "report.html"],
}  # fmt: skip
SESSION = """\
import json, sys
from faultkit.cli import main
for name, arguments in json.loads(sys.argv[1]).items():
    print(f"<<<{name}>>>", flush=True)
    sys.argv = ["faultkit", *arguments]
    try:
        main()
    except SystemExit:
        pass
"""  # one process for all, as most of a command's second is Python's imports
BAR = """\
from faultkit.cli.terminal import progress
from faultkit.running.progress import Bar
from tests.records import a_row
with Bar(progress()) as bar:
    bar.preparing("nbd")
    bar.started(3, 0)
    bar.stored(a_row(0, void="its guest was lost"), None)
"""
CODE = re.compile(r"\x1b\[([0-9;]*)m")
COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


def environment(**more: str) -> dict[str, str]:
    """Ours, but for what says how to print."""
    ours = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM", "CI"}}
    return ours | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"} | more


def on_terminal(place: Path, width: int, script: str, *arguments: str, **more: str) -> str:
    """The output of a script on a terminal of this width."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    command = [sys.executable, "-c", script, *arguments]
    process = subprocess.Popen(
        command, cwd=place, env=environment(**more), stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    written = bytearray()
    while part := read(ours):
        written += part
    process.wait()
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


def read(terminal: int) -> bytes:
    """The bytes that have come; none once the other side is closed (EIO on Linux)."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


def piped(place: Path, script: str, *arguments: str, **more: str) -> str:
    """The output of a script without a terminal, errors included."""
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(
        command, cwd=place, env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True
    )
    return done.stdout.decode()


def split(text: str) -> dict[str, str]:
    """The output of each command of a session."""
    _, *parts = re.split(r"<<<(.*)>>>\n", text)
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with two campaigns."""
    folder = tmp_path_factory.mktemp("terminal")
    campaign(folder / "stored", 200, seed=7)
    campaign(folder / "other", 200, seed=8)
    return folder


@pytest.fixture(scope="module", params=[80, 120])
def terminal(request: pytest.FixtureRequest, place: Path) -> tuple[int, dict[str, str]]:
    """How wide it is, and what each command writes to it."""
    return request.param, split(on_terminal(place, request.param, SESSION, json.dumps(COMMANDS)))


@pytest.fixture(scope="module")
def pipe(place: Path) -> dict[str, str]:
    """The output of each command in a pipe."""
    return split(piped(place, SESSION, json.dumps(COMMANDS)))


@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_is_wider_than_the_terminal(terminal: tuple[int, dict[str, str]], name: str) -> None:
    width, said = terminal
    lines = CODE.sub("", said[name]).splitlines()
    assert lines and "Traceback" not in said[name]
    assert [line for line in lines if len(line) > width] == []
    assert "…" not in said[name], "something was cut off"


@pytest.mark.parametrize("name", COMMANDS)
def test_escape_codes_are_for_style_alone(terminal: tuple[int, dict[str, str]], name: str) -> None:
    assert "\x1b" not in CODE.sub("", terminal[1][name])


def test_outcomes_and_answers_have_colours_on_a_terminal(terminal: tuple[int, dict[str, str]]) -> None:
    assert all(COLOUR.search(terminal[1][name]) for name in ("show", "trial", "diff", "compare itself", "gate"))


def test_no_color_means_no_colour(place: Path) -> None:
    said = split(on_terminal(place, 80, SESSION, json.dumps(COMMANDS), NO_COLOR="1"))
    assert [name for name in COMMANDS if COLOUR.search(said[name])] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_pipe_gets_plain_text(pipe: dict[str, str], name: str) -> None:
    assert pipe[name] and "\x1b" not in pipe[name]


def test_a_pipe_gets_a_line_per_item(pipe: dict[str, str]) -> None:
    assert all(re.match(r"\w+$|  \w+ +\S", line) for line in pipe["list"].splitlines())


def test_force_color_means_colours_in_a_pipe(place: Path) -> None:
    assert COLOUR.search(piped(place, SESSION, json.dumps({"gate": COMMANDS["gate"]}), FORCE_COLOR="1"))


def test_numbers_stand_under_the_right_edge_of_their_heading(terminal: tuple[int, dict[str, str]]) -> None:
    for name in ("show", "show by function", "compare itself"):
        for table in CODE.sub("", terminal[1][name]).split("\n\n"):
            head, ruled, body = table.partition("──")
            if ruled:
                edges = {found.end() for line in head.splitlines() for found in re.finditer(r"\S+", line)}
                numbers = [m for line in body.splitlines()[1:] for m in re.finditer(r" (?:\d+|·)(?= |$)", line)]
                assert numbers and {number.end() for number in numbers} <= edges


def test_milliseconds_stand_point_under_point(terminal: tuple[int, dict[str, str]]) -> None:
    for name, pattern in (("trial", r"^ *\d+(\.)\d{3} "), ("phases", r"^  detected .*(\.)\d$")):
        found = [re.match(pattern, line) for line in CODE.sub("", terminal[1][name]).splitlines()]
        assert len({match.start(1) for match in found if match}) == 1


def test_a_bar_moves_on_a_terminal_and_not_in_a_log(place: Path) -> None:
    assert "\x1b[2K" in on_terminal(place, 80, BAR), "the line is written again"
    logged = piped(place, BAR, FORCE_COLOR="1")
    assert logged.splitlines() == ["preparing nbd", "3 trials"]
