"""The vocabulary: all that host and guest both know."""
