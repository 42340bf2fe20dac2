"""`authrecord import FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..documents import read_file
from .context import Options, example, with_options
from .output import console, print_json

if TYPE_CHECKING:
    from ..stores.sql.importing import Difference


@click.command(
    "import",
    epilog=example("authrecord import authrecord.yaml --dry-run", "authrecord import authrecord.yaml"),
)
@click.argument("document", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@with_options
def command(options: Options, document: Path, dry_run: bool) -> None:
    """Put the records of a document into the store: new ones are added, those of the same name are changed.

    Nothing is removed, and no value is shown. A relative ${file:…} reference is made absolute, since the store has
    no folder of its own. The document stays as it is.
    """
    from ..stores.sql.importing import differences, put
    from ..wiring import open_store

    records = read_file(document)
    store = open_store(options.settings(), options.source().store)
    try:
        found = differences(store, records, document.resolve().parent)
        if not dry_run:
            put(store, found)
        place = store.backend.place
    finally:
        store.close()
    if options.as_json:
        print_json({"store": place, "dry_run": dry_run, "records": [_plain(one) for one in found]})
        return
    out = console()
    for one in found:
        fields = f": {', '.join(one.fields)}" if one.fields else ""
        out.print(f"{one.kind:<10} {one.record.name}{fields}", style=_STYLES[one.kind])
    changed = sum(one.kind != "unchanged" for one in found)
    would = "would be written" if dry_run else "written"
    console(stderr=True).print(f"{changed} of {len(found)} records {would} to {place}.")


def _plain(one: Difference) -> dict[str, Any]:
    return {"name": one.record.name, "change": one.kind, "fields": list(one.fields)}


_STYLES = {"new": "green", "changed": "yellow", "unchanged": "dim"}
