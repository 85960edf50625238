"""Files that are there as a whole or not at all: readers find the old one or the new one, also if the disk is full."""

from __future__ import annotations

import os
from pathlib import Path

from faultkit.model.errors import HarnessError


def write_whole(out: Path, content: str | bytes) -> None:
    """Write a file beside `out` and put it in its place; write to `out` itself if it is none (/dev/stdout).

    Raises: HarnessError; then `out` is as it was, and nothing is beside it.
    """
    data = content.encode(errors="replace") if isinstance(content, str) else content
    target = out.resolve()
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        try:
            fresh.write_bytes(data)
            if target.exists():
                fresh.chmod(target.stat().st_mode & 0o7777)
            fresh.replace(target)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
    except OSError as reason:
        raise HarnessError(f"{out} cannot be written: {reason.strerror}") from None
