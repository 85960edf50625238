"""`faultkit manual`: the help of all commands as one page of Markdown. docs/cli.md is what it prints."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import click

from faultkit.cli import GROUPS, cli
from faultkit.cli.reference import ENVIRONMENT, EXIT_CODES, FILES, NOTES

MADE = "<!-- `make docs` writes this page from the help of the commands: change it there. -->"
INSTALLED = "`./setup` puts it at `.venv/bin/faultkit`. Every command has `--help`; `faultkit manual` prints this page."
VERBATIM = "\b\n"  # the beginning of a paragraph that click does not wrap
ESCAPED = r"\|"
DOCUMENT = re.compile(r"\bdocs/([a-z-]+\.md)")


@click.command(name="manual", short_help="Print the help of all commands as one page.")
def command() -> None:
    """Print the help of all commands, exit codes, environment and files as one page of Markdown.

    \b
    Examples:
      faultkit manual
      faultkit manual > cli.md
    """
    click.echo_via_pager("\n\n".join(page(cli)))


def page(group: click.Group) -> Iterator[str]:
    """The manual's paragraphs."""
    yield "# Command line"
    yield MADE
    yield from prose(group.help)
    yield INSTALLED
    yield from prose(group.epilog)
    for use, names in GROUPS.items():
        yield f"## {use.capitalize()}"
        commands = (group.get_command(click.Context(group), name) for name in names)
        yield from chain.from_iterable(section(each) for each in commands if each)
    for title, meanings in {"Exit codes": EXIT_CODES, "Environment": ENVIRONMENT, "Files": FILES}.items():
        yield f"## {title}"
        yield table(("", ""), meanings)
        yield from filter(None, [NOTES.get(title)])


def section(command: click.Command) -> Iterator[str]:
    """The section of one command: synopsis, description, options, examples, the rest."""
    text, title, examples = inspect.cleandoc(command.help or "").partition(f"{VERBATIM}Examples:")
    yield f"### faultkit {command.name}"
    yield f"    {synopsis(command)}"
    yield from prose(text)
    if found := options(command):
        yield table(("option", ""), found)
    yield from prose(title + examples)
    yield from prose(command.epilog)


def synopsis(command: click.Command) -> str:
    """The synopsis of a command: `faultkit show [OPTIONS] RESULT [TRIAL]`."""
    words = ["faultkit", command.name or "", *(["[OPTIONS]"] if options(command) else []), *arguments(command)]
    return " ".join(words)


def arguments(command: click.Command) -> Iterator[str]:
    """The arguments of a command, as its synopsis has them."""
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            name = parameter.metavar or choices(parameter) or (parameter.name or "").upper()
            several = "..." if parameter.nargs == -1 and not parameter.metavar else ""
            yield f"{name}{several}" if parameter.required else f"[{name}{several}]"


def choices(parameter: click.Parameter) -> str:
    """The choices of an argument, `bash|zsh|fish`; empty if it takes any value."""
    return "|".join(map(str, parameter.type.choices)) if isinstance(parameter.type, click.Choice) else ""


def options(command: click.Command) -> dict[str, str]:
    """The options of a command, each with its help."""
    found = (parameter for parameter in command.params if isinstance(parameter, click.Option))
    return {" ".join([", ".join(each.opts), *filter(None, [each.metavar])]): each.help or "" for each in found}


def table(head: tuple[str, str], rows: Mapping[str, str]) -> str:
    """A table of two columns; the first is set as code."""
    return "\n".join([cells(*head), "|---|---|", *(cells(f"`{name}`", text) for name, text in rows.items())])


def cells(*texts: str) -> str:
    """A row of a table; bars in the texts are escaped."""
    return "".join(f"| {text.replace('|', ESCAPED)} " if text else "| " for text in texts) + "|"


def prose(text: str | None) -> Iterator[str]:
    """The paragraphs of a help text: wrapped ones with links, verbatim ones as code under their first line."""
    for paragraph in filter(None, inspect.cleandoc(text or "").split("\n\n")):
        if paragraph.startswith(VERBATIM):
            yield from verbatim(paragraph.removeprefix(VERBATIM).splitlines())
        else:
            yield DOCUMENT.sub(r"[docs/\1](\1)", paragraph)


def verbatim(lines: Iterable[str]) -> Iterator[str]:
    """A title and a block of code."""
    title, *code = lines
    yield title
    yield "\n".join(f"  {line}" for line in code)
