"""The names of parts in older stores -> the names that they have today.

A plan names the class of each part: `{"is": "injectors.udriver.kill:Kill", ...fields}`. A module or class that moves
gets a row here, so that results written before still load. Nothing leaves the tables: results are kept for years.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from faultkit.model.texts import neutral_data

SIDES = {  # injectors lay in one folder until they were sorted by the side that they hit
    "udriver": (
        "crash disk_full fd_closed hang kill memory memory_limit pause registers signals slow "
        "syscall_delay syscall_error user_bug"
    ),
    "kdriver": "call_argument call_delay call_error kernel_bug kernel_memory mutant overrun skip text unbind",
    "device": "dead_device dma_flip interrupt_storm interrupts_held interrupts_lost link_down unplugged",
    "channel": "channel",
    "tools": "call_values calls",
}
MODULES: Mapping[str, str] = {
    "drivers.microdriver.contract": "microdriver.contract",
    "drivers.edu.life": "drivers.edu.every_call",
    "drivers.microdriver.life": "microdriver.every_call",
    "drivers.microdriver.udriver": "microdriver.udriver",
    "drivers.rtl8139.life_cycle": "drivers.rtl8139.phases",
    "drivers.rtl8139_micro.life": "drivers.rtl8139_micro.every_call",
    "faultkit.policies": "faultkit.model.policies",
    "faultkit.triggers": "faultkit.model.triggers",
    "injectors.machine_code.instructions": "injectors.tools.machine_code.instructions",
    **{f"injectors.{name}": f"injectors.{side}.{name}" for side, names in SIDES.items() for name in names.split()},
}
CLASSES: Mapping[str, str] = {  # classes that moved without their module, or that have another name now
    "drivers.edu.life:EduLife": "drivers.edu.every_call:EduEveryCall",
    "drivers.rtl8139.life_cycle:LifeCycle": "drivers.rtl8139.phases:Phases",
    "drivers.rtl8139_micro.life:RtlLife": "drivers.rtl8139_micro.every_call:RtlEveryCall",
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
    "injectors.calls:Where": "faultkit.model.code:CallSites",
    "injectors.tools.calls:Where": "faultkit.model.code:CallSites",
}

Fields = dict[str, Any]
SITE = {
    "old": "old",
    "before": "before",
    "after": "after",
    "address": "address",
    "sites": "among",
    "sites_in_all": "in_all",
}


def at_site(data: Fields) -> Fields:
    """A code fault whose place was spread over its own fields: they are its `site` now."""
    if "address" not in data:
        return data
    fields = {key: value for key, value in data.items() if key not in SITE}
    fields["site"] = None
    if data["old"]:
        given = {key: data[key] for key in ("function", "offset")} | {"new": data.get("new", "")}
        site = {now: data[key] for key, now in SITE.items() if key in data}
        fields["site"] = {"is": "faultkit.model.code:Site", **given, **site}
        if data.get("operator") != "write":  # which is given its place; other faults are drawn
            fields |= {"function": None, "offset": None, "new": ""}
    return fields


def drawn_at_site(data: Fields) -> Fields:
    """The same, for a fault that is never given its place."""
    return {key: value for key, value in at_site(data).items() if key not in ("function", "offset", "new")}


def at_entry(data: Fields) -> Fields:
    """A bug at a function's entry: address and free space were fields of its own."""
    if "address" not in data:
        return data
    fields = {key: value for key, value in data.items() if key not in ("address", "space")}
    entry = {"is": "faultkit.model.code:Entry", "address": data["address"], "room": data["space"]}
    return fields | {"site": entry if data["address"] else None}


def at_calls(data: Fields) -> Fields:
    """A fault of calls: `site` was the choice of calls, and `where` the place that it was settled on."""
    if "where" not in data:
        return data
    fields = {key: value for key, value in data.items() if key != "where"}
    return fields | {"at": data["site"], "site": data["where"]}


def call_sites(data: Fields) -> Fields:
    """The calls that a fault was settled on."""
    names = {"sites": "returns", "drawn_from": "among"}
    return {names.get(key, key): value for key, value in data.items()}


SHAPES: Mapping[str, Callable[[Fields], Fields]] = {  # a class's name today -> its fields as they were -> as they are
    "faultkit.model.code:CallSites": call_sites,
    "injectors.kdriver.call_argument:CallArgument": at_calls,
    "injectors.kdriver.call_delay:CallDelay": at_calls,
    "injectors.kdriver.call_error:CallError": at_calls,
    "injectors.kdriver.kernel_bug:KernelBug": at_entry,
    "injectors.kdriver.kernel_memory:KernelMemory": drawn_at_site,
    "injectors.kdriver.overrun:Overrun": drawn_at_site,
    "injectors.kdriver.skip:Skip": drawn_at_site,
    "injectors.kdriver.text:Text": at_site,
}


def loads_today(text: str | bytes) -> Any:
    """Stored JSON, with the names and fields that parts have today."""
    return neutral_data(json.loads(text, object_hook=today))


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


def class_names(data: Any) -> Iterator[str]:
    """The class names in encoded parts, at any depth."""
    if isinstance(data, dict):
        yield from (value for key, value in data.items() if key == "is")
        yield from (name for value in data.values() for name in class_names(value))
    elif isinstance(data, list):
        yield from (name for value in data for name in class_names(value))
