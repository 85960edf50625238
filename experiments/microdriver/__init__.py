"""Costs of drivers that are split on our runtime, and the failures that they survive."""
