"""The gate: rules that a campaign must meet, and their answers: pass, fail, or inconclusive.

A rule is a line of text (`faultkit.gate.language`), written alike in an experiment, a TOML file and a command line.
Rules are judged by pure functions over `faultkit.gate.facts.Facts`, and only `facts` reads the store.
"""
