"""The gate: rules for what a campaign must show, and whether it does: pass, fail, or not known yet.

A rule is a line of text (`faultkit.gate.language`), so that an experiment, a TOML file and the command line say it
alike. Rules are judged by pure functions over `faultkit.gate.facts.Facts`, which alone reads the store.
"""
