"""Passive observers. Each is one `.py` (what to attach to, how to decode) and mostly one `.bpf.c`."""

from monitors.calls import Calls
from monitors.crossings import Crossings
from monitors.kernel import Kernel
from monitors.modules import Modules
from monitors.process import Process
from monitors.requests import Requests
from monitors.resources import Resources

__all__ = ["Calls", "Crossings", "Kernel", "Modules", "Process", "Requests", "Resources"]
