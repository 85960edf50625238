"""Reloads of a network driver, with its device unbound and bound between them: nothing may be left of any."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from drivers.rtl8139.bring_up import carrier, set_up
from drivers.rtl8139.driver import ADDRESS, DEVICE, give_name
from drivers.rtl8139.split import NAME_S
from drivers.rtl8139.workload import Transfers
from faultkit.kit import Bench, Check, Driver, bind_device, retry, retry_request, run, start, unbind_device


@dataclass(frozen=True, slots=True)
class Reloads:
    """The device is unbound and bound, and the driver unloaded and loaded, `times` times; then checked transfers.

    A step that fails is tried again until `give_up_s` of virtual time have passed.
    """

    times: int = 20
    chunks: int = 2  # each way
    give_up_s: float = 10.0
    deadline_s: float = 300.0
    late_s: float = 60.0

    def run(self, bench: Bench) -> Check:
        for _ in range(self.times):
            for again in (rebind, reload):
                with bench.maintenance():
                    again(bench.driver)
                self.bring_up(bench)
        return Transfers(chunks=self.chunks).run(bench)

    def bring_up(self, bench: Bench) -> None:
        """The interface is opened, and has a carrier. Raises: OSError if it gives up."""
        retry_request(bench, "bring_up", partial(open_interface, self.give_up_s), self.give_up_s)


def open_interface(for_s: float) -> None:
    """The interface gets its address and is opened, and has a carrier. Raises: OSError."""
    retry(partial(set_up, DEVICE), for_s)
    run("ip", "addr", "replace", ADDRESS, "dev", DEVICE)
    retry(carrier, for_s)


def reload(driver: Driver) -> None:
    """The driver goes, with the u-driver there to help it, and comes again. Raises: OSError."""
    driver.detach()
    driver.unload()
    start(driver, wait=False)


def rebind(driver: Driver) -> None:
    """The driver lets its device go, and finds it again. Raises: OSError."""
    module = driver.modules[0]
    unbind_device(module)
    bind_device(module)
    retry(partial(give_name, module), timeout_s=NAME_S)
