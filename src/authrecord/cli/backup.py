"""`authrecord backup FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .context import Options, example, with_options
from .opened_store import opened
from .output import console, print_json
from .progress import counting

if TYPE_CHECKING:
    from ..stores.sql.backup import Copied

SHOWN: Final = ("records", "tokens", "audit")


@click.command("backup", epilog=example("authrecord backup /mnt/elsewhere/authrecord-$(date +%F).backup"))
@click.argument("target", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@with_options
def command(options: Options, target: Path) -> None:
    """Copy the whole store into a new FILE, while everything runs.

    The copy is one moment of the store, SQLite or PostgreSQL, in one form for both. What is sealed stays sealed: no
    key is needed, and none is in it. Keep the key somewhere else, or the copy is worth nothing.
    """
    from ..stores.sql.backup import back_up

    path = str(target.absolute())
    with opened(options) as store, counting("Copying", shown=not options.as_json) as progress:
        copied = back_up(store.backend, path, progress)
    if options.as_json:
        print_json({"file": path, **plain_copied(copied)})
    else:
        console(stderr=True).print(f"{said(copied)}: {path}")


def plain_copied(copied: Copied) -> dict[str, Any]:
    """What was copied, for programs."""
    return {"taken_at": copied.taken_at, "rows": copied.rows}


def said(copied: Copied) -> str:
    """What was copied, in a sentence."""
    from ..stores.sql.backup import when

    counts = ", ".join(f"{copied.rows[name]:,} {_WORDS[name]}" for name in SHOWN)
    return f"{counts}, as of {when(copied.taken_at)}"


_WORDS: Final = {"records": "records", "tokens": "tokens", "audit": "audit rows"}
