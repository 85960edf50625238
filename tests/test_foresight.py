"""A list that cannot be carried out is refused before anything is prepared, with the trial and the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from drivers.nbd import Nbd, VerifiedIO
from drivers.rtl8139 import Rtl8139, Transfers
from drivers.rtl8139_micro import Rtl8139Micro
from faultkit.machine.template import group_of
from faultkit.model.attempts import Attempts
from faultkit.model.errors import NotPlaced, UsageError
from faultkit.model.parts import Remedy
from faultkit.model.policies import (
    DownAndUp,
    Escalate,
    Nothing,
    Rebind,
    ReloadKDriver,
    ResetFunction,
    RestartBoth,
    RestartUDriver,
)
from faultkit.model.trial import Detectors, Trial
from faultkit.model.triggers import After, AtOnce, AtRequest, Every
from faultkit.running.experiment import Experiment, plan
from faultkit.running.foresight import check_trial, suits
from injectors.channel.channel import Channel
from injectors.device.link_down import LinkDown
from injectors.kdriver.call_argument import CallArgument
from injectors.kdriver.call_delay import CallDelay
from injectors.kdriver.call_error import CallError
from injectors.kdriver.kernel_bug import KernelBug
from injectors.kdriver.kernel_memory import KernelMemory
from injectors.kdriver.overrun import Overrun
from injectors.kdriver.skip import Skip
from injectors.kdriver.text import Text
from injectors.several import Several
from injectors.tools.syscall_names import NAMES, kernel_name
from injectors.udriver.disk_full import DiskFull
from injectors.udriver.fd_closed import FdClosed
from injectors.udriver.kill import Kill
from injectors.udriver.memory import Memory
from injectors.udriver.memory_limit import MemoryLimit
from injectors.udriver.registers import Registers
from injectors.udriver.signals import Signal
from injectors.udriver.slow import Slow
from injectors.udriver.syscall_delay import SyscallDelay
from injectors.udriver.syscall_error import SyscallError
from injectors.udriver.user_bug import UserBug
from tests.guest.stand_ins import stand_ins
from tests.records import Kill as AnyKill
from tests.records import Nbd as AnyNbd
from tests.records import a_trial


def trial(**parts: Any) -> Trial:
    """A kill of nbd's u-driver; `parts` replace what is to differ."""
    usual = {"driver": Nbd(), "workload": VerifiedIO(), "policy": Nothing(), "seed": 1}
    return Trial(**{**usual, "fault": Kill(), "trigger": AtRequest(3), **parts})


@dataclass(frozen=True, slots=True)
class Pray(Attempts):
    """A policy of a user's own, for an action of a user's own driver."""

    action: ClassVar[str] = "pray"


@dataclass(frozen=True, slots=True)
class Unfinished(AnyNbd):
    """A driver that names an action and lacks one of its steps."""

    @property
    def remedies(self) -> Mapping[str, Remedy]:
        return {"pray": Remedy("who knows", ("detach", "kneel", "attach"))}


@dataclass(frozen=True, slots=True)
class Devout(Unfinished):
    """The same, with the step."""

    def kneel(self) -> None: ...


GOLDEN_NIC = {"driver": Rtl8139(), "fault": None, "trigger": None}
MICRO = {"driver": Rtl8139Micro(), "workload": Transfers()}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"trigger": AtRequest(0)}, "at_request: there is no request 0: the first is 1"),
    ({"trigger": AtRequest("3")}, "AtRequest(nth='3'): of type str, not int"),  # type: ignore[arg-type]
    ({"trigger": After(-1.0)}, "after: a delay of -1.0 s means nothing"),
    ({"trigger": AtRequest}, "Trial(trigger=<class 'faultkit.model.triggers.AtRequest'>): it is a class: write AtR"),
    ({"fault": RestartUDriver()}, "it is no fault, as it has no inject"),
    ({"policy": Kill()}, "it is no policy, as it has no decide"),
    ({"workload": Nbd()}, "it is no workload, as it has no"),
    ({"monitors": (Kill(),)}, "Trial(monitors=(Kill(),)): Kill(): it is no monitor, as it has no attach, decode"),
    ({"seed": 1.5}, "Trial(seed=1.5): of type float, not int"),
    ({"fault": Text("scramble")}, "text: there is no text operator 'scramble': there are write, bit_flip"),
    ({"fault": Text("nop", among="some")}, "sites cannot be drawn among 'some': there are"),
    ({"fault": Text("write", function="f")}, "'write' needs a function and the new code in hex"),
    ({"fault": Text("write", function="f", new="no hex")}, "'write' needs a function and the new code in hex"),
    ({"fault": Skip(among="none")}, "sites cannot be drawn among 'none'"),
    ({"fault": Overrun(among="none")}, "sites cannot be drawn among 'none'"),
    ({"fault": KernelMemory("shelf")}, "there is no kernel memory 'shelf': there are"),
    ({"fault": KernelBug("off by one", "f")}, "there is no bug 'off by one': there are"),
    ({"fault": CallError("f", how="before")}, "CallError(how='before'): give 'instead' or 'after'"),  # type: ignore[arg-type]
    ({"fault": CallError("f", nth=0)}, "nth=0 of a call fault means nothing"),
    ({"fault": CallDelay("f", 0)}, "a call cannot be delayed by 0 us"),
    ({"fault": CallArgument("f", 9, "zero")}, "argument 9 is in no register"),
    ({"fault": Several(())}, "Several needs at least one fault"),
    ({"fault": Several((Kill(), Signal("SIGNONE")))}, "signal: there is no signal 'SIGNONE'"),
    ({"fault": Slow(1.5)}, "a share of the processor lies between 0 and 1: 1.5"),
    ({"fault": SyscallError("pread64", "ENOTHING")}, "there is no error 'ENOTHING'"),
    ({"fault": SyscallError("")}, "there is no system call ''"),
    ({"fault": SyscallError("preed64")}, "there is no system call 'preed64'; near to it are pread64"),
    ({"fault": SyscallDelay("pwrit64", 5)}, "there is no system call 'pwrit64'; near to it are pwrite64"),
    ({"fault": SyscallError("read_all_of_it")}, "there is no system call 'read_all_of_it': a name is like pread64"),
    (
        {"fault": UserBug("null dereference", "open_upp"), **MICRO},
        "user_bug: the u-driver rtl_u has no function 'open_upp': it may be inlined; near to it are open_up",
    ),
    ({"fault": SyscallDelay("pread64", 0)}, "a call cannot be delayed by 0 ms"),
    ({"fault": SyscallDelay("pread64", 1, nth=0)}, "nth=0, times=1 of a system call mean nothing"),
    ({"fault": FdClosed("door")}, "there is no kind of descriptors 'door'"),
    ({"fault": Memory("shelf")}, "a u-driver has no memory region 'shelf'"),
    ({"fault": Memory("heap", bits=9)}, "1 to 8 bits of a byte can flip, not 9"),
    ({"fault": Memory("heap", among="new")}, "there are no pages 'new' to draw from"),
    ({"fault": MemoryLimit("pardon")}, "at its memory limit a u-driver is not 'pardon'"),
    ({"fault": Registers("r99")}, "there is no register 'r99' to flip"),
    ({"fault": UserBug("typo", "main")}, "there is no bug 'typo'"),
    ({"fault": LinkDown()}, "Nbd has no cable 'wire0'"),
    ({"fault": LinkDown(wire="wire7"), "driver": Rtl8139()}, "Rtl8139 has no cable 'wire7': there are wire0, wire1"),
    ({"fault": DiskFull(), "driver": Rtl8139()}, "Rtl8139 has no u-driver for this fault to go into"),
    ({"fault": Kill(), "driver": Rtl8139()}, "kill: Rtl8139 has no u-driver"),
    ({"fault": Channel("drop", "reply"), "driver": Rtl8139()}, "Rtl8139 has no channel"),
    (
        {"policy": RestartUDriver(), **GOLDEN_NIC},
        "restart_udriver: Rtl8139 has no u-driver: a policy that wants 'restart'",
    ),
    ({"policy": Escalate(), **GOLDEN_NIC}, "restart_udriver: Rtl8139 has no u-driver"),
    (
        {"policy": Rebind()},
        "rebind: Nbd has no recovery action 'rebind': it has restart, reload, reload_with_state, both",
    ),
    ({"policy": Escalate((RestartUDriver(), DownAndUp()))}, "down_and_up: Nbd has no recovery action 'down_and_up'"),
    (
        {"policy": ResetFunction(), **GOLDEN_NIC},
        "Rtl8139 has no recovery action 'reset_function': it has reload, reload_",
    ),
    ({"policy": Pray(), **GOLDEN_NIC}, "pray: Rtl8139 has no recovery action 'pray'"),
    (
        {"policy": Pray(), "driver": Unfinished()},
        "Unfinished has no method 'kneel', a step of its recovery action 'pray'",
    ),
]


@pytest.mark.parametrize(("parts", "says"), REFUSED, ids=[says[:40] for _, says in REFUSED])
def test_a_trial_that_cannot_be_is_named_with_its_reason(parts: dict[str, Any], says: str) -> None:
    bad = trial(**parts)
    asked = Experiment("mine", "", lambda _seed: iter((trial(), trial(), bad)))
    with pytest.raises(UsageError) as raised:
        plan(asked, 1, None)
    assert str(raised.value).startswith("trial 2: ") and says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"fault": None, "trigger": None},
        {"trigger": After(1)},
        {"trigger": Every(0.5), "detectors": Detectors(1, 2)},
        {"fault": LinkDown(), "driver": Rtl8139()},
        {"policy": Escalate((DownAndUp(), Rebind(), ReloadKDriver())), **GOLDEN_NIC},
        {"policy": ResetFunction(), **GOLDEN_NIC, "driver": Rtl8139(bridged=True)},
        {"policy": RestartBoth()},
        {"policy": Pray(), "driver": Devout()},
        {"fault": Text("write", function="nbd_ioctl", new="9090"), "trigger": AtOnce()},
        {"fault": CallError("sock_sendmsg", -5, nth=10**6)},
        {"fault": Several([Kill()])},  # type: ignore[arg-type]
    ],
)
def test_a_trial_that_can_be_is_let_through(parts: dict[str, Any]) -> None:
    check_trial(0, trial(**parts))


def test_stored_trials_are_run_again_as_they_are() -> None:
    """A trial that an earlier version let through stays in its place of the list."""
    asked = Experiment("again", "", lambda _seed: iter((trial(trigger=AtRequest(0)),)), settled=True)
    assert plan(asked, 1, None).count == 1


def test_our_own_parts_have_fields_of_their_types() -> None:
    for part in stand_ins("drivers", "injectors", "policies", "triggers", "monitors"):
        try:
            check_trial(0, a_trial(fault=part))
        except UsageError as reason:
            assert f"trial 0: {type(part).__name__}(" not in str(reason), reason


@dataclass(frozen=True)
class Odd(AnyKill):
    """A fault whose types cannot be looked up, and one that checks itself."""

    kept: Nowhere = None  # type: ignore[name-defined] # noqa: F821

    def foresee(self, driver: Any) -> None:
        raise NotPlaced(f"not with {type(driver).__name__}")


def test_what_cannot_be_looked_up_is_let_through_and_a_parts_own_reason_is_told() -> None:
    with pytest.raises(UsageError, match=r"^trial 3: odd: not with Nbd$"):
        check_trial(3, a_trial(fault=Odd()))


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, float, True),
        (float("nan"), float, False),
        ((1, "a"), tuple[int, str], True),
        ((1, 2), tuple[int, str], False),
        ((1, "a"), tuple[int, ...], False),
        ((1,), tuple[int, str], False),
        ((), tuple[int, ...], True),
        ([1], tuple[int, ...], True),
        ({}, tuple[int, ...], False),
        (field(), Any, True),
    ],
)
def test_types(value: Any, hint: Any, expected: bool) -> None:
    assert suits(value, hint) is expected


def listed(count: int) -> Iterator[Trial]:
    """A list whose later trials have parts that the first ones have not."""
    for n in range(count):
        yield a_trial(seed=n, trigger=AtRequest(1 + n) if n < 7 else AtOnce())


def test_the_first_trials_have_the_templates_of_the_whole_list() -> None:
    asked = Experiment("mine", "", lambda _seed: listed(20))
    few, all_ = plan(asked, 1, 5), plan(asked, 1, None)
    assert (few.count, all_.count) == (5, 20) and few.digest != all_.digest
    assert few.groups == all_.groups and len(few.groups[group_of(a_trial())].parts) == 5


def test_a_template_that_only_later_trials_need_is_not_prepared() -> None:
    asked = Experiment("mine", "", lambda _seed: iter((a_trial(), trial())))
    assert len(plan(asked, 1, 1).groups) == 1 and len(plan(asked, 1, None).groups) == 2


def test_a_list_may_have_no_end() -> None:
    asked = Experiment("mine", "", lambda _seed: iter(a_trial, None))
    assert plan(asked, 1, 3).count == 3


def test_a_function_that_the_program_has_is_accepted_and_one_of_the_guests_own_program_is_not_looked_for() -> None:
    check_trial(0, trial(fault=UserBug("null dereference", "open_up"), **MICRO))
    check_trial(0, trial(fault=UserBug("null dereference", "main")))  # nbdkit is Debian's


def test_the_names_of_system_calls_are_those_of_the_processor() -> None:
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("linux-libc-dev is not installed")
    numbered = set(re.findall(r"__NR_(\w+)", header.read_text()))
    assert len(NAMES & numbered) > 300 and {"pread64", "io_uring_enter", "stat", "umount2"} <= NAMES & numbered
    assert kernel_name("stat") == "newstat" and kernel_name("pread64") == "pread64"
