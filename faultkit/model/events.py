"""The events of a trial, its outcomes and its endings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from typing import Any


class Outcome(IntEnum):
    """The class a trial ended in, mildest first; the worst one found is reported."""

    INACTIVE = 0  # placed, never activated: no evidence either way
    MASKED = 1  # activated; the service stayed correct, no recovery was needed
    RECOVERED = 2  # detected, recovered in time; the workload saw nothing but delay
    DISRUPTED = 3  # the service came back, but the workload saw an error, or it was late
    LOST = 4  # the service ended and said so, or recovery gave up; the kernel lives
    HUNG = 5  # requests neither complete nor fail by the deadline; the kernel lives
    CRASHED = 6  # kernel oops, panic or lockup, or a report that its memory is spoilt
    CORRUPT = 7  # wrong data handed over as right, or acknowledged data lost


class Ending(Enum):
    """The way in which the guest stopped; `faultkit.model.vocabulary` has the meaning of each."""

    FINISHED = "finished"
    PANICKED = "panicked"
    WATCHDOG = "watchdog"
    EXITED = "exited"
    CLIENT_DIED = "client_died"


class Kind(StrEnum):
    """The kind of an event; `faultkit.model.vocabulary` has the fields and the source of each."""

    TRIAL_STARTED = "trial.started"
    TRIAL_FINISHED = "trial.finished"
    MAINTENANCE_BEGAN = "maintenance.began"
    MAINTENANCE_ENDED = "maintenance.ended"
    WORKLOAD_FINISHED = "workload.finished"
    REQUEST_ISSUED = "request.issued"
    REQUEST_COMPLETED = "request.completed"
    REQUEST_FAILED = "request.failed"
    REQUEST_STUCK = "request.stuck"
    TRANSFER_MEASURED = "transfer.measured"
    DRIVER_BROUGHT_UP = "driver.brought_up"
    COST_MEASURED = "cost.measured"
    QUESTION_ANSWERED = "question.answered"
    WORKLOAD_GAVE_UP = "workload.gave_up"
    READ_MISMATCHED = "read.mismatched"
    CHECK_PASSED = "check.passed"
    CHECK_FAILED = "check.failed"
    FAULT_INJECTED = "fault.injected"
    FAULT_ACTIVATED = "fault.activated"
    FAULT_MISSED = "fault.missed"
    FAULT_WAITS = "fault.waits"
    FAULT_SPARED = "fault.spared"
    FAULT_REFUSED = "fault.refused"
    FAULT_ENDED = "fault.ended"
    FAULT_SKIPPED = "fault.skipped"
    UDRIVER_DIED = "udriver.died"
    ERROR_DETECTED = "error.detected"
    ERROR_GONE = "error.gone"
    RECOVERY_STARTED = "recovery.started"
    RECOVERY_STEP = "recovery.step"
    RECOVERY_FINISHED = "recovery.finished"
    RECOVERY_GAVE_UP = "recovery.gave_up"
    SERVICE_RESTORED = "service.restored"
    UDRIVER_STARTED = "udriver.started"
    UDRIVER_SIGNALLED = "udriver.signalled"
    UDRIVER_EXITED = "udriver.exited"
    MODULE_LOADED = "module.loaded"
    MODULE_UNLOADED = "module.unloaded"
    CALL_ENTERED = "call.entered"
    CALL_RETURNED = "call.returned"
    CROSSING_PASSED = "crossing.passed"
    UPCALL_ENDED = "upcall.ended"
    BLOCK_ISSUED = "block.issued"
    BLOCK_COMPLETED = "block.completed"
    NET_ISSUED = "net.issued"
    NET_COMPLETED = "net.completed"
    NET_RECEIVED = "net.received"
    RESOURCES_SAMPLED = "resources.sampled"
    KERNEL_OOPS = "kernel.oops"
    KERNEL_PANIC = "kernel.panic"
    KERNEL_LOCKUP = "kernel.lockup"
    KERNEL_WARN = "kernel.warn"
    KERNEL_MESSAGE = "kernel.message"
    KERNEL_HUNG_TASK = "kernel.hung_task"
    GUEST_PANICKED = "guest.panicked"
    GUEST_WATCHDOG = "guest.watchdog"
    GUEST_EXITED = "guest.exited"
    GUEST_CLIENT_DIED = "guest.client_died"
    MAILBOX_GARBLED = "mailbox.garbled"


TROUBLE = frozenset(  # what a workload sees of an error, besides delay
    {Kind.REQUEST_FAILED, Kind.REQUEST_STUCK, Kind.WORKLOAD_GAVE_UP, Kind.READ_MISMATCHED, Kind.CHECK_FAILED}
)
LAST_WORDS = frozenset(  # what decides an outcome, besides delay: the log has room for them when it is full otherwise
    {
        Kind.READ_MISMATCHED, Kind.REQUEST_STUCK, Kind.WORKLOAD_GAVE_UP, Kind.WORKLOAD_FINISHED, Kind.CHECK_PASSED,
        Kind.CHECK_FAILED, Kind.RECOVERY_GAVE_UP, Kind.TRIAL_FINISHED,
    }
)  # fmt: skip
ENDS = frozenset({Kind.SERVICE_RESTORED, Kind.RECOVERY_GAVE_UP, Kind.ERROR_GONE})  # of an episode
MEMORY_REPORTS = frozenset({"kasan", "kfence", "kmsan", "slab", "bad page", "page tables"})  # `report` of kernel.warn
CRASHES = (Kind.KERNEL_OOPS, Kind.KERNEL_LOCKUP, Kind.KERNEL_PANIC)  # the oops before the panic that follows from it


@dataclass(frozen=True, slots=True)
class Event:
    """One fact. `t_ns` is virtual time since the trial began; `source` is its observer."""

    t_ns: int
    source: str
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
