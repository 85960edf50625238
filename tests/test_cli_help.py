"""The help of the command line: by use, with examples, and completion."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from faultkit.cli import COMMANDS, GROUPS, cli

ROOT = Path(__file__).parents[1]


def test_help_names_every_command_under_its_use() -> None:
    said = CliRunner().invoke(cli, ["--help"]).stdout
    for use, names in GROUPS.items():
        section = said.split(f"{use.capitalize()}:\n", 1)[1].split("\n\n", 1)[0]
        assert [line.split()[0] for line in section.splitlines()] == [*names]
        assert "..." not in section, "a summary is cut off"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_names_it(name: str) -> None:
    said = CliRunner().invoke(cli, [name, "--help"]).stdout
    assert f"faultkit {name} " in f"{said.split('Examples:', 1)[1]} ".replace("\n", " ")
    assert max(map(len, said.splitlines())) <= 100


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_that_its_shell_can_read(shell: str, tmp_path: Path) -> None:
    script = CliRunner().invoke(cli, ["completion", shell], prog_name="faultkit").stdout
    assert "_FAULTKIT_COMPLETE" in script and "%(" not in script
    if found := shutil.which(shell):
        (tmp_path / "script").write_text(script)
        subprocess.run([found, "-n", str(tmp_path / "script")], check=True)


def completed(folder: Path, *words: str) -> list[str]:
    """The completions that bash gets for the last of the words."""
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "_FAULTKIT_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("faultkit", *words)), "COMP_CWORD": str(len(words)),
    }  # fmt: skip
    command = [sys.executable, "-m", "faultkit.cli"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_experiments_and_results_are_completed(tmp_path: Path) -> None:
    for name in ("kills", "killers", "waits"):
        (tmp_path / "results" / name / "1").mkdir(parents=True)
        (tmp_path / "results" / name / "latest").symlink_to("1")
    assert completed(tmp_path, "show", "kil") == ["dir,kil", "plain,killers", "plain,kills"]
    assert completed(tmp_path, "run", "quickstart_n") == ["file,quickstart_n", "plain,quickstart_nbd"]
    assert "plain,interference" in completed(tmp_path, "inter")


def test_there_is_a_command_behind_every_name() -> None:
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None and command.name == name
