"""`authrecord import FILE`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ..documents import read_file
from ..documents.formats import LARGEST
from ..documents.reading import text_from
from ..exchange.recognize import FORMATS
from .context import Options, example, with_options
from .output import console, print_json
from .passphrases import passphrase, passphrase_options

if TYPE_CHECKING:
    from ..exchange.draft import Draft, Imported
    from ..record import Record
    from ..stores.exporting import Export
    from ..stores.sql.importing import Difference

BEGINNING_BYTES: Final = 64
"""Enough of a file to tell a sealed export from a document."""

STANDARD_INPUT: Final = Path("-")
OWN_SUFFIXES: Final = (".yaml", ".yml", ".json", ".toml")


@dataclass(frozen=True, slots=True)
class Read:
    """What was read. `format`: its name; `open`: drafts that cannot be records yet; `notes`: for the person."""

    export: Export
    format: str = "document"
    open: tuple[Draft, ...] = ()
    notes: tuple[str, ...] = ()


@click.command(
    "import",
    epilog=example(
        "authrecord import authrecord.yaml --dry-run",
        "authrecord import openapi.json --origin https://api.example.com",
        "xclip -o | authrecord import -",
    ),
)
@click.argument(
    "document",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option(
    "--from",
    "from_format",
    type=click.Choice(FORMATS),
    default=None,
    help="What FILE is; without it that is recognised.",
)
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="An allowed host for records of other formats that name none; may be repeated.",
)
@passphrase_options
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@with_options
def command(
    options: Options,
    document: Path,
    from_format: str | None,
    origins: tuple[str, ...],
    dry_run: bool,
    passphrase_file: Path | None,
    passphrase_stdin: bool,
) -> None:
    """Put the records of a document, or of a sealed export, into the store.

    New ones are added, those of the same name are changed. A login that was exported with its record is taken in too,
    unless this store can renew one of that record itself. FILE may also be what another tool has: a curl command, an
    OpenAPI document, a Postman, Bruno, Insomnia or Hoppscotch collection (docs/importing.md). `-` reads standard
    input, which is where a command with a token in it belongs.

    Nothing is removed, and no value is shown. A relative ${file:…} reference is made absolute, since the store has
    no folder of its own. The document stays as it is.
    """
    from ..stores.exporting import take_in
    from ..stores.sql.importing import differences, put
    from ..wiring import open_store

    if document == STANDARD_INPUT and passphrase_stdin:
        raise click.UsageError("standard input can be the document or the passphrase, not both.")
    given = _read(document, from_format or "", origins, passphrase_file, passphrase_stdin)
    base = Path.cwd() if document == STANDARD_INPUT else document.resolve().parent
    store = open_store(options.settings(), options.source().store)
    try:
        moved = [key.name for key, _ in given.export.tokens]
        found = differences(store, given.export.records, base)
        if not dry_run:
            put(store, found)
            moved = [key.name for key, token in given.export.tokens if take_in(store, key, token)]
        place = store.backend.place
    finally:
        store.close()
    if options.as_json:
        print_json(
            {
                "store": place,
                "dry_run": dry_run,
                "format": given.format,
                "records": [_plain(one) for one in found],
                "incomplete": [{"name": one.name, "missing": list(one.missing)} for one in given.open],
                "logins": moved,
                "notes": list(given.notes),
            }
        )
        return
    _say(found, given, moved, dry_run=dry_run, place=place)


def _say(found: list[Difference], given: Read, moved: list[str], *, dry_run: bool, place: str) -> None:
    out, aside = console(), console(stderr=True)
    for one in found:
        fields = f": {', '.join(one.fields)}" if one.fields else ""
        out.print(f"{one.kind:<10} {one.record.name}{fields}", style=_STYLES[one.kind])
        if one.kind != "unchanged":
            out.print(f"{'':<10} goes to {', '.join(_destinations(one.record))}", style="dim")
    for note in given.notes:
        aside.print(note)
    for draft in given.open:
        aside.print(f"Not taken: {draft.name}, which still needs {', '.join(draft.missing)}.", style="yellow")
    changed = sum(one.kind != "unchanged" for one in found)
    would = "would be written" if dry_run else "written"
    if moved:
        came = "would come" if dry_run else "came"
        aside.print(f"Logins that {came} with them: {', '.join(moved)}.")
    aside.print(f"{changed} of {len(found)} records {would} to {place}.")


def _read(
    document: Path,
    format: str,
    origins: tuple[str, ...],
    passphrase_file: Path | None,
    passphrase_stdin: bool,
) -> Read:
    """The records of a document, of a sealed export, or of what another tool has."""
    from ..exchange import document as own
    from ..exchange.recognize import read
    from ..stores.exporting import Export, read_export
    from ..stores.passphrase import is_sealed_file, open_file

    content = _content(document)
    if is_sealed_file(content[:BEGINNING_BYTES]):
        secret = passphrase(passphrase_file, passphrase_stdin, new=False)
        return Read(read_export(open_file(content, secret)), "export")
    source = "standard input" if document == STANDARD_INPUT else str(document)
    text = text_from(content, source=source)
    imported = read(text, format)
    if imported is not None:
        return _foreign(imported, origins)
    if document == STANDARD_INPUT or (format and document.suffix.lower() not in OWN_SUFFIXES):
        return Read(Export(own.read_document(text, source=source)))
    return Read(Export(read_file(document)))


def _content(document: Path) -> bytes:
    """The bytes of the file; of an unsealed one no more than a document may have, and one to tell."""
    from ..stores.passphrase import is_sealed_file

    if document == STANDARD_INPUT:
        return sys.stdin.buffer.read(LARGEST + 1)
    with document.open("rb") as file:
        beginning = file.read(BEGINNING_BYTES)
        return beginning + file.read(-1 if is_sealed_file(beginning) else LARGEST + 1)


def _foreign(imported: Imported, origins: tuple[str, ...]) -> Read:
    """The drafts that are records by now. Raises `RecordFault` when none is."""
    from ..core.errors import DocumentFault, RecordFault
    from ..exchange.completing import completed
    from ..stores.exporting import Export

    records: list[Record] = []
    still_open: list[Draft] = []
    notes = list(imported.notes)
    for draft in imported.drafts:
        whole = completed(draft, origins)
        notes += [f"{draft.name}: {note}" for note in whole.notes]
        try:
            record = None if whole.missing else whole.record()
        except DocumentFault as fault:
            raise DocumentFault(fault.faults, source=f"record {draft.name}") from None
        if record is None:
            still_open.append(whole)
        else:
            records.append(record)
    if not records:
        names = "; ".join(f"{one.name} needs {', '.join(one.missing)}" for one in still_open[:10])
        raise RecordFault(
            f"no record of this {imported.format} is complete: {names}.",
            hint="Give --origin for allowed_origins, fill in the rest in the file, or paste it into the page.",
            code="incomplete",
        )
    return Read(Export(tuple(records)), imported.format, tuple(still_open), tuple(notes))


def _destinations(record: Record) -> list[str]:
    """Every origin that the record sends something to (row Q4)."""
    from ..core.origin import origin_of
    from ..record import OAuth2

    found = list(record.allowed_origins)
    if isinstance(record.auth, OAuth2):
        auth = record.auth
        urls = (auth.issuer, auth.authorization.url, auth.token_exchange.url, auth.token_refresh.url)
        found += [str(origin_of(url)) for url in urls if url]
    return list(dict.fromkeys(found)) or ["whatever its client's base URL says"]


def _plain(one: Difference) -> dict[str, Any]:
    return {"name": one.record.name, "change": one.kind, "fields": list(one.fields)}


_STYLES = {"new": "green", "changed": "yellow", "unchanged": "dim"}
