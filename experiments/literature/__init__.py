"""Experiments that others have published, done again here: one a file."""
