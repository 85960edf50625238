"""A reader of Linux kernel logs: lines, the reports of trouble in them, and the functions to blame.

It imports the standard library alone, knows nothing of trials, and can be used by itself:

    for report in read_log(Path("console.log").read_text()):
        print(report.severity, report.title, report.function, report.first, report.last)
"""

from __future__ import annotations

from faultkit.kernel_log.blame import Frame
from faultkit.kernel_log.kinds import Severity
from faultkit.kernel_log.lines import LogLine, read_lines
from faultkit.kernel_log.reader import Report, is_trouble, read_log, read_reports

__all__ = ["Frame", "LogLine", "Report", "Severity", "is_trouble", "read_lines", "read_log", "read_reports"]
