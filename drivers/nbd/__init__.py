"""nbd: a block driver whose u-driver is a network block server.

k-driver: Linux' nbd.ko. u-driver: nbdkit with its file plugin, on a file in the guest's RAM.
"""

from drivers.nbd.driver import Nbd
from drivers.nbd.stream import Stream
from drivers.nbd.workload import VerifiedIO

__all__ = ["Nbd", "Stream", "VerifiedIO"]
