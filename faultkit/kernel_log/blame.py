"""The function that did the deed: the first of a call chain that is no helper.

Functions that copy, lock, allocate or check stand on top of many reports, and the bug is in their caller. The names are
those of Linux 6.1 to 6.18 on x86-64. Only functions of the kernel itself are helpers, never those of a module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FUNCTION = r"(?P<function>[\w.]+)\+(?P<offset>0x[0-9a-f]+)/0x[0-9a-f]+(?: \[(?P<module>[\w-]+)[^\]]*\])?"
ADDRESS = r"\[<(?:[0-9a-f]+|\(ptrval\))>\] "  # of some architectures, and of kernels of old
FRAME = re.compile(  # the unwinder does not vouch for one with a question mark
    rf"^\s*(?:{ADDRESS})?(?:(?:\([^)]*\)|[\w.]+) from (?:{ADDRESS}\()?)?(?P<guessed>\? )?{FUNCTION}"
)
PLACE = re.compile(FUNCTION)
DECODED = re.compile(  # what the kernel's script decode_stacktrace.sh makes of a frame
    r"(?P<guessed>\? )?(?P<function>[A-Za-z_][\w.]*) \([\w./+-]+\.[chS]:\d+[^()]*\)(?: \[?(?P<module>[\w-]+)\]?)?"
)
NAMED = re.compile(  # the work of a queue, the handler of an interrupt
    r"^(?:\s+(?:.*\bworkfn=|last function: )|\[<[0-9a-f]+>\] )(?P<function>[\w.]+)(?: \[(?P<module>[\w-]+)[^\]]*\])?"
)
COPY = re.compile(r"\.(?:constprop|isra|part|cold|llvm)\b.*")  # what the compiler makes of a function's copies

NAMES_OF_HELPERS: Mapping[str, str] = {
    "memory and strings: arch/x86/lib, lib/string*.c, lib/iov_iter.c, mm/usercopy.c": r"""
        _*(?:mem|str)(?:cpy|move|set|cmp|chr|len|nlen|ncpy|ncmp|cat|ncat|lcpy|scpy|chrnul|dup|pbrk|spn|rchr|n?str)\w*
        _*(?:copy|clear)_(?:user|page|from|to|in)\w* rep_(?:movs|stos)\w* raw_copy_\w+ _copy_\w+
        __(?:get|put)_user\w* usercopy_abort __check_(?:object_size|heap_object) check_(?:stack|heap|page)_\w+
        check_copy_size _?fortify_\w+ __fortify_\w+ sized_str\w+ copy_overflow __copy_overflow memscan
    """,
    "lists, reference counts, bits, data structures of the library": r"""
        _*list_(?:add|del)\w* _*refcount_\w+ _*kref_\w+ klist_\w+ llist_\w+
        rb_(?:erase|insert|next|prev|first)\w* _*(?:kobject|sysfs|kernfs|internal_create|create_files)_\w+
        device_add bus_add_\w+ percpu_ref_\w+ __(?:bitmap|find)_\w+ debug_object_\w+ debug_print_object
        debug_check_no_obj_freed xas_\w+ xa_(?:load|store|erase) idr_\w+ radix_tree_\w+ sg_\w+
    """,
    "locks, waiting, the scheduler": r"""
        _*raw_(?:spin|read|write)_\w+ _*(?:queued|native_queued|pv_queued)_\w+ do_raw_\w+
        (?:read|write)_(?:un)?lock\w* _*mutex_\w+ _*ww_mutex_\w+ _*down_?\w* _*up(?:_read|_write)? _*rwsem_\w+
        rt_mutex_\w+ _*percpu_down_\w+ io_schedule\w* _*schedule\w* preempt_schedule\w* _*cond_resched\w*
        _*might_(?:sleep|resched|fault)\w* __schedule_bug
        _*wait_(?:for_(?:completion|common)\w*|on_bit\w*|event\w*) _*wait_for_common\w* bit_wait\w*
        out_of_line_wait\w* prepare_to_wait\w* finish_wait autoremove_wake_function swait_\w+ _*try_to_wake_up
        wake_up_\w+ complete(?:_all)? lock_(?:acquire|release)\w* _*lock_\w*
        check_(?:prev\w*|deadlock|noncircular|irq_usage|wait_context|flags) mark_\w+ validate_chain\w*
        lockdep_\w+ print_\w+ debug_(?:locks|check)_\w+ osq_lock rt_(?:spin|read|write)_\w+ register_lock_class
        check_preemption_disabled rcu_(?:read|lock)\w* synchronize_\w+
    """,
    "time": r"""
        ktime_get\w* read_tsc _*(?:const_)?[nu]delay delay_\w+ timekeeping_\w+ native_sched_clock sched_clock\w*
    """,
    "memory allocation and its checks": r"""
        _*k(?:z|m|v|vz|c)?alloc\w* _*k[vz]?free\w* kfree_\w+ _*kmem_cache_\w+ _*kmalloc\w* krealloc\w*
        kmemdup\w* vfree\w* _*v[mz]alloc\w* _*slab_\w+ ___slab_alloc
        _*alloc_(?:debug_processing|consistency_checks|pages?\w*|skb\w*) free_debug\w*
        free_(?:to_partial_list|consistency_checks|pages?\w*|unref_page\w*|large_kmalloc|frozen\w*|pcppages\w*|tail\w*)
        _*free_(?:slab|pages\w*|frozen_pages\w*) discard_slab object_err slab_(?:err|bug|fix|pad_check)
        check_(?:object|slab|bytes_\w+) get_(?:partial|any_partial|freelist)\w* on_freelist bad_page
        get_page_from_freelist warn_alloc rmqueue\w* prep_new_page __rmqueue\w* new_slab allocate_slab
        kfence_\w+ _*kfence_\w+ kasan_\w+ _*kasan_\w+ __asan_\w+ kmsan_\w+ _*msan_\w+ kcsan_\w+ __tsan_\w+
        __ubsan_\w+ ubsan_\w+ check_region_inline object_is_on_stack end_report print_address_description
        skb_(?:release|free)_\w+ page_frag_\w+
    """,
    "packets": r"""
        skb_(?:over_panic|under_panic|panic|put|push|pull|copy_\w+|trim)\w* _*skb_(?:put|push|pull) pskb_\w+
    """,
    "the reporting itself, traps, and the way into the kernel": r"""
        warn_slowpath\w* __warn\w* report_bug handle_bug
        dump_(?:stack|backtrace)\w* (?:unwind|save)_(?:backtrace|stack\w*) walk_stackframe
        dump_page dump_header show_\w+
        _?printk\w* panic nmi_panic die\w* __die\w* oops_\w+ exc_\w+ asm_\w+ page_fault_oops search_\w+
        do_(?:trap|error_trap|user_addr_fault)\w* (?:un)?register_die\w* fixup_\w+ watchdog_\w+ rcu_\w*stall\w*
        rcu_dump_\w+ nmi_\w+ sysvec_\w+ apic_timer\w* common_interrupt __report_bad_irq note_interrupt
        _*handle_\w*irq\w* generic_handle_\w+ (?:__)?common_interrupt call_irq_handler
        __x86_(?:indirect|return)_thunk\w* __stack_chk_fail __noinstr\w* ret_from_\w+ irq_exit\w* perf_trace_\w+
        trace_\w+
    """,
}
HELPERS = re.compile("|".join(" ".join(NAMES_OF_HELPERS.values()).split()))


@dataclass(frozen=True, slots=True)
class Frame:
    """A function of a call trace, as the kernel prints it: name, offset into it, and module."""

    function: str
    offset: str
    module: str | None = None
    guessed: bool = False  # found on the stack, and not vouched for by the unwinder

    @property
    def name(self) -> str:
        """The function's name in the source."""
        return COPY.sub("", self.function)


def frame_in(text: str) -> Frame | None:
    """The frame that a line of a call trace shows; None if it shows none."""
    if found := FRAME.match(text):
        return Frame(found["function"], found["offset"], found["module"], bool(found["guessed"]))
    found = DECODED.match(text.lstrip(" \t"))
    return Frame(found["function"], "0x0", found["module"], bool(found["guessed"])) if found else None


def place_in(text: str) -> Frame | None:
    """The first function with its offset in a text."""
    if found := PLACE.search(text):
        return Frame(found["function"], found["offset"], found["module"])
    found = DECODED.search(text)
    return Frame(found["function"], "0x0", found["module"]) if found else None


def named_in(text: str) -> Frame | None:
    """The function that a report names itself: the work that leaked, the handler that did not care."""
    found = NAMED.match(text)
    return Frame(found["function"], "0x0", found["module"]) if found else None


def is_helper(frame: Frame) -> bool:
    """Report whether a function is one of the kernel's that bugs of others show up in."""
    return frame.module is None and HELPERS.fullmatch(frame.name) is not None


def to_blame(place: Frame | None, trace: Iterable[Frame]) -> Frame | None:
    """The first function that is no helper: of the place where the kernel stopped, then of the call trace.

    If all are helpers, the first of all.
    """
    chain = [frame for frame in (place, *trace) if frame and not frame.guessed]
    return next((frame for frame in chain if not is_helper(frame)), chain[0] if chain else None)
