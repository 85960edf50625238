"""Kernel modules and programs that are built for the guest, and changes of their sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a source file: at `offset` (in bytes) lies `old`, and `new` comes in its place."""

    file: str  # its name, without folders
    offset: int
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A mistake in a C file: what an operator makes of a place in a function.

    `before` and `after` are what differs, in `line` (from 1); `change` is that of the whole statement, and `edits` are
    the change with a witness that tells when control comes to it.
    """

    operator: str
    file: str
    function: str
    line: int
    before: str
    after: str
    change: Edit
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class KernelModule:
    """A kernel module to be built for the guest's kernel, from a folder with a Kbuild file that makes `name`.ko.

    The C files of the folders `beside` are built in the same place, after `edits`. It may use what the modules
    `against` export, which must be loaded before it.
    """

    source: Path
    name: str
    beside: tuple[Path, ...] = ()
    edits: tuple[Edit, ...] = ()
    against: tuple[KernelModule, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A C program to be built for the guest, linked statically, from sources; headers come from their folders."""

    sources: tuple[Path, ...]
    headers: tuple[Path, ...] = ()  # more folders of them
    libraries: tuple[str, ...] = ()  # "fuse3" for libfuse3.a, which must be installed here
