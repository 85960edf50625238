"""Recovery of PCI devices by sysfs: unbind, bind, and a reset of the function.

Source: Documentation/ABI/testing/sysfs-bus-pci. Each function takes the k-driver's module, as `lsmod` writes it. A
driver that offers one of the two remedies has methods for its steps (`unbind` and `bind`, or `reset_function`), and its
`attach` and `detach` may be called at any time.
"""

from __future__ import annotations

import errno
from pathlib import Path

from faultkit.model.parts import Remedy

DEVICES = Path("/sys/bus/pci/devices")
MODULES = Path("/sys/module")
REBIND = Remedy("the k-driver is taken off its PCI device and bound again", ("detach", "unbind", "bind", "attach"))
RESET_FUNCTION = Remedy("the device's PCI function is reset", ("detach", "reset_function", "attach"))


def unbind_device(module: str) -> None:
    """Take a k-driver off its devices; if it has none, there is nothing to do. Raises: OSError."""
    for slot in bound_slots(module):
        (pci_driver(module) / "unbind").write_text(slot)


def bind_device(module: str) -> None:
    """Bind a k-driver to all devices that have no driver and that it drives.

    Raises: OSError if one refuses it, or if it has no device in the end.
    """
    for device in sorted(DEVICES.iterdir()):
        if not (device / "driver").exists():
            try:
                (pci_driver(module) / "bind").write_text(device.name)
            except OSError as reason:
                if reason.errno != errno.ENODEV:  # it drives other devices
                    raise
    if not bound_slots(module):
        raise OSError(errno.ENODEV, f"{module} drives no PCI device")


def reset_device(module: str) -> None:
    """Reset the PCI functions that a k-driver drives. The kernel saves and restores their configuration space.

    Raises: OSError, also if there is none, or if it cannot be reset alone.
    """
    slots = bound_slots(module)
    if not slots:
        raise OSError(errno.ENODEV, f"{module} drives no PCI device")
    for slot in slots:
        reset = DEVICES / slot / "reset"
        if not reset.exists():
            raise OSError(errno.ENOTTY, f"the PCI function {slot} cannot be reset alone")
        reset.write_text("1")


def bound_slots(module: str) -> list[str]:
    """The slots of the devices that a k-driver is bound to."""
    return sorted(path.name for path in pci_driver(module).glob("*:*:*.*"))


def pci_driver(module: str) -> Path:
    """The folder of the PCI driver that a module registers. Raises: OSError."""
    found = sorted((MODULES / module.replace("-", "_") / "drivers").glob("pci:*"))
    if not found:
        raise OSError(errno.ENODEV, f"{module} is not loaded, or is no driver of PCI devices")
    return found[0]
