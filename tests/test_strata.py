"""The strata of faults."""

from __future__ import annotations

from dataclasses import dataclass

from faultkit.model.code import Site
from faultkit.verdict.strata import Stratum, stratum
from injectors.kdriver.kernel_memory import KernelMemory
from injectors.udriver.memory import Memory
from tests.records import Both, CallError, Hang, Kill, Typed

SITE = Site(function="nbd_open", offset=4, address=0x1004, old="7402", before="je 0x100c")


@dataclass(frozen=True, slots=True)
class Silent:
    """A fault that does not say where it lies."""


def test_a_fault_without_a_type_is_called_by_its_class() -> None:
    assert stratum(CallError("nbd_open")) == Stratum("u-driver", "call_error", "nbd_open", "nbd_open")


def test_a_settled_fault_lies_in_the_function_of_its_site() -> None:
    assert stratum(Typed("nop", site=SITE)) == Stratum("k-driver", "typed: nop", "nbd_open", "nbd_open")


def test_a_fault_in_memory_is_aimed_at_a_region_and_lies_in_no_function() -> None:
    assert stratum(Memory("heap")) == Stratum("u-driver", "memory: heap", None, "heap")
    assert stratum(KernelMemory("stack")).target == "stack"
    assert stratum(KernelMemory("stack", site=SITE)) == Stratum(
        "k-driver", "kernel memory: stack bit", "nbd_open", "nbd_open"
    )


def test_a_fault_can_say_its_type() -> None:
    assert stratum(Typed("nop", "nbd_open")) == Stratum("k-driver", "typed: nop", "nbd_open", "nbd_open")
    assert stratum(Typed("nop")) == Stratum("k-driver", "typed: nop", None, None)


def test_what_says_nothing_has_no_side() -> None:
    assert stratum(Silent()) == Stratum("", "silent", None, None)
    assert stratum(None) == Stratum("", "golden", None, None)


def test_several_faults_are_what_they_agree_in() -> None:
    assert stratum(Both((Typed("nop", "nbd_open"), Typed("bit_flip", "nbd_open")))) == Stratum(
        "k-driver", "several", None, None
    )
    assert stratum(Both((Kill(), Kill()))) == Stratum("u-driver", "kill", None, None)
    assert stratum(Both((Hang(), Typed("nop")))) == Stratum("several", "several", None, None)
    assert stratum(Both((Both((Hang(), Typed("nop"))), Kill()))).side == "several"
