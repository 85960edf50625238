"""The computer under test: it is built, frozen, forked, stopped and read here."""
