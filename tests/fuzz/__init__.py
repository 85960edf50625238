"""Fuzzers: of events, kernel logs and stores on the host, and of mailbox and door from inside a guest."""
