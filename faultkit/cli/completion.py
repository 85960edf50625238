"""`faultkit completion`."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command(name="completion", short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(tuple(SHELLS)))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print a script for SHELL that completes commands, options, experiments, and names of results.

    It needs the command name `faultkit`: put `.venv/bin` on the PATH.

    \b
    Examples:
      source <(faultkit completion bash)      # in ~/.bashrc
      source <(faultkit completion zsh)       # in ~/.zshrc
      faultkit completion fish > ~/.config/fish/completions/faultkit.fish
    """
    script = SHELLS[shell](context.find_root().command, {}, "faultkit", "_FAULTKIT_COMPLETE")
    click.echo(script.source_template % script.source_vars())
