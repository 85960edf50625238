"""Fingerprints of the demo's campaigns, compared with the published ones, or published (`make fingerprint`).

The published ones are in results/published/fingerprints.json, each with the versions that it holds for.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from faultkit.machine import packages
from faultkit.results.fingerprint import fingerprint
from faultkit.store.store import Store

FILE = Path(__file__).parents[1] / "results" / "published" / "fingerprints.json"
VERSIONS = ("kernel", "qemu", "image")


def found(result: Path) -> dict[str, Any]:
    """A campaign's fingerprint, and all that it depends on besides faultkit's code."""
    with Store.open(result) as store:
        facts = store.meta()
        kept = {name: getattr(facts, name) for name in ("experiment", "seed", "list_hash", *VERSIONS)}
        return kept | {"fingerprint": fingerprint(store), "packages": dict(facts.image_packages)}


def published() -> dict[str, Any]:
    """Experiment -> what was published of it."""
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def write(results: Iterable[Path]) -> None:
    """Publish the fingerprints of some campaigns."""
    made = {facts["experiment"]: facts for facts in map(found, results)}
    FILE.write_text(json.dumps(published() | made, indent=1, sort_keys=True) + "\n")


def compared(here: dict[str, Any]) -> str:
    """A campaign's fingerprint beside the published one, in a line or, if they differ, two."""
    there = published().get(here["experiment"])
    line = f"{here['experiment']}: {here['fingerprint']}"
    if there is None:
        return f"{line}; none is published for it"
    if there["list_hash"] != here["list_hash"]:
        return f"{line}; the published one is of other trials"
    if there["fingerprint"] == here["fingerprint"]:
        return f"{line}, the same as published"
    return f"{line}, ANOTHER than the published {there['fingerprint']}\n  {differences(there, here) or 'other code'}"


def differences(there: dict[str, Any], here: dict[str, Any]) -> str:
    """The versions that differ; "" if all are the same."""
    versions = [f"{name} {there[name]} there, {here[name]} here" for name in VERSIONS if there[name] != here[name]]
    return "; ".join(filter(None, [*versions, packages.differences_text(there["packages"], here["packages"])]))


def main() -> None:
    """Print the fingerprints of the results that are named, or publish them with --publish."""
    results = [Path(each) for each in sys.argv[1:] if each != "--publish"]
    if "--publish" in sys.argv:
        write(results)
    for result in results:
        print(compared(found(result)))


if __name__ == "__main__":
    main()
