"""Tests on real guests."""
