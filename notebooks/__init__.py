"""Notebooks, and the programs that make their data and their outputs."""
