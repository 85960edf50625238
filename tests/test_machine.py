"""The options that a machine gives its kernel, and its connections."""

from __future__ import annotations

import errno
import gc
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from faultkit.machine.qemu import KERNEL_OPTIONS, Descriptors, EventLoop, Machine, qemu_version, wiring
from faultkit.model.errors import UnmetNeed


def told(machine: Machine, tmp_path: Path) -> str:
    """The kernel's command line in QEMU's options."""
    with (tmp_path / "any").open("wb") as file:
        options = wiring(machine, Descriptors(*[file.fileno()] * len(Descriptors._fields)), private=True)
    return next(option for option in options if option.startswith("console="))


def test_every_kernel_is_told_the_same(tmp_path: Path) -> None:
    assert told(Machine(), tmp_path) == KERNEL_OPTIONS


def test_more_of_it_comes_behind(tmp_path: Path) -> None:
    assert told(Machine(kernel_options="slub_debug=FZPU"), tmp_path) == f"{KERNEL_OPTIONS} slub_debug=FZPU"


def test_an_event_loop_that_cannot_be_made_leaves_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    monkeypatch.setattr(socket, "socketpair", no_more_files)
    with pytest.raises(OSError, match="Too many"):
        EventLoop()
    gc.collect()
    assert said == []


def test_a_want_of_files_is_no_want_of_qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: no_more_files())
    with pytest.raises(OSError, match="Too many"):
        qemu_version()
    monkeypatch.setattr(subprocess, "run", missing)
    with pytest.raises(UnmetNeed, match="apt-get install"):
        qemu_version()


def missing(*_: object, **__: object) -> None:
    """Refuse, as the system does where there is no such program."""
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def no_more_files() -> None:
    """Refuse, as the system does to a process that has all the files that it may have."""
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
