"""`python -m faultkit.cli`."""

from faultkit.cli import main

main()
