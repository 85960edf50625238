"""Measurements of speed and size: ratios within one run, never a timed test."""
