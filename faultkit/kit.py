"""All that a driver, workload, injector, monitor, trigger or policy of your own may import of faultkit.

It is the same on the host and in the guest, and needs the standard library only. Names that are not here, nor in
`faultkit` itself, may change without notice (docs/api.md).

The parts, as protocols; fulfil one by writing a frozen dataclass whose fields are plain data:

* `Driver`, and its optional abilities `Split`, `Prepares`, `Ships`, `Thaws`, `KeepsState`, `Stores`, `Channelled`
  (with `Tampering`), `RaisesInterrupts` (with `Register`), `Offers` (a `Remedy` for each recovery action of its own);
* `Workload`, whose `run()` returns a `Check`;
* `Fault`, whose `side` is a `Side`, and its optional abilities `Installs`, `Typed`, `Placeable` and `Sited` (with the
  `Place` it is settled on: `Site`, `CallSites` or `Entry`), `InFunction`, `InProgram`, `InRegion`, `HostSide`,
  `NeedsProcessor`, `Compound`; what a guest may ask of the host is `FromGuest`, or stands in a part that `CallsHost`;
* any part may be one that `Foresees`: it refuses what it cannot do before anything is prepared;
* `Monitor`, whose `attach()` returns a `Watcher`, which may have a `Buffer`, and be one that `Starts` or `StepsAside`;
* `Trigger`;
* `Policy`, whose `decide()` returns an `Action`, such as `GIVE_UP`, and its optional ability `NeedsState`;
  `Attempts` is the base of a policy that tries one action, which it names.

What a part is given: a `Bench` in the guest, a `StoppedMachine` on the host, and `ModuleCode` (of `Function` and
`CallSite`) to draw a site from.

What a part reports and returns: an `Event` of a `Kind`, or of a kind of its own.

What a part raises: `OSError` if the driver fails, `NotPlaced` if a fault cannot be put in, `HarnessError` if the trial
says nothing about the driver.

What a part ships: files by their paths, a `KernelModule` or a `Program`, or what `made_by` a function of the host comes
to. `Mutation` is a change of a C file.

Helpers for the guest:

* `run` a program, `retry` an action until it succeeds, do something `quietly`, `unload_module`: in terms of OSError;
* `REBIND` and `RESET_FUNCTION` are recovery actions of drivers of PCI devices; `unbind_device`, `bind_device` and
  `reset_device` are for their steps;
* `bring_up`, `take_down` and `start` a driver, `start_in_background` its u-driver;
* `start_anew`, `retry_request` and `run_in_order` for workloads that take their driver down, and `RETRY_S`;
* `Patience` with a driver in trouble, `seeded_bytes` to move and compare, and `final_check`, for workloads of any kind;
* `armed_at` arms a fault of a kernel module by an `Order`, and `missed_by` asks it; `ARMING` is the module's C code;
* `steps` that a recovery action takes; `name_of` a part, as tables write it;
* `processor`, the module with the facts of the guest's processor: names of registers, sizes, numbers of system calls;
* `is_trouble`, of a line of the kernel's log, and `printk_lag_ns`, the log's clock.
"""

from __future__ import annotations

from faultkit.guest.arming import ARMING, Order, armed_at, missed_by
from faultkit.guest.bring_up import (
    RETRY_S,
    bring_up,
    retry_request,
    run_in_order,
    start,
    start_anew,
    start_in_background,
    take_down,
)
from faultkit.guest.clock import printk_lag_ns
from faultkit.guest.commands import quietly, retry, run, unload_module
from faultkit.guest.pci import REBIND, RESET_FUNCTION, bind_device, reset_device, unbind_device
from faultkit.guest.work import Patience, final_check, seeded_bytes
from faultkit.kernel_log import is_trouble
from faultkit.model import processor
from faultkit.model.actions import GIVE_UP, steps
from faultkit.model.attempts import Attempts
from faultkit.model.builds import KernelModule, Mutation, Program, made_by
from faultkit.model.code import CallSite, CallSites, Entry, Function, ModuleCode, Place, Site
from faultkit.model.codec import name_of
from faultkit.model.errors import HarnessError, NotPlaced
from faultkit.model.events import Event, Kind
from faultkit.model.parts import (
    Action,
    Bench,
    Buffer,
    CallsHost,
    Channelled,
    Check,
    Compound,
    Driver,
    Fault,
    Foresees,
    FromGuest,
    HostSide,
    InFunction,
    InProgram,
    InRegion,
    Installs,
    KeepsState,
    Monitor,
    NeedsProcessor,
    NeedsState,
    Offers,
    Placeable,
    Policy,
    Prepares,
    RaisesInterrupts,
    Register,
    Remedy,
    Ships,
    Side,
    Sited,
    Split,
    Starts,
    StepsAside,
    StoppedMachine,
    Stores,
    Tampering,
    Thaws,
    Trigger,
    Typed,
    Watcher,
    Workload,
)

__all__ = [
    "ARMING",
    "GIVE_UP",
    "REBIND",
    "RESET_FUNCTION",
    "RETRY_S",
    "Action",
    "Attempts",
    "Bench",
    "Buffer",
    "CallSite",
    "CallSites",
    "CallsHost",
    "Channelled",
    "Check",
    "Compound",
    "Driver",
    "Entry",
    "Event",
    "Fault",
    "Foresees",
    "FromGuest",
    "Function",
    "HarnessError",
    "HostSide",
    "InFunction",
    "InProgram",
    "InRegion",
    "Installs",
    "KeepsState",
    "KernelModule",
    "Kind",
    "ModuleCode",
    "Monitor",
    "Mutation",
    "NeedsProcessor",
    "NeedsState",
    "NotPlaced",
    "Offers",
    "Order",
    "Patience",
    "Place",
    "Placeable",
    "Policy",
    "Prepares",
    "Program",
    "RaisesInterrupts",
    "Register",
    "Remedy",
    "Ships",
    "Side",
    "Site",
    "Sited",
    "Split",
    "Starts",
    "StepsAside",
    "StoppedMachine",
    "Stores",
    "Tampering",
    "Thaws",
    "Trigger",
    "Typed",
    "Watcher",
    "Workload",
    "armed_at",
    "bind_device",
    "bring_up",
    "final_check",
    "is_trouble",
    "made_by",
    "missed_by",
    "name_of",
    "printk_lag_ns",
    "processor",
    "quietly",
    "reset_device",
    "retry",
    "retry_request",
    "run",
    "run_in_order",
    "seeded_bytes",
    "start",
    "start_anew",
    "start_in_background",
    "steps",
    "take_down",
    "unbind_device",
    "unload_module",
]
