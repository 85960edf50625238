"""Notebooks, and what makes their data and their outputs."""
