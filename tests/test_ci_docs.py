"""The workflow files of docs/ci.md are ready to copy: they parse, and what they run is there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Context

from faultkit.cli import cli
from faultkit.gate.sources import of_file
from faultkit.machine.image import image

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
    assert len(COMMANDS) == 10


@pytest.mark.parametrize("body", RULES)
def test_the_rules_are_rules(tmp_path: Path, body: str) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(body)
    assert len(of_file(file).rules) == len(tomllib.loads(body)["rules"]) > 2


OWN = WORKFLOWS[0]["jobs"]["gate"]["steps"]
APT = "apt-get install -y --no-install-recommends "


def test_the_packages_are_those_of_setup() -> None:
    listed = re.search(r"^packages=\((.*?)\)", (ROOT / "setup").read_text(), re.MULTILINE | re.DOTALL)
    assert listed is not None
    lines = [line for text in strings(WORKFLOWS) for line in text.splitlines() if APT in line]
    assert len(lines) == 2 and all(set(listed[1].split()) - {"python3"} <= {*line.split()} for line in lines)


def test_the_cache_is_stored_where_it_is_made_and_its_key_has_the_kernels_version() -> None:
    [cached] = [step["with"] for step in OWN if str(step.get("uses", "")).startswith("actions/cache@")]
    [made] = [step for step in OWN if step.get("id") == "faultkit"]
    assert f'FAULTKIT_CACHE=$GITHUB_WORKSPACE/{Path(cached["path"]).parent}"' in made["run"]
    assert "github.workspace" not in str(WORKFLOWS[0]), "in a container that is a folder of the machine outside"
    assert "steps.faultkit.outputs.kernel" in cached["key"] and '"kernel=$(dpkg-query' in made["run"]
    gitlab = WORKFLOWS[1]["gate"]
    assert [gitlab["variables"]["FAULTKIT_CACHE"].replace("$CI_PROJECT_DIR/", "") + "/guests"] == gitlab["cache"][
        "paths"
    ]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A driver's own repository, as the text describes it, with faultkit installed in its .venv as pip does it."""
    home, example = tmp_path / "mine", ROOT / "tests" / "own_driver"
    for folder in ("drivers", "experiments", "gates"):
        (home / folder).mkdir(parents=True)
    for name in ("ring.c", "Kbuild"):
        shutil.copyfile(example / name, home / "drivers" / name)
    shutil.copyfile(example / "ringdriver.py", home / "drivers" / "ring.py")
    text = (example / "survives_faults.py").read_text().replace("from ringdriver ", "from drivers.ring ")
    (home / "experiments" / "survives_faults.py").write_text(text)
    for folder in ("drivers", "experiments"):
        (home / folder / "__init__.py").touch()
    (home / "gates" / "commit.toml").write_text('rules = ["golden clean in 4 trials", "no CORRUPT in 2 trials"]\n')
    installed(home, tmp_path / "source")
    return home


def installed(home: Path, source: Path) -> None:
    """Put into .venv what pip would: the packages with their data, and the command."""
    source.mkdir()
    for name in ("faultkit", "injectors", "monitors", "drivers", "experiments", "microdriver"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copyfile(ROOT / name, source / name)
    venv.create(home / ".venv")
    [site] = (home / ".venv" / "lib").glob("python*/site-packages")
    build = [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", "build_py", "--build-lib", str(site)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    others = [path for path in sys.path if path.endswith("site-packages")]
    (site / "others.pth").write_text("\n".join(others))
    command = home / ".venv" / "bin" / "faultkit"
    command.write_text(f"#!{home}/.venv/bin/python\nfrom faultkit.cli import main\nmain()\n")
    command.chmod(0o755)


def steps_of_a_push() -> list[str]:
    """The lines that the steps run for a commit, but for what apt and pip install; the campaign is shortened."""
    texts = [step["run"] for step in OWN if "run" in step and "schedule" not in str(step.get("if", ""))]
    lines = [line for text in texts for line in text.replace("\\\n", "").splitlines() if not re.match(PREPARED, line)]
    found = [re.sub(r"\$\{\{ github.event_name.*?\}\}", "--rules gates/commit.toml", line) for line in lines]
    return [line.replace("--trials 60", "--trials 6") for line in found]


PREPARED = r"apt-get |python3 -m venv |\.venv/bin/python -m pip "


@pytest.mark.guest
def test_a_drivers_repository_follows_the_workflow_step_by_step(repository: Path, tmp_path: Path) -> None:
    guests = repository / ".cache" / "faultkit" / "guests"  # of this cache alone: others build guests in the common one
    (repository / ".cache" / "faultkit").mkdir(parents=True)
    shutil.copytree(image().path, guests / image().path.name)  # as actions/cache restores it
    before = sorted(guests.iterdir())
    files = {name: str(tmp_path / name) for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GITHUB_WORKSPACE": str(repository), **files}
    for line in steps_of_a_push():
        done = subprocess.run(
            ["bash", "-ec", line], cwd=repository, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        told = Path(files["GITHUB_ENV"]).read_text() if Path(files["GITHUB_ENV"]).exists() else ""
        environment |= dict(pair.split("=", 1) for pair in told.splitlines())
    assert sorted(guests.iterdir()) == before, "the cached guest was found"
    assert re.fullmatch(r"kernel=6\.12\..+\n", Path(files["GITHUB_OUTPUT"]).read_text())
    assert {"gate.xml", "dashboard.html"} <= {path.name for path in repository.iterdir()}
    assert (repository / "results" / "survives_faults" / "latest").is_dir()
    assert "golden clean" in Path(files["GITHUB_STEP_SUMMARY"]).read_text()
