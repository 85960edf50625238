"""docs/cli.md is the help of the commands, and the help says all there is to say."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from faultkit.cli import COMMANDS, GROUPS, cli
from faultkit.cli.manual import prose, table
from faultkit.cli.reference import ENVIRONMENT, EXIT_CODES
from faultkit.model.errors import FaultkitError, HarnessError, UnmetNeed, UsageError

PAGE = (Path(__file__).parents[1] / "docs" / "cli.md").read_text()
ALIKE = "--help"  # of each command


def help_of(*words: str) -> str:
    """The output of `faultkit WORDS --help` on a wide terminal."""
    return CliRunner().invoke(cli, [*words, ALIKE], terminal_width=100).stdout


def section_of(name: str) -> str:
    """The section of the page about a command."""
    return PAGE.split(f"### faultkit {name}\n", 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]


def test_the_page_is_what_the_command_prints() -> None:
    assert CliRunner().invoke(cli, ["manual"], prog_name="faultkit").stdout == PAGE, "make docs"


def test_the_page_has_the_commands_by_use_as_the_help_has_them() -> None:
    found = re.findall(r"^### faultkit (\w+)$|^## (\w+)$", PAGE, re.MULTILINE)
    words = [command or use for command, use in found]
    expected = [word for use, names in GROUPS.items() for word in (use.capitalize(), *names)]
    assert words[: len(expected)] == expected
    assert re.findall(r"^## (.*)$", PAGE, re.MULTILINE)[len(GROUPS) :] == ["Exit codes", "Environment", "Files"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_synopsis_all_options_and_examples(name: str) -> None:
    section, command = section_of(name), cli.get_command(click.Context(cli), name)
    assert command is not None
    assert section.startswith(f"\n    faultkit {name}")
    options = [option for option in command.params if isinstance(option, click.Option)]
    for option in options:
        assert f"`{', '.join(option.opts)}" in section
        assert option.help and option.help.endswith("."), option.opts
    assert f"faultkit {name}" in section.split("\nExamples:\n\n    ", 1)[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_names_what_is_wanted_and_not_its_type(name: str) -> None:
    assert re.findall(r"^  -.* (?:INTEGER|FLOAT|TEXT|PATH|FILENAME)\b", help_of(name), re.MULTILINE) == []


@pytest.mark.parametrize("bad", [FaultkitError, UsageError, UnmetNeed, HarnessError])
def test_every_exit_code_has_a_meaning(bad: type[FaultkitError]) -> None:
    assert str(bad.exit_code) in EXIT_CODES


def test_the_help_has_exit_codes_and_environment_too() -> None:
    said = " ".join(help_of().split())
    assert [f"{code} {meaning}" in said for code, meaning in EXIT_CODES.items()] == [True] * len(EXIT_CODES)
    assert [f"{name} {meaning}" in said for name, meaning in ENVIRONMENT.items()] == [True] * len(ENVIRONMENT)


def test_text_becomes_paragraphs_links_and_code() -> None:
    text = "See docs/ci.md,\nor not.\n\n\b\nExamples:\n  faultkit list\n"
    assert [*prose(text)] == ["See [docs/ci.md](ci.md),\nor not.", "Examples:", "    faultkit list"]
    assert [*prose(None)] == []


def test_a_bar_in_a_table_does_not_end_its_cell() -> None:
    assert table(("option", ""), {"--as a|b": "x"}) == "| option | |\n|---|---|\n| `--as a\\|b` | x |"
