"""Drivers of Linux that the slicer cuts: their k-drivers and u-drivers are made of Debian's source."""

from drivers.sliced.rtl8139cp import Rtl8139Sliced

__all__ = ["Rtl8139Sliced"]
