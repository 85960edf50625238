"""Places of members in the running kernel's structs, from its type information.

A BPF program that includes the kernel's large headers takes seconds to compile, and all of that for one number.
Format: Documentation/bpf/btf.rst.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KERNEL = Path("/sys/kernel/btf/vmlinux")
HEADER = struct.Struct("<HBBIIIII")  # magic, version, flags, header, types' start and size, strings' start and size
TYPE = struct.Struct("<III")  # name, info, size or type
MEMBER = struct.Struct("<III")  # name, type, offset
MAGIC = 0xEB9F
INT, ARRAY, STRUCT, UNION, ENUM, PROTOTYPE, VARIABLE, SECTION, TAG, ENUM64 = 1, 3, 4, 5, 6, 13, 14, 15, 17, 19
FIXED_BYTES = {INT: 4, ARRAY: 12, VARIABLE: 4, TAG: 4}  # behind a type, by its kind
BYTES_EACH = {STRUCT: 12, UNION: 12, ENUM: 8, PROTOTYPE: 8, SECTION: 12, ENUM64: 12}  # for each of its members
BITS = 0x80000000  # of info: a member's offset holds the size of a bit field, too


@dataclass(frozen=True, slots=True)
class TypeEntry:
    """A type, and where its members are told."""

    kind: int
    name: bytes
    members: int  # how many
    at: int
    bits: bool


def offset_of(structure: str, member: str, btf: bytes | None = None) -> int:
    """The offset of a struct's member in bytes; `btf`: by default the running kernel's.

    Raises: OSError if the kernel tells no types, or has no such member.
    """
    raw = KERNEL.read_bytes() if btf is None else btf
    _, _, _, header, _, _, strings, _ = HEADER.unpack_from(raw)
    for entry in types(raw):
        if entry.kind == STRUCT and entry.name == structure.encode():
            for n in range(entry.members):
                name, _, place = MEMBER.unpack_from(raw, entry.at + n * MEMBER.size)
                if text(raw, header + strings + name) == member.encode():
                    return int(place & 0xFFFFFF if entry.bits else place) // 8
    raise OSError(f"this kernel has no struct {structure} with a member {member}")


def types(raw: bytes) -> Iterator[TypeEntry]:
    """All types, in order. Raises: OSError if this is no type information."""
    magic, _, _, header, start, size, strings, _ = HEADER.unpack_from(raw)
    if magic != MAGIC:
        raise OSError("the kernel's type information (BTF) is in a format that is not known")
    at, end = header + start, header + start + size
    while at < end:
        name, info, _ = TYPE.unpack_from(raw, at)
        kind, members = info >> 24 & 0x1F, info & 0xFFFF
        at += TYPE.size
        yield TypeEntry(kind, text(raw, header + strings + name), members, at, bool(info & BITS))
        at += FIXED_BYTES.get(kind, 0) + members * BYTES_EACH.get(kind, 0)


def text(raw: bytes, at: int) -> bytes:
    """The string that begins there."""
    return raw[at : raw.index(b"\0", at)]
