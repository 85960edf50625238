"""The microdriver runtime: it joins a kernel module and a process into one driver.

kernel part: microdriver.ko, built beside each k-driver (mdrv_*.c, mdrv_kernel.h). user part: a C library that each
u-driver is linked with (user/). Both know each other by microdriver.h alone.
"""

from microdriver.driver import Microdriver
from microdriver.udriver import UDriver, halves, load, unload, unload_with

__all__ = ["Microdriver", "UDriver", "halves", "load", "unload", "unload_with"]
