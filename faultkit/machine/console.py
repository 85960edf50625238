"""Events from the text that a kernel writes to its console about its own failure.

Times are printk's plus its lag behind CLOCK_MONOTONIC, as measured at the freeze.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from faultkit.kernel_log import Severity, read_log
from faultkit.model.events import Event, Kind

KINDS: Mapping[Severity, Kind] = {
    Severity.OOPS: Kind.KERNEL_OOPS,
    Severity.LOCKUP: Kind.KERNEL_LOCKUP,
    Severity.PANIC: Kind.KERNEL_PANIC,
    Severity.HUNG_TASK: Kind.KERNEL_HUNG_TASK,
    Severity.WARNING: Kind.KERNEL_WARN,
}


def kernel_events(console: str, lag_ns: int = 0) -> Iterator[Event]:
    """An event for each report in the log, with the function to blame.

    `kernel.oops`, `.lockup`, `.warn`, `.panic` and `.hung_task`, by the report's severity.
    """
    for report in read_log(console):
        data = {"what": report.title, "report": report.kind, "text": report.text, "line": report.first}
        if report.blamed:
            data |= {"function": report.function, "offset": report.offset, "module": report.module}
        kind = KINDS[report.severity]
        yield Event((report.t_ns or 0) + lag_ns, "kernel", kind, data)
