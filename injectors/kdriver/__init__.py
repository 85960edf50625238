"""Faults of the kernel module (k-driver)."""
