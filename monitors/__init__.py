"""Passive observers. Each is one `.py` (what to attach to, how to decode) and mostly one `.bpf.c`."""
