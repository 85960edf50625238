"""What a fault is told apart by."""

from __future__ import annotations

from dataclasses import dataclass

from faultkit.verdict.strata import Stratum, stratum
from tests.records import Both, CallError, Hang, Kill, Typed


@dataclass(frozen=True, slots=True)
class Silent:
    """A fault that does not say where it lies."""


def test_a_fault_without_a_type_is_called_by_its_class() -> None:
    assert stratum(CallError("nbd_open")) == Stratum("u-driver", "call_error", "nbd_open")


def test_a_fault_can_say_its_type() -> None:
    assert stratum(Typed("nop", "nbd_open")) == Stratum("k-driver", "typed: nop", "nbd_open")
    assert stratum(Typed("nop")) == Stratum("k-driver", "typed: nop", None)


def test_what_says_nothing_has_no_side() -> None:
    assert stratum(Silent()) == Stratum("", "silent", None)
    assert stratum(None) == Stratum("", "golden", None)


def test_several_faults_are_what_they_agree_in() -> None:
    assert stratum(Both((Typed("nop", "nbd_open"), Typed("bit_flip", "nbd_open")))) == Stratum(
        "k-driver", "several", None
    )
    assert stratum(Both((Kill(), Kill()))) == Stratum("u-driver", "kill", None)
    assert stratum(Both((Hang(), Typed("nop")))) == Stratum("several", "several", None)
    assert stratum(Both((Both((Hang(), Typed("nop"))), Kill()))).side == "several"
