"""Faults in a driver's source: what G-SWFIT's operators can change in it, and which changes make a difference."""
