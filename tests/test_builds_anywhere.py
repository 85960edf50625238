"""Builds for the guest depend neither on the place nor on the environment; see also tests/guest."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultkit.machine import cbuild, compiler, image_build
from faultkit.model.builds import Program

SOURCE = """
#include <assert.h>
#include <stdio.h>
#include "greeting.h"

int main(int argc, char **argv)
{
	assert(argc > 0);
	(void)argv;
	return puts(GREETING " from " __FILE__) < 0;
}
"""
CIRCUMSTANCES = {
    "LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8", "LC_NUMERIC": "de_DE.UTF-8", "LANGUAGE": "de",
    "TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": "1",
}  # fmt: skip


def built(place: Path, monkeypatch: pytest.MonkeyPatch, greeting: str = "hello") -> bytes:
    """A program whose sources and cache are in a directory."""
    (place / "code").mkdir(parents=True)
    (place / "code" / "hello.c").write_text(SOURCE)
    (place / "code" / "greeting.h").write_text(f'#define GREETING "{greeting}"\n')
    monkeypatch.setenv("FAULTKIT_CACHE", str(place / "cache"))
    return cbuild.program(Program((place / "code" / "hello.c",))).read_bytes()


def test_a_program_is_the_same_wherever_it_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = built(tmp_path / "here", monkeypatch)
    for name, value in (CIRCUMSTANCES | {"CPATH": str(tmp_path), "LIBRARY_PATH": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    there = built(tmp_path / "some" / "where" / "else", monkeypatch)
    assert here == there and b"hello from hello.c" in here and str(tmp_path).encode() not in here
    assert built(tmp_path / "other", monkeypatch, "good bye") != here


def test_steps_run_in_one_environment_under_all_circumstances(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compiler.environment(), image_build.environment()
    for name, value in (CIRCUMSTANCES | {"CFLAGS": "-O0", "MAKEFLAGS": "-j7", "KCFLAGS": "-g"}).items():
        monkeypatch.setenv(name, value)
    assert (compiler.environment(), image_build.environment()) == before
    assert before[1]["SOURCE_DATE_EPOCH"] == str(image_build.EPOCH)
    assert {found["LC_ALL"] for found in before} == {"C.UTF-8"} and {found["TZ"] for found in before} == {"UTC"}


def test_a_proxy_and_the_way_to_tools_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://localhost:1")
    monkeypatch.setenv("PATH", "/some/bin")
    monkeypatch.setenv("SECRET", "1")
    found = image_build.environment()
    assert found["https_proxy"] == "http://localhost:1" and found["PATH"] == "/some/bin:/usr/sbin:/sbin"
    assert "SECRET" not in found
