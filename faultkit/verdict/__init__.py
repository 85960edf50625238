"""Finished records -> outcomes. Pure."""
