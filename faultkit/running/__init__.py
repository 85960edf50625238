"""Trials, one by one, in campaigns, and again."""
