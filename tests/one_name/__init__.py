"""Two modules whose classes have the same names."""
