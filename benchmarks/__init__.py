"""How fast and how large: ratios measured in one run, never in a timed test."""
