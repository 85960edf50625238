"""null_micro: a microdriver that does nothing, to see what a crossing costs."""

from drivers.null_micro.driver import NullMicro
from drivers.null_micro.workload import CrossingCost

__all__ = ["CrossingCost", "NullMicro"]
