"""Drivers of Linux that the slicer cuts: their k-drivers and u-drivers are made of Debian's source."""

from drivers.sliced.nic import E1000, E1000Sliced, Rtl8139Sliced, Rtl8139Too, Rtl8139TooSliced
from drivers.sliced.watchdog import WatchdogSliced, WatchdogWhole

__all__ = [
    "E1000",
    "E1000Sliced",
    "Rtl8139Sliced",
    "Rtl8139Too",
    "Rtl8139TooSliced",
    "WatchdogSliced",
    "WatchdogWhole",
]
