"""`faultkit cache`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

import click
from rich.table import Table

from faultkit.cli import options, terminal
from faultkit.machine import cache
from faultkit.machine.cache import CacheEntry
from faultkit.model.errors import UsageError

DAY_S = 86400
ACTIONS = ("list", "prune")


@click.command(name="cache", short_help="List and prune guests, templates and modules on disk.")
@click.argument("action", type=click.Choice(ACTIONS), default="list")
@click.option(
    "--kind", "kinds", metavar="KIND", type=click.Choice(tuple(cache.KINDS)), multiple=True,
    help=f"Only this kind; may be given again: {', '.join(cache.KINDS)}.",
)  # fmt: skip
@click.option(
    "--limit",
    metavar="SIZE",
    help="prune: until they take at most this much, such as 5G (default: FAULTKIT_CACHE_LIMIT; 0 with --days).",
)
@click.option("--days", metavar="N", type=click.FloatRange(min=0), help="prune: only what was not used for N days.")
@click.option("--dry-run", is_flag=True, help="prune: only say what would be dropped.")
@options.prints_json(
    "`{place, limit_bytes, size_bytes, entries}`, each entry `{kind, key, path, size_bytes, used_s, in_use}`, `used_s` "
    "a Unix time; with prune also `dropped`, of such entries"
)
def command(
    action: str, kinds: tuple[str, ...], limit: str | None, days: float | None, dry_run: bool, as_data: bool
) -> None:
    """List what is in the cache, with sizes and last use, or drop what was used longest ago.

    The cache keeps itself below FAULTKIT_CACHE_LIMIT. Nothing that a running experiment needs is ever dropped, even
    if it takes more than the limit. What was dropped is built again when it is needed, bit for bit the same.

    \b
    Examples:
      faultkit cache
      faultkit cache prune --limit 5G
      faultkit cache prune --kind templates --days 7
    """
    if action == "list" and (limit is not None or days is not None or dry_run):
        raise UsageError("cache: --limit, --days and --dry-run are for `faultkit cache prune`")
    bound = cache.limit_bytes() if limit is None else cache.size(limit)
    found: dict[str, Any] = {"place": str(cache.place()), "limit_bytes": bound}
    dropped = list[CacheEntry]()
    if action == "prune":
        target = 0 if limit is None and days is not None else bound
        dropped = cache.prune(target, kinds=kinds, unused_s=(days or 0) * DAY_S, dry_run=dry_run)
        found |= {"limit_bytes": target, "dropped": [as_fields(each) for each in dropped]}
    left = cache.entries(kinds)
    if as_data:
        found |= {"size_bytes": total(left), "entries": [as_fields(each) for each in reversed(left)]}
        click.echo(json.dumps(found))
    elif action == "list":
        listing(left, bound)
    else:
        verb = "would be dropped" if dry_run else "dropped"
        click.echo(f"{len(dropped)} entries ({readable(total(dropped))}) {verb}; {readable(total(left))} in use now")


def listing(entries: list[CacheEntry], bound: int) -> None:
    """Print a row an entry, the one that was used last first, and a line with the sum."""
    table = Table(box=None, pad_edge=False)
    for title in ("kind", "key", "last used", "in use"):
        table.add_column(title)
    table.add_column("size", justify="right")
    for each in reversed(entries):
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(each.used_s))
        table.add_row(each.kind, each.key, when, "yes" if each.held else "", readable(each.size_bytes))
    if entries:
        terminal.output().print(table)
    click.echo(f"{len(entries)} entries, {readable(total(entries))} of {readable(bound)} in {cache.place()}")


def total(entries: Iterable[CacheEntry]) -> int:
    """The bytes that entries take on disk."""
    return sum(each.size_bytes for each in entries)


def as_fields(entry: CacheEntry) -> dict[str, Any]:
    """An entry for scripts."""
    return {
        "kind": entry.kind,
        "key": entry.key,
        "path": str(entry.path),
        "size_bytes": entry.size_bytes,
        "used_s": entry.used_s,
        "in_use": entry.held,
    }


def readable(count: float) -> str:
    """A number of bytes for people: "352 MiB"."""
    units = iter(("B", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while count >= 1024 and unit != "TiB":
        count, unit = count / 1024, next(units)
    return f"{count:.1f} {unit}" if count < 10 and unit != "B" else f"{count:.0f} {unit}"
