"""The soak: campaigns that are harmed for an hour, and compared with one that nobody disturbed. Not in the suite."""
