"""Machine code of four bugs, each a detour from the beginning of a function: it does its harm, and goes back.

Written for x86-64 and its C calling convention, which the kernel shares with processes: the same code runs in both.
All registers that hold arguments are as before when the function begins.
"""

from __future__ import annotations

import random
import struct

from faultkit.kit import NotPlaced

NEEDS = "x86_64"

KINDS = ("null dereference", "wild write", "endless loop", "double free")
MOST_BYTES = 256  # more than any of them takes
FAR_BYTES = 1 << 16  # the greatest distance of a wild write from the function's first argument
SIZES_BYTES = (64, 128, 256, 512)  # of the object that is freed twice
GFP_KERNEL = 0xCC0  # include/linux/gfp_types.h; malloc() has no second argument, and does not mind

SAVE = bytes.fromhex("50 51 52 56 57 4150 4151 4152 53")  # push rax rcx rdx rsi rdi r8 r9 r10 rbx: the stack is aligned
RESTORE = bytes.fromhex("5b 415a 4159 4158 5f 5e 5a 59 58")
LOAD_NULL = bytes.fromhex("31c0 488b00")  # xor eax, eax; mov rax, [rax]
LOOP = bytes.fromhex("ebfe")  # jmp to itself; with a `pause` in it, emulation would take a minute a second
KEEP_FIRST = bytes.fromhex("4889c3")  # mov rbx, rax
KEEP_SECOND = bytes.fromhex("50 50")  # push rax, twice: the stack stays aligned
FIRST, SECOND = bytes.fromhex("4889df"), bytes.fromhex("488b3c24")  # mov rdi, rbx; mov rdi, [rsp]
DROP_SECOND = bytes.fromhex("4883c410")  # add rsp, 16


def bug_code(kind: str, back: int, draw: int, allocate: int = 0, free: int = 0) -> bytes:
    """The detour, which ends with a jump `back`; `draw` settles its numbers.

    null dereference: a load from address 0. wild write: 8 random bytes, up to 64 KiB before or behind what the
    function's first argument points to. endless loop: for good. double free: of two objects of one size, drawn from
    64 to 512 bytes, the first is freed, the second, and the first again; `allocate` and `free` are the functions.
    Raises: KeyError if there is no such kind: see check().
    """
    rng = random.Random(draw)
    bug = {
        "null dereference": LOAD_NULL,
        "wild write": wild_write(8 * rng.randrange(-FAR_BYTES // 8, FAR_BYTES // 8), rng.getrandbits(64)),
        "endless loop": LOOP,
        "double free": double_free(rng.choice(SIZES_BYTES), allocate, free),
    }[kind]
    return SAVE + bug + RESTORE + struct.pack("<2sQ3s", b"\x49\xbb", back, b"\x41\xff\xe3")  # mov r11, back; jmp r11


def check_kind(kind: str) -> None:
    """Refuse an unknown kind of bug. Raises: NotPlaced."""
    if kind not in KINDS:
        raise NotPlaced(f"there is no bug {kind!r}: there are {', '.join(KINDS)}")


def wild_write(offset: int, value: int) -> bytes:
    """lea rax, [rdi + offset]; mov rcx, value; mov [rax], rcx."""
    return struct.pack("<3si2sQ3s", b"\x48\x8d\x87", offset, b"\x48\xb9", value, b"\x48\x89\x08")


def double_free(size: int, allocate: int, free: int) -> bytes:
    """p = allocate(size); q = allocate(size); free(p); free(q); free(p)."""
    arguments = struct.pack("<sIsI", b"\xbf", size, b"\xbe", GFP_KERNEL)  # mov edi, size; mov esi, GFP_KERNEL
    get = arguments + call(allocate)
    put = call(free)
    return get + KEEP_FIRST + get + KEEP_SECOND + FIRST + put + SECOND + put + FIRST + put + DROP_SECOND


def call(address: int) -> bytes:
    """mov rax, address; call rax."""
    return struct.pack("<2sQ2s", b"\x48\xb8", address, b"\xff\xd0")
