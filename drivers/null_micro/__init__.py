"""null_micro: a microdriver that does nothing, to measure the cost of a crossing."""

from drivers.null_micro.driver import NullMicro
from drivers.null_micro.workload import CrossingCost

__all__ = ["CrossingCost", "NullMicro"]
