"""A gate's answers as JUnit XML: a test case a rule, and one a crash signature.

What Jenkins' JUnit plugin and Maven Surefire's schema have in common. A rule that is not met is a `failure`; one that
is inconclusive is an `error` of type "inconclusive" and never `skipped`, which most readers count as fine. A crash
that a rule failed for is a `failure` with what the kernel said; another passes, with the same in its `system-out`: the
file has failures if and only if the gate failed.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from xml.etree.ElementTree import Element, SubElement

from faultkit.gate.answers import Answer
from faultkit.gate.assess import Assessment, Gated
from faultkit.gate.screen import answer_line

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # the Char production of XML 1.0
KEPT = ("seed", "command", "git_revision", "kernel", "qemu", "accel")


def junit_xml(gated: Gated) -> bytes:
    """The JUnit file of a gate's answers."""
    suite = Element("testsuite", name=legal(f"faultkit.{gated.experiment}"))
    properties = SubElement(suite, "properties")
    facts = {key: value for key in KEPT if (value := getattr(gated.meta, key)) is not None}
    ours = {"result": gated.result, "rules": gated.origin, "conclusion": answer_line(gated)}
    for name, value in {**facts, **gated.accounting, **ours}.items():
        SubElement(properties, "property", name=name, value=legal(str(value)))
    for line in gated.lines:
        suite.append(of_rule(gated.experiment, line))
    for name in gated.crashes:
        suite.append(of_crash(gated, name))
    if gated.trouble:
        suite.append(case(gated.experiment, "harness", error=("harness", gated.trouble, "")))
    suite.attrib |= {**counts(suite), "skipped": "0"}
    root = Element("testsuites", {"name": "faultkit"} | counts(suite))
    root.append(suite)
    ET.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode").encode()


def of_rule(experiment: str, line: Assessment) -> Element:
    """A rule as a test case."""
    text = f"{line.rule}\n{line.ruling.measured}\n{line.ruling.reason}"
    message = f"{line.ruling.measured}: {line.ruling.reason}"
    if line.ruling.answer is Answer.FAIL:
        return case(experiment, line.name, failure=("rule", message, text))
    if line.ruling.answer is Answer.INCONCLUSIVE:
        return case(experiment, line.name, error=("inconclusive", message, text))
    return case(experiment, line.name, out=text)


def of_crash(gated: Gated, name: str) -> Element:
    """A crash signature as a test case."""
    trials = gated.crashes[name]
    message = f"{name}: {len(trials)} of {gated.accounting['activated']} activated trials, first in trial {trials[0]}"
    if name in gated.blamed:
        return case(gated.experiment, f"crash: {name}", failure=("crash", message, gated.reports[name]))
    return case(gated.experiment, f"crash: {name}", out=f"{message}\n{gated.reports[name]}")


def case(experiment: str, name: str, out: str = "", **bad: tuple[str, str, str]) -> Element:
    """A test case; `bad` is an element's name, with its type, message and text."""
    element = Element("testcase", name=legal(name), classname=legal(f"faultkit.{experiment}"), time="0")
    for tag, (type_, message, text) in bad.items():
        SubElement(element, tag, type=type_, message=legal(message)).text = legal(text)
    if out:
        SubElement(element, "system-out").text = legal(out)
    return element


def counts(suite: Element) -> dict[str, str]:
    """The attributes that say how many there are."""
    found = {f"{tag}s": len(suite.findall(f"testcase/{tag}")) for tag in ("failure", "error")}
    numbers = {"tests": len(suite.findall("testcase")), **found, "time": 0}
    return {name: str(number) for name, number in numbers.items()}


def legal(text: str) -> str:
    """Text without the characters that XML cannot hold: a dying kernel may print any."""
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
