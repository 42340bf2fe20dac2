"""`authrecord remove NAME`."""

from __future__ import annotations

from pathlib import Path

import click

from ..core.errors import StoreFault
from ..documents import format_of, remove
from ..record import Record
from ..stores.deferred import DeferredStore
from ..stores.remote.store import RemoteStore
from ..wiring import Records
from .context import Options, example, record_argument, with_options
from .files import read_document, write_private
from .output import console, print_json


@click.command("remove", epilog=example("authrecord remove orders --yes"))
@record_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_options
def command(options: Options, name: str, yes: bool) -> None:
    """Remove a record, and its tokens here and at the provider where it takes them back.

    The rest of a document stays as it is; of a stored record nothing readable is left.
    """
    with options.records() as records:
        revoked = _removed(records, name, sure=yes)
        place = records.source
    if options.as_json:
        print_json({"name": name, "removed": True, "revoked": revoked})
        return
    out = console(stderr=True)
    out.print(f"{name} is removed from {place}.")
    if revoked:
        out.print("  The provider has taken its tokens back.")


def _removed(records: Records, name: str, *, sure: bool) -> bool:
    """Whether the provider took the tokens back. A record that does not open is removed as well."""
    store = records.store
    record: Record | None = None
    try:
        record = records[name]
    except StoreFault as fault:
        if fault.code != "tampered" or store is None:
            raise
    if not sure:
        click.confirm(f"Remove {name} from {records.source}?", abort=True, err=True)
    if isinstance(store, RemoteStore):
        store.delete(name)  # the server gives the tokens back itself
        return False
    revoked = _has_tokens(records) and record is not None and records.keeper.revoke(record)
    if store is not None:
        store.delete(name)
        return revoked
    path = Path(records.source)
    write_private(path, remove(read_document(path), format=format_of(path), name=name))
    if record is not None and _has_tokens(records):
        records.keeper.forget(record)
    return revoked


def _has_tokens(records: Records) -> bool:
    """False while there is no store yet: none is made to take something out of it."""
    tokens = records.keeper.store
    return not isinstance(tokens, DeferredStore) or tokens.exists()
