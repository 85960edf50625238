"""Sources of a gate's rules: the command line, or else a TOML file, or else the experiment."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faultkit.gate.language import Rule, parse_rule
from faultkit.model.errors import UsageError

KEYS = ("rules", "known", "baseline")
EXAMPLE = 'rules = ["recovered >= 99 %", "no CORRUPT in 300 trials"]'


@dataclass(frozen=True, slots=True)
class Named:
    """A rule and its name in reports: its line, unless a TOML table names it."""

    name: str
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A gate's rules, their source, and the files that they refer to."""

    origin: str
    rules: tuple[Named, ...]
    known: Path | None = None
    baseline: Path | None = None


def of_lines(lines: Sequence[str], origin: str) -> Rules:
    """Rules from lines; each line is its rule's name. Raises: UsageError."""
    rules = tuple(parse_rule(line) for line in lines)
    return Rules(origin=origin, rules=tuple(Named(str(rule), rule) for rule in dict.fromkeys(rules)))


def of_file(path: Path) -> Rules:
    """Rules from a TOML file; the paths in it are taken from its own folder. Raises: UsageError."""
    data = read_toml(path)
    if wrong := sorted(set(data) - {*KEYS}):
        raise UsageError(f"{path}: there is no key {wrong[0]!r}: there are {', '.join(KEYS)}; for example: {EXAMPLE}")
    known, baseline = (path.parent / str(data[key]) if key in data else None for key in ("known", "baseline"))
    lines = data.get("rules", [])
    if is_lines(lines):
        return replace(of_lines(lines, str(path)), known=known, baseline=baseline)
    if isinstance(lines, dict) and is_lines([*lines.values()]):
        rules = tuple(Named(name, parse_rule(line)) for name, line in lines.items())
        return Rules(origin=str(path), rules=rules, known=known, baseline=baseline)
    raise UsageError(f"{path}: rules must be a list of lines, or a table of names with lines, such as {EXAMPLE}")


def of_experiment(gate: Any, name: str) -> Rules:
    """Rules from an experiment's GATE. Raises: UsageError."""
    if not is_lines(gate):
        raise UsageError(f"{name}: GATE must be a tuple of rules; for example: GATE = ('recovered >= 99 %',)")
    return of_lines(gate, f"experiment {name}")


def is_lines(value: Any) -> bool:
    """True for a list or a tuple of strings."""
    return isinstance(value, (list, tuple)) and all(isinstance(line, str) for line in value)


def read_toml(path: Path) -> Mapping[str, Any]:
    """A TOML file. Raises: UsageError if there is none, or it is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        raise UsageError(f"{path} is not valid TOML: {reason}") from None
