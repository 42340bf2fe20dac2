"""`authrecord import FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..documents import read_file
from .context import Options, example, with_options
from .output import console, print_json
from .passphrases import passphrase, passphrase_options

if TYPE_CHECKING:
    from ..stores.exporting import Export
    from ..stores.sql.importing import Difference

BEGINNING_BYTES: Final = 64
"""Enough of a file to tell a sealed export from a document."""


@click.command(
    "import",
    epilog=example("authrecord import authrecord.yaml --dry-run", "authrecord import authrecord.yaml"),
)
@click.argument("document", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@passphrase_options
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@with_options
def command(
    options: Options, document: Path, dry_run: bool, passphrase_file: Path | None, passphrase_stdin: bool
) -> None:
    """Put the records of a document, or of a sealed export, into the store.

    New ones are added, those of the same name are changed. A login that was exported with its record is taken in too,
    unless this store can renew one of that record itself.

    Nothing is removed, and no value is shown. A relative ${file:…} reference is made absolute, since the store has
    no folder of its own. The document stays as it is.
    """
    from ..stores.exporting import take_in
    from ..stores.sql.importing import differences, put
    from ..wiring import open_store

    export = _read(document, passphrase_file, passphrase_stdin)
    store = open_store(options.settings(), options.source().store)
    try:
        moved = [key.name for key, _ in export.tokens]
        found = differences(store, export.records, document.resolve().parent)
        if not dry_run:
            put(store, found)
            moved = [key.name for key, token in export.tokens if take_in(store, key, token)]
        place = store.backend.place
    finally:
        store.close()
    if options.as_json:
        print_json(
            {"store": place, "dry_run": dry_run, "records": [_plain(one) for one in found], "logins": moved}
        )
        return
    out = console()
    for one in found:
        fields = f": {', '.join(one.fields)}" if one.fields else ""
        out.print(f"{one.kind:<10} {one.record.name}{fields}", style=_STYLES[one.kind])
    changed = sum(one.kind != "unchanged" for one in found)
    would = "would be written" if dry_run else "written"
    if moved:
        came = "would come" if dry_run else "came"
        console(stderr=True).print(f"Logins that {came} with them: {', '.join(moved)}.")
    console(stderr=True).print(f"{changed} of {len(found)} records {would} to {place}.")


def _read(document: Path, passphrase_file: Path | None, passphrase_stdin: bool) -> Export:
    """The records of a document, or what a sealed export holds."""
    from ..stores.exporting import Export, read_export
    from ..stores.passphrase import is_sealed_file, open_file

    with document.open("rb") as file:
        if not is_sealed_file(file.read(BEGINNING_BYTES)):
            return Export(read_file(document))
    secret = passphrase(passphrase_file, passphrase_stdin, new=False)
    return read_export(open_file(document.read_bytes(), secret))


def _plain(one: Difference) -> dict[str, Any]:
    return {"name": one.record.name, "change": one.kind, "fields": list(one.fields)}


_STYLES = {"new": "green", "changed": "yellow", "unchanged": "dim"}
