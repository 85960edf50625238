"""Faults of the device under the driver."""
