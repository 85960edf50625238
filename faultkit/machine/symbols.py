"""The kernel's symbol table, as /proc/kallsyms prints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from faultkit.model import processor

NO_MODULE = frozenset({"bpf", "__builtin__ftrace", "__builtin__kprobes"})  # code that is generated as the kernel runs


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """A function of the kernel or, if `module` is not "", of a loaded module."""

    address: int
    name: str
    module: str = ""
    exported: bool = True  # global or weak


def parse_kallsyms(kallsyms: str) -> tuple[Symbol, ...]:
    """The functions in lines of /proc/kallsyms, by address."""
    found = set[Symbol]()
    for address, kind, name, *module in map(str.split, kallsyms.splitlines()):
        owner = module[0].strip("[]") if module else ""
        if kind in "tTwW" and owner not in NO_MODULE:
            found.add(Symbol(int(address, 16), name, owner, kind in "TwW"))
    return tuple(sorted(found))


def names(symbols: Iterable[Symbol]) -> Mapping[int, str]:
    """Address -> the name by which another module would import the function there."""
    ranked = sorted(symbols, key=rank, reverse=True)
    return {symbol.address: symbol.name for symbol in ranked if not symbol.name.startswith(processor.PADDING)}


def function_names(symbols: Iterable[Symbol]) -> list[str]:
    """The names of all functions, each once; not those of the padding before them."""
    return sorted({symbol.name for symbol in symbols if not symbol.name.startswith(processor.PADDING)})


def rank(symbol: Symbol) -> tuple[bool, int, int, str]:
    """Sort key for the names of one address: the likeliest import name first."""
    underscores = len(symbol.name) - len(symbol.name.lstrip("_"))
    return not symbol.exported, underscores, len(symbol.name), symbol.name
