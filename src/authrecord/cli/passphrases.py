"""Where a command's passphrase comes from: a hidden prompt, a file, or standard input; never its arguments."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..core.secret import Secret
from .values import secret_text


def passphrase_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that `export` and `import` share."""
    for option in reversed(
        (
            click.option(
                "--passphrase-file",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                default=None,
                metavar="FILE",
                help="Read the passphrase from a file.",
            ),
            click.option("--passphrase-stdin", is_flag=True, help="Read the passphrase from standard input."),
        )
    ):
        command = option(command)
    return command


def passphrase(file: Path | None, stdin: bool, *, new: bool) -> Secret:
    """The passphrase. `new`: it is asked for twice, since a slip would lock the file for ever."""
    if file is not None and stdin:
        raise click.UsageError("give the passphrase in one way: --passphrase-file or --passphrase-stdin.")
    if file is not None:
        return Secret(secret_text(file.read_bytes(), str(file)))
    if stdin:
        return Secret(secret_text(sys.stdin.buffer.read(), "standard input"))
    return Secret(click.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True))
