"""Facts that must hold. Those that need no guest run in seconds."""
