"""Faults of the messages between k-driver and u-driver."""
