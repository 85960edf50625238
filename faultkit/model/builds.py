"""Kernel modules and programs that are built for the guest, and changes of their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
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


def made_by(maker: str, *arguments: str) -> Mapping[str, KernelModule | Program]:
    """The files that a driver ships, made by a function that only the host has, `package.module:function`.

    A driver's module travels into the guest, where such a function's module is missing. Raises: as the function.
    """
    module, _, function = maker.partition(":")
    files: Mapping[str, KernelModule | Program] = getattr(import_module(module), function)(*arguments)
    return files
