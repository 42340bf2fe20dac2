"""`authrecord completion SHELL`."""

from __future__ import annotations

import sys

import click

from .context import Options, example, with_options


@click.command("completion", epilog=example('eval "$(authrecord completion bash)"'))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@with_options
def command(options: Options, shell: str) -> None:
    """Print the script that teaches a shell to complete commands, options and record names."""
    from click.shell_completion import get_completion_class

    from .app import authrecord

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    sys.stdout.write(kind(authrecord, {}, "authrecord", "_AUTHRECORD_COMPLETE").source() + "\n")
