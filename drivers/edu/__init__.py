"""edu: QEMU's teaching device, as small as a microdriver can be.

k-driver: DMA and interrupts. u-driver: identification, enabling, factorials, statistics.
"""

from drivers.edu.bring_up import EduBringUp
from drivers.edu.driver import Edu
from drivers.edu.every_call import EduEveryCall
from drivers.edu.workload import EduIO

__all__ = ["Edu", "EduBringUp", "EduEveryCall", "EduIO"]
