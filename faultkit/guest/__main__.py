"""The agent: the guest's first process. Prepares, freezes, and then runs the one trial that it is forked for."""

from __future__ import annotations

import gc
import importlib
import json
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

from faultkit.guest import commands, host
from faultkit.guest.bench import GuestBench
from faultkit.guest.bring_up import bring_up, take_down
from faultkit.guest.clock import CLOCK, Clock, printk_lag_ns
from faultkit.guest.host import HostLink
from faultkit.guest.injection import Injection
from faultkit.guest.recovery import Controller
from faultkit.model.codec import decode, dumps, full_name, hints_of, imported, loads
from faultkit.model.errors import FaultkitError, HarnessError, words_of
from faultkit.model.events import TROUBLE, Kind
from faultkit.model.mailbox import State
from faultkit.model.parts import Check, Driver, Installs, Monitor, Prepares, Starts, Thaws, Watcher, Workload
from faultkit.model.policies import Nothing
from faultkit.model.trial import Trial

SPEC = Path("/faultkit/spec.json")
PRELOAD = Path("/faultkit/preload")  # kernel modules that parts ship
SETTLE_S = 15.0  # how long a recovery that is under way at the end may take
CHECK_S = 5.0
IDLE_S = 1.0
QUIET_S = 2.0  # how long a probe that is under way at the end may take before resources are counted
CALIBRATION_S = 1.0
SYMBOLS_S = 30.0  # printing all of /proc/kallsyms takes seconds of virtual time


def main() -> None:
    """Prepare, freeze and run one trial. Whatever goes wrong in the agent itself makes the trial void."""
    link = host.open_link()
    fail = partial(report_failure, link)
    threading.excepthook = lambda args: fail(args.exc_value)
    try:
        watchers = prepare(link)
        trial = loads(freeze(link, watchers), imported)
        run_in_guest(trial, link, watchers)
    except BaseException as reason:  # the agent's edge: only here can the host be told
        fail(reason)


def report_failure(link: HostLink, reason: BaseException | None) -> None:
    """Tell the host that the trial, or the template, is void, and why."""
    expected = isinstance(reason, (FaultkitError, OSError))
    where = traceback.extract_tb(reason.__traceback__)[-1] if reason and reason.__traceback__ else None
    place = "" if expected or where is None else f" ({Path(where.filename).name}:{where.lineno})"
    with suppress(Exception):  # a text that cannot be made, or an error in the midst of another
        traceback.print_exception(reason, file=sys.stderr)
    told = f"{type(reason).__name__}: {words_of(reason)}{place}" if reason else "an error of no kind"
    link.fail(json.dumps({"error": told, "kind": type(reason).__name__}))


def prepare(link: HostLink) -> dict[str, Watcher]:
    """Bring the service up, attach the monitors, and try everything out once so that forks find it warm.

    Returns: the monitors' watchers by the monitors' full names.
    """
    spec = json.loads(SPEC.read_text())
    for name in spec["imports"]:
        know_fields(importlib.import_module(name))
    for module in sorted(PRELOAD.glob("*.ko")):
        commands.run("insmod", str(module))
    driver, workload = (decode(spec[name], imported) for name in ("driver", "workload"))
    if isinstance(driver, Prepares):
        driver.prepare()
    bring_up(driver)
    take_down(driver)
    bring_up(driver)
    watchers = attached(decode(spec["monitors"], imported), driver)
    CLOCK.start_thread(feed_watchdog)
    warm_up(driver, workload, link)
    loads(dumps(Trial(driver=driver, workload=workload, policy=Nothing(), seed=0)), imported)
    return watchers


def know_fields(module: ModuleType) -> None:
    """Work out the types of the fields of a module's parts now, so that no trial has to."""
    for cls in vars(module).values():
        if isinstance(cls, type) and is_dataclass(cls):
            hints_of(cls)


def attached(monitors: Iterable[Monitor], driver: Driver) -> dict[str, Watcher]:
    """Attach the monitors and start them; their watchers by the monitors' full names."""
    watchers = {full_name(monitor): monitor.attach(driver) for monitor in monitors}
    for watcher in watchers.values():
        if isinstance(watcher, Starts):
            watcher.start()
    return watchers


def warm_up(driver: Driver, workload: Workload, link: HostLink) -> None:
    """Run the workload and its check once, unwatched. Raises: OSError if they do not succeed."""
    bench = GuestBench(driver, 0, link)
    if check := run_workload(bench, workload):
        check()
    bad = [e for e in bench.reported() if e.kind in TROUBLE]
    if bad:
        raise OSError(f"the service does not work even without a fault: {bad[0].kind} {dict(bad[0].data)}")


def feed_watchdog() -> None:
    """Write to the watchdog for ever: while this thread runs, the kernel is not locked up."""
    with Path("/dev/watchdog").open("wb", buffering=0) as watchdog:
        while True:
            watchdog.write(b"\0")
            time.sleep(0.5)


def freeze(link: HostLink, watchers: Mapping[str, Watcher]) -> str:
    """Stop twice, to calibrate the host's clock. Forks go on from the second stop. Returns the plan."""
    link.exchange(State.READY)
    ready_ns = link.resumed_ns
    time.sleep(CALIBRATION_S)
    gc.collect()
    gc.freeze()
    gc.disable()
    for watcher in watchers.values():
        watcher.reset()
    link.mailbox.clear()
    buffers = {name: asdict(buffer) for name, watcher in watchers.items() if (buffer := watcher.buffer())}
    manifest = {
        "bases": module_bases(),
        "sections": text_sections(),
        "buffers": buffers,
        "printk_lag_ns": printk_lag_ns(),
        "ready_ns": ready_ns,
    }
    if not link.mailbox.add_raw("symbols", functions()):
        raise OSError("the kernel's symbols do not fit into the mailbox")
    return link.exchange(State.FROZEN, json.dumps(manifest))


def functions() -> bytes:
    """The functions of the kernel and of every loaded module, as lines of /proc/kallsyms."""
    return commands.run("grep", " [tTwW] ", "/proc/kallsyms", timeout_s=SYMBOLS_S).encode()


def module_bases() -> dict[str, int]:
    """The address of every loaded module's text."""
    lines = Path("/proc/modules").read_text().splitlines()
    return {line.split()[0]: int(line.split()[5], 16) for line in lines}


def text_sections() -> dict[str, dict[str, int]]:
    """The addresses of every loaded module's sections with code, by their names in the module's file."""
    found: dict[str, dict[str, int]] = {}
    for path in Path("/sys/module").glob("*/sections/.*text*"):
        found.setdefault(path.parts[3], {})[path.name] = int(path.read_text(), 16)
    return found


def run_in_guest(trial: Trial, link: HostLink, watchers: Mapping[str, Watcher], clock: Clock = CLOCK) -> None:
    """Run one trial, from its first event to the instruction at which the guest stops for good."""
    link.mailbox.clear()
    if isinstance(trial.driver, Thaws):
        trial.driver.thaw()
    bench = GuestBench(trial.driver, trial.seed, link, clock)
    bench.report("agent", Kind.TRIAL_STARTED, link.resumed_ns)
    controller = Controller(bench, trial.policy, trial.detectors, watchers)
    if isinstance(trial.fault, Installs):
        trial.fault.install(bench)
    controller.start()
    with Injection(bench, trial) as injection:
        injection.arm()
        check = run_workload(bench, trial.workload)
        injection.end()
        if check is not None:
            bench.loop(lambda: not controller.busy, SETTLE_S)
        controller.stop()
    if check is not None and not run_with_deadline(bench, check, CHECK_S):
        bench.report("workload", Kind.REQUEST_STUCK, n=0, op="check", age_ns=round(CHECK_S * 1e9))
    bench.loop(controller.quiet, QUIET_S)
    finish(bench, link, watchers)


def run_workload(bench: GuestBench, workload: Workload) -> Check | None:
    """Run the workload; its check, or None if it has not ended by its deadline."""
    checks: list[Check] = []
    in_time = run_with_deadline(bench, lambda: checks.append(workload.run(bench)), workload.deadline_s)
    if not report_stuck(bench, in_time) and not in_time:
        bench.report("workload", Kind.WORKLOAD_GAVE_UP, why=f"not done after {workload.deadline_s:g} s")
    bench.report("agent", Kind.WORKLOAD_FINISHED, in_time=in_time)
    if in_time and not callable(checks[0]):
        raise HarnessError(f"{full_name(workload)}.run() returned no check, but {checks[0]!r}")
    return checks[0] if in_time else None


def run_with_deadline(bench: GuestBench, work: Callable[[], None], deadline_s: float) -> bool:
    """Do the work in a thread; False if it was not done by the deadline."""
    ended: list[bool] = []
    bench.in_thread(work, partial(ended.append, True))
    return bench.loop(lambda: bool(ended), deadline_s)


def report_stuck(bench: GuestBench, in_time: bool) -> bool:
    """Report the requests that have neither completed nor failed; False if there are none.

    A workload that has not ended and has made no request for IDLE_S is stuck in something else, say in close().
    """
    stuck = bench.stuck()
    if not (stuck or in_time) and bench.idle_ns() > IDLE_S * 1e9:
        stuck = [(0, "between requests", bench.idle_ns())]
    for n, op, age_ns in stuck:
        bench.report("workload", Kind.REQUEST_STUCK, n=n, op=op, age_ns=age_ns)
    return bool(stuck)


def finish(bench: GuestBench, link: HostLink, watchers: Mapping[str, Watcher]) -> None:
    """Hand over what was collected; the guest ends here."""
    bench.report("agent", Kind.TRIAL_FINISHED)
    lost = {name: watcher.lost() for name, watcher in watchers.items()}
    for name, watcher in watchers.items():
        if not link.mailbox.add_raw(name, watcher.collect()):
            lost[name] += 1
    if bench.unlogged:
        lost["agent"] = bench.unlogged
    link.exchange(State.DONE, json.dumps({"lost": lost}))


if __name__ == "__main__":
    main()
