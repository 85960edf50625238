"""The host's compiler: its version, and an environment in which it makes the same code on any host."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from functools import cache

CHANGE_THE_CODE = ("CFLAGS", "CPPFLAGS", "LDFLAGS", "KCFLAGS", "KCPPFLAGS", "KAFLAGS", "CPATH", "C_INCLUDE_PATH",
                   "LIBRARY_PATH", "MAKEFLAGS", "ARCH", "CROSS_COMPILE", "CC", "LLVM")  # fmt: skip


@cache
def compiler_version() -> str:
    """The first line of `gcc --version`."""
    return subprocess.run(
        ["gcc", "--version"], capture_output=True, encoding="utf-8", errors="replace", check=True
    ).stdout.splitlines()[0]


def environment() -> Mapping[str, str]:
    """The process's environment without locale, time zone and variables that add options."""
    dropped = {"LANG", "LANGUAGE", "TZ", "SOURCE_DATE_EPOCH", *CHANGE_THE_CODE}
    kept = {k: v for k, v in os.environ.items() if k not in dropped and not k.startswith("LC_")}
    return {**kept, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
