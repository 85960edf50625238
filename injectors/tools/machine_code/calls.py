"""Types of code fault in calls of kernel functions, by their names: lock, unlock, irq, free, allocation."""

from __future__ import annotations

import random
from collections.abc import Container, Iterator
from functools import partial

from injectors.tools.machine_code.candidate import Candidate, candidate
from injectors.tools.machine_code.instructions import Body, Instruction, no_operation
from injectors.tools.machine_code.operands import left_out
from injectors.tools.machine_code.variables import argument_loads

NEEDS = "x86_64"

CALL, JUMP, RET = 0xE8, 0xE9, b"\xc3"
STI = b"\xfb"
BITS = ("", "_bh", "_irq", "_irqsave")
LOCKS = {
    **dict.fromkeys((f"_raw_{kind}_lock{bits}" for kind in ("spin", "read", "write") for bits in BITS), 0),
    **dict.fromkeys((f"_raw_{kind}_trylock" for kind in ("spin", "read", "write")), 1),
    "_raw_spin_trylock_bh": 1,
    **dict.fromkeys(("mutex_lock", "mutex_lock_io", "mutex_lock_interruptible", "mutex_lock_killable"), 0),
    "mutex_trylock": 1,
    **dict.fromkeys(("down", "down_interruptible", "down_killable", "down_trylock", "down_read", "down_write"), 0),
    **dict.fromkeys(("down_read_interruptible", "down_read_killable", "down_write_killable", "rtnl_lock"), 0),
    **dict.fromkeys(("down_read_trylock", "down_write_trylock", "rtnl_trylock"), 1),
}
"""Functions that take a lock -> what they return when they have got it. _irqsave returns the interrupt state to be
restored: 0 leaves it as it is, which is right, since nothing has changed it."""
UNLOCKS = frozenset(
    {f"_raw_{kind}_unlock{bits}" for kind in ("spin", "read", "write") for bits in ("", "_bh", "_irq", "_irqrestore")}
    | {"mutex_unlock", "up", "up_read", "up_write", "rtnl_unlock"}
)
RESTORES = frozenset(f"_raw_{kind}_unlock_irqrestore" for kind in ("spin", "read", "write"))
FREES = frozenset({
    "kfree", "kfree_sensitive", "kvfree", "kvfree_sensitive", "vfree", "kvfree_call_rcu", "kmem_cache_free",
    "kmem_cache_free_bulk", "mempool_free", "free_pages", "__free_pages", "free_pages_exact", "dma_free_attrs",
    "dma_free_pages", "dma_pool_free", "bio_put", "free_netdev", "sk_skb_reason_drop", "consume_skb",
    "kfree_skb_list_reason", "kfree_skb_partial", "napi_consume_skb", "dev_kfree_skb_any_reason",
    "dev_kfree_skb_irq_reason", "__dev_kfree_skb_any", "__dev_kfree_skb_irq", "free_percpu",
})  # fmt: skip
ALLOCATIONS = frozenset({
    "__kmalloc_noprof", "__kmalloc_cache_noprof", "__kmalloc_cache_node_noprof", "__kmalloc_node_noprof",
    "__kmalloc_large_noprof", "__kmalloc_large_node_noprof", "__kmalloc_node_track_caller_noprof", "krealloc_noprof",
    "kmemdup_noprof", "kmemdup_nul", "kstrdup", "kstrdup_const", "kstrndup", "kasprintf", "kvasprintf",
    "kmem_cache_alloc_noprof", "kmem_cache_alloc_lru_noprof", "kmem_cache_alloc_node_noprof", "mempool_alloc_noprof",
    "__kvmalloc_node_noprof", "vmalloc_noprof", "vzalloc_noprof", "__vmalloc_noprof", "alloc_pages_noprof",
    "__alloc_pages_noprof", "alloc_pages_exact_noprof", "get_free_pages_noprof", "get_zeroed_page_noprof",
    "dma_alloc_attrs", "dma_alloc_pages", "dma_pool_alloc", "bio_alloc_bioset", "alloc_etherdev_mqs",
    "alloc_netdev_mqs", "__alloc_skb", "__netdev_alloc_skb", "napi_alloc_skb", "__napi_alloc_frag_align",
    "__netdev_alloc_frag_align", "napi_build_skb", "build_skb", "skb_clone", "skb_copy", "skb_copy_expand",
    "nla_strdup", "__alloc_percpu_gfp", "pcpu_alloc_noprof",
})  # fmt: skip
"""Functions that give memory back, and those that return memory, or NULL if there is none (Linux 6.12)."""


def lock(body: Body) -> Iterator[Candidate]:
    """A call that takes a lock is left out; its caller goes on as if it had the lock."""
    for each in calls_of(body, LOCKS):
        yield candidate(body, each, partial(returning, each.code, LOCKS[body.callees[each.address]]))


def unlock(body: Body) -> Iterator[Candidate]:
    """A call that gives a lock back is left out."""
    for each in calls_of(body, UNLOCKS):
        yield candidate(body, each, partial(uncalled, each.code))


def free(body: Body) -> Iterator[Candidate]:
    """A call that frees memory is left out."""
    for each in calls_of(body, FREES):
        yield candidate(body, each, partial(uncalled, each.code))


def allocation(body: Body) -> Iterator[Candidate]:
    """A call that allocates memory is replaced by its failure: NULL."""
    for each in calls_of(body, ALLOCATIONS):
        yield candidate(body, each, partial(returning, each.code, 0))


def irq(body: Body) -> Iterator[Candidate]:
    """Interrupts are not allowed again: sti is left out, or *_unlock_irqrestore is given a state without them."""
    for position, each in enumerate(body.instructions):
        if each.code == STI:
            yield candidate(body, each, partial(left_out, each.code))
        elif body.callees.get(each.address) in RESTORES and "rsi" in (loads := argument_loads(body, position)):
            yield candidate(body, loads["rsi"], partial(zero_state, loads["rsi"].code))


def calls_of(body: Body, names: Container[str]) -> Iterator[Instruction]:
    """Calls of these functions, and jumps to them with which a function ends."""
    for each in body.instructions:
        if each.code[0] in (CALL, JUMP) and body.callees.get(each.address) in names:
            yield each


def uncalled(code: bytes, rng: random.Random) -> bytes:
    """No-ops in place of a call; in place of a jump, the return that the callee would have made."""
    del rng
    return no_operation(len(code)) if code[0] == CALL else RET + no_operation(len(code) - 1)


def returning(code: bytes, value: int, rng: random.Random) -> bytes:
    """Code that returns a small number: mov eax, value; in place of a jump: push value, pop rax, ret."""
    del rng
    return b"\xb8" + value.to_bytes(4, "little") if code[0] == CALL else bytes([0x6A, value, 0x58]) + RET + b"\x90"


def zero_state(code: bytes, rng: random.Random) -> bytes:
    """xor esi, esi."""
    del rng
    return b"\x31\xf6" + no_operation(len(code) - 2) if len(code) > 2 else b"\x31\xf6"
