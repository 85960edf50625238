"""Results as tables for terminals and notebooks."""
