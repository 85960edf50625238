"""The list of known crashes: a TOML file that people read, annotate and keep under version control.

[[crash]]
signature = "general protection fault in nbd_queue_rq"
seen = "kill_under_load, seed 7, trial 12"
note = "reported upstream"                # anything that you write stays
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from faultkit.gate.sources import read_toml
from faultkit.model.errors import UsageError
from faultkit.results.whole_file import write_whole

HEAD = "# Crash signatures that are known. `faultkit gate --update-known` adds to the end; the rest is yours.\n"


def known_signatures(path: Path) -> frozenset[str]:
    """The signatures in a file. Raises: UsageError."""
    if not path.exists():
        raise UsageError(f"there is no list of known crashes {path}: --update-known begins one")
    crashes = read_toml(path).get("crash", [])
    if not isinstance(crashes, list) or not all(isinstance(c, dict) and "signature" in c for c in crashes):
        raise UsageError(f'{path}: each [[crash]] needs a line: signature = "general protection fault in nbd_queue_rq"')
    return frozenset(str(crash["signature"]) for crash in crashes)


def add_signatures(path: Path, new: Mapping[str, str]) -> None:
    """Append crashes (signature -> place where it was seen) to a file; its text, comments included, stays."""
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    entries = (f"\n[[crash]]\nsignature = {quoted(name)}\nseen = {quoted(seen)}\n" for name, seen in new.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text + "".join(entries))


def quoted(text: str) -> str:
    """A TOML basic string: JSON's is one, DEL aside."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
