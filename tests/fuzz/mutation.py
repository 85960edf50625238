"""Small changes to bytes, to lines and to JSON, drawn from a seeded source."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

EDGES = (0, 1, -1, 7, 255, 1 << 31, 1 << 32, 1 << 53, (1 << 62) - 1, 1 << 63, 1 << 64, -(1 << 64), 10**400)
FLOATS = (0.0, -0.0, 1e300, 1e999, -1e999, float("nan"), 5e-324)
TEXTS = (
    "", "a", "x" * 300, "\x1b[2J\x07", "\ud800", "\u202e", "[red]", "<b>", "=1+1", "\n", "\0", "é字", "os:system",
    "1e9", "BUG: ", "../../x", "%s%n", "{}",
)  # fmt: skip
WORDS = (
    b"BUG: ", b"---[ end ", b"[    1.000000] ", b"<6>", b"\r", b"\x1b[", b"Call Trace:", b"RIP: 0010:", b"\0", b"+0x",
    b"/0x", b"Oops: ", b"WARNING: CPU: ", b"INFO: task ", b" [#1]", b"\xff", b"9" * 40,
)  # fmt: skip


def torn(data: bytes, draw: random.Random, most: int = 12) -> bytes:
    """Bytes with a few of them changed, left out, doubled or put in."""
    out = bytearray(data)
    for _ in range(draw.randint(1, most)):
        at, span = draw.randrange(len(out) + 1), draw.choice((1, 1, 2, 8, 64, 1000))
        match draw.randrange(6):
            case 0 if out:
                out[min(at, len(out) - 1)] = draw.randrange(256)
            case 1:
                del out[at : at + span]
            case 2:
                out[at:at] = out[at : at + span]
            case 3:
                out[at:at] = draw.choice(WORDS)
            case 4 if out:
                out[min(at, len(out) - 1)] ^= 1 << draw.randrange(8)
            case _:
                out[at:at] = draw.randbytes(min(span, 16))
    return bytes(out)


def shuffled(lines: Sequence[str], draw: random.Random, others: Sequence[str] = ()) -> list[str]:
    """Lines with some left out, doubled, moved, cut, or with one of others between them."""
    out = list(lines)
    for _ in range(draw.randint(1, 12)):
        at = draw.randrange(len(out) + 1)
        match draw.randrange(5):
            case 0:
                del out[at : at + draw.choice((1, 1, 3, 20))]
            case 1:
                out[at:at] = out[at : at + draw.choice((1, 2, 30))]
            case 2 if out:
                out.insert(at, out.pop(draw.randrange(len(out))))
            case 3 if others:
                out.insert(at, draw.choice(others))
            case _ if at < len(out):
                out[at] = torn(out[at].encode("utf-8", "replace"), draw, 3).decode("utf-8", "replace")
            case _:
                continue
    return out


def drawn(draw: random.Random, depth: int = 3) -> Any:
    """A value out of nothing: an edge of its type, or a container of such."""
    plain = (draw.choice((None, True, False)), draw.choice(EDGES), draw.choice(FLOATS), *draw.choices(TEXTS, k=2))
    kind = draw.randrange(8)
    if kind < len(plain) or not depth:
        return plain[kind % len(plain)]
    if kind == 5:
        return [drawn(draw, depth - 1) for _ in range(draw.choice((0, 1, 2, 40)))]
    if kind == 6:
        return {draw.choice(TEXTS): drawn(draw, depth - 1) for _ in range(draw.choice((0, 1, 3)))}
    return nested(draw.choice(TEXTS), draw.choice((2, 9, 300)))


def nested(value: Any, depth: int) -> Any:
    """A value in so many lists."""
    for _ in range(depth):
        value = [value]
    return value


def changed(value: Any, draw: random.Random, others: Sequence[Any] = ()) -> Any:
    """A JSON value with one place in it changed: a value drawn, one of others, a key gone, or a new one."""
    if isinstance(value, dict) and value and draw.random() < 0.8:
        return changed_object(value, draw, others)
    if isinstance(value, list) and value and draw.random() < 0.8:
        return changed_list(value, draw, others)
    if isinstance(value, int) and not isinstance(value, bool) and draw.random() < 0.5:
        return value + draw.choice((-1, 1, 1 << draw.randrange(70)))
    if isinstance(value, str) and draw.random() < 0.5:
        return torn(value.encode("utf-8", "replace"), draw, 2).decode("utf-8", "replace")
    return draw.choice(others) if others and draw.random() < 0.3 else drawn(draw)


def changed_object(value: dict[str, Any], draw: random.Random, others: Sequence[Any]) -> dict[str, Any]:
    """An object without one of its keys, with one more, or with another value."""
    key, way = draw.choice(list(value)), draw.randrange(6)
    if way == 0:
        return {each: inner for each, inner in value.items() if each != key}
    if way == 1:
        return value | {draw.choice(TEXTS): drawn(draw)}
    return value | {key: changed(value[key], draw, others)}


def changed_list(value: list[Any], draw: random.Random, others: Sequence[Any]) -> list[Any]:
    """A list without one of its items, with one twice, or with another."""
    at, way = draw.randrange(len(value)), draw.randrange(6)
    if way == 0:
        return value[:at] + value[at + 1 :]
    if way == 1:
        return value[: at + 1] + value[at:]
    return [*value[:at], changed(value[at], draw, others), *value[at + 1 :]]


def as_line(value: Any, draw: random.Random) -> bytes:
    """A value as a line of JSON, sometimes torn."""
    data = json.dumps(value, ensure_ascii=draw.random() < 0.5, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return torn(data, draw, 3) if draw.random() < 0.3 else data
