"""`authrecord remove NAME`."""

from __future__ import annotations

import click

from ..documents import format_of, remove
from .context import Options, example, record_argument, with_options
from .files import read_document, write_private
from .output import console, print_json


@click.command("remove", epilog=example("authrecord remove orders --yes"))
@record_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_options
def command(options: Options, name: str, yes: bool) -> None:
    """Remove a record from its document, and its tokens from this machine. The rest of the document stays."""
    path = options.document()
    with options.records() as records:
        record = records[name]
        if not yes:
            click.confirm(f"Remove {name} from {path}?", abort=True, err=True)
        write_private(path, remove(read_document(path), format=format_of(path), name=name))
        records.keeper.forget(record)
    if options.as_json:
        print_json({"name": name, "removed": True})
    else:
        console(stderr=True).print(f"{name} is removed from {path}.")
