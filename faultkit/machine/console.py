"""Events from the text that a kernel writes to its console about its own failure.

Times are printk's plus its lag behind CLOCK_MONOTONIC, as measured at the freeze.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from faultkit.kernel_log import Report, Severity, read_log
from faultkit.model.events import Event, Kind

SourceOf = Callable[[str | None, str | None, int], str | None]  # module, function, offset -> "ring.c:112"
KINDS: Mapping[Severity, Kind] = {
    Severity.OOPS: Kind.KERNEL_OOPS,
    Severity.LOCKUP: Kind.KERNEL_LOCKUP,
    Severity.PANIC: Kind.KERNEL_PANIC,
    Severity.HUNG_TASK: Kind.KERNEL_HUNG_TASK,
    Severity.WARNING: Kind.KERNEL_WARN,
}


def unknown(module: str | None, function: str | None, offset: int) -> str | None:
    """No source line: no debug information is at hand."""
    del module, function, offset
    return None


def kernel_events(console: str, lag_ns: int = 0, source_of: SourceOf = unknown) -> Iterator[Event]:
    """An event for each report in the log, with the function to blame, and its source line if `source_of` knows it.

    `kernel.oops`, `.lockup`, `.warn`, `.panic` and `.hung_task`, by the report's severity.
    """
    for report in read_log(console):
        data = {"what": report.title, "report": report.kind, "text": report.text, "line": report.first}
        if report.blamed:
            data |= {"function": report.function, "offset": report.offset, "module": report.module}
            if source := source_of(report.module, report.function, code_offset(report)):
                data["source"] = source
        kind = KINDS[report.severity]
        yield Event((report.t_ns or 0) + lag_ns, "kernel", kind, data)


def code_offset(report: Report) -> int:
    """The offset of the code to blame: a call trace has the addresses that calls return to, which lie behind them."""
    offset = int(report.offset or "0", 16)
    called = any(frame is report.blamed for frame in report.trace)  # an equal one may be where the kernel stopped
    return max(0, offset - 1) if called else offset
