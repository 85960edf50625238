"""Drivers of Linux that the slicer cuts: their k-drivers and u-drivers are made of Debian's source."""

from drivers.sliced.nic import E1000, E1000Sliced, Rtl8139Sliced

__all__ = ["E1000", "E1000Sliced", "Rtl8139Sliced"]
