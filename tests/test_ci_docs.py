"""The workflow files of docs/ci.md are ready to copy: they parse, and what they run is there."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Context

from faultkit.cli import cli
from faultkit.gate.sources import of_file

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "ci.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
WORKFLOWS: list[Any] = [yaml.safe_load(body) for kind, body in BLOCKS if kind == "yaml"]
RULES = [body for kind, body in BLOCKS if kind == "toml"]


def strings(node: Any) -> list[str]:
    """All scalar strings in a parsed document."""
    if isinstance(node, dict):
        return [text for value in node.values() for text in strings(value)]
    if isinstance(node, list):
        return [text for value in node for text in strings(value)]
    return [node] if isinstance(node, str) else []


COMMANDS = [
    line
    for workflow in WORKFLOWS
    for text in strings(workflow)
    for line in text.splitlines()
    if line.startswith(".venv/bin/faultkit ")
]


def test_there_is_a_file_for_each_service() -> None:
    github, gitlab = WORKFLOWS
    assert github["jobs"]["gate"]["steps"]
    assert {"schedule", "push"} <= set(github[True]), "YAML reads `on` as true, and so does GitHub's reader"
    assert gitlab["gate"]["script"]
    assert gitlab["gate"]["artifacts"]["reports"] == {"junit": "gate.xml"}
    assert {rule["variables"]["RULES"] for rule in gitlab["gate"]["rules"]} <= set(re.findall(r"gates/\w+\.toml", TEXT))


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_and_option_in_them_exists(line: str) -> None:
    words = shlex.split(re.sub(r"\$\{\{.*?\}\}", "", line))[1:]
    command = cli.get_command(Context(cli), words[0])
    assert command is not None
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= options


def test_commands_were_found() -> None:
    assert len(COMMANDS) == 7


@pytest.mark.parametrize("body", RULES)
def test_the_rules_are_rules(tmp_path: Path, body: str) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(body)
    assert len(of_file(file).rules) == len(tomllib.loads(body)["rules"]) > 2
