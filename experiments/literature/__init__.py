"""Experiments that others have published, run again: one per file."""
