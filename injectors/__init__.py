"""Faults, one file per class; each injects itself and confirms it."""
