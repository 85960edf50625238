"""Drivers under test, one folder each."""
