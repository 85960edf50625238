"""Faults of the user process (u-driver)."""
