"""Shares, differences and stopping rules. Pure; nothing here knows of trials."""
