"""rtl8139: a monolithic NIC driver, the comparator for split ones.

k-driver: Linux' 8139cp.ko on QEMU's RTL8139C+; no u-driver. The peer is another NIC of the same guest, in a
network namespace of its own, on the same emulated hub.
"""

from drivers.rtl8139.bring_up import BringUp
from drivers.rtl8139.bulk import Bulk
from drivers.rtl8139.driver import Rtl8139
from drivers.rtl8139.phases import Phases
from drivers.rtl8139.workload import Transfers

__all__ = ["BringUp", "Bulk", "Phases", "Rtl8139", "Transfers"]
