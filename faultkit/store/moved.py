"""The names of parts in older stores -> the names that they have today.

A plan names the class of each part: `{"is": "injectors.udriver.kill:Kill", ...fields}`. A module or class that moves
gets a row here, so that results written before still load. Nothing leaves the tables: results are kept for years.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

SIDES = {  # injectors lay in one folder until they were sorted by the side that they hit
    "udriver": (
        "crash disk_full fd_closed hang kill memory memory_limit pause registers signals slow "
        "syscall_delay syscall_error user_bug"
    ),
    "kdriver": "call_argument call_delay call_error kernel_bug kernel_memory mutant overrun skip text unbind",
    "device": "dead_device dma_flip interrupt_storm interrupts_held interrupts_lost link_down unplugged",
    "channel": "channel",
    "tools": "call_values calls regions sites",
}
MODULES: Mapping[str, str] = {
    "drivers.microdriver.contract": "microdriver.contract",
    "drivers.microdriver.life": "microdriver.life",
    "drivers.microdriver.udriver": "microdriver.udriver",
    "faultkit.policies": "faultkit.model.policies",
    "faultkit.triggers": "faultkit.model.triggers",
    "injectors.machine_code.instructions": "injectors.tools.machine_code.instructions",
    "injectors.machine_code.site": "injectors.tools.machine_code.site",
    **{f"injectors.{name}": f"injectors.{side}.{name}" for side, names in SIDES.items() for name in names.split()},
}
CLASSES: Mapping[str, str] = {  # classes that moved without their module, or that have another name now
    "faultkit.model:Detectors": "faultkit.model.trial:Detectors",
    "faultkit.model:Trial": "faultkit.model.trial:Trial",
    "faultkit.protocols:CallSite": "faultkit.model.code:CallSite",
    "faultkit.protocols:Edit": "faultkit.model.builds:Edit",
    "faultkit.protocols:Function": "faultkit.model.code:Function",
    "faultkit.protocols:KernelModule": "faultkit.model.builds:KernelModule",
    "faultkit.protocols:ModuleCode": "faultkit.model.code:ModuleCode",
    "faultkit.protocols:Mutation": "faultkit.model.builds:Mutation",
    "faultkit.protocols:Program": "faultkit.model.builds:Program",
    "faultkit.protocols:Register": "faultkit.model.parts:Register",
    "faultkit.protocols:Tampering": "faultkit.model.parts:Tampering",
}

Fields = dict[str, Any]
SHAPES: Mapping[str, Callable[[Fields], Fields]] = {}  # a class's name today -> its fields as they were -> as they are


def loads(text: str | bytes) -> Any:
    """Stored JSON, with the names and fields that parts have today."""
    return json.loads(text, object_hook=today)


def today(data: Fields) -> Fields:
    """An encoded part under today's name, with today's fields; any other object is left as it is."""
    name = data.get("is")
    if not isinstance(name, str):
        return data
    known = name_today(name)
    reshape = SHAPES.get(known)
    return (reshape(data) if reshape else data) | {"is": known}


def name_today(name: str) -> str:
    """The name that a class has today: `injectors.kill:Kill` -> `injectors.udriver.kill:Kill`."""
    if name in CLASSES:
        return CLASSES[name]
    module, _, cls = name.partition(":")
    return f"{MODULES.get(module, module)}:{cls}"


def named_in(data: Any) -> Iterator[str]:
    """The class names in encoded parts, at any depth."""
    if isinstance(data, dict):
        yield from (value for key, value in data.items() if key == "is")
        yield from (name for value in data.values() for name in named_in(value))
    elif isinstance(data, list):
        yield from (name for value in data for name in named_in(value))
