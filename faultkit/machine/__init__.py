"""The computer under test: what it is built from, how it is frozen, forked, stopped and read."""
