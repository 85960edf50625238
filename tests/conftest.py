"""For all tests."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("patient", deadline=None)  # how busy the machine is says nothing about the code
settings.load_profile("patient")
