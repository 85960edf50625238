"""A driver comes and goes as a whole."""

from __future__ import annotations

from faultkit.model.parts import Driver, Split


def bring_up(driver: Driver) -> None:
    """From nothing to a service that answers. Raises: OSError."""
    driver.load()
    if isinstance(driver, Split):
        driver.start_udriver()
    driver.attach()
    driver.probe()


def take_down(driver: Driver) -> None:
    """Back to nothing. Raises: OSError."""
    driver.detach()
    if isinstance(driver, Split):
        driver.stop_udriver()
    driver.unload()
