"""rtl8139_micro: the split twin of Linux' 8139cp: same chip, same workload, same peer.

k-driver: transmit, receive, interrupt. u-driver: initialisation, opening and stopping, link, settings, restart.
"""

from drivers.rtl8139_micro.driver import Rtl8139Micro
from drivers.rtl8139_micro.every_call import RtlEveryCall

__all__ = ["Rtl8139Micro", "RtlEveryCall"]
