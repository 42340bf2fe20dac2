"""`authrecord edit NAME`."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from ..core.errors import DocumentFault, RecordFault
from ..core.secret import Reference, Secret, SecretSource
from ..documents import Format, read, records_from, write
from ..documents.writing import plain_record
from ..record import OAuth2, Record
from ..signin.browser import passed_on
from ..stores.remote.documents import is_at_server
from .add import apply, discovered, say_written
from .context import Options, example, is_terminal, record_argument, with_options
from .files import read_document
from .values import secret_options

UNCHANGED: Final = "UNCHANGED_"


@click.command(
    "edit",
    epilog=example("authrecord edit orders", "authrecord edit orders --set token_exchange.scope=orders.read"),
)
@record_argument
@secret_options
@with_options
def command(options: Options, name: str, **given: Any) -> None:
    """Change a record, by options or, without any, in your editor. The rest of a document stays as it is.

    In the editor a secret that stands in the record is shown as ${env:UNCHANGED_…}: leave it, and it stays. A kept
    login goes on where nothing that it depends on has changed.
    """
    with options.shelf() as shelf:
        existing = shelf.find(name)
        if any(given.values()):
            shown, kept = _without(existing, is_at_server)
            data, _ = plain_record(shown, reveal=True)
            grant = existing.auth.grant if isinstance(existing.auth, OAuth2) else ""
            apply(data, existing.auth.type, grant, given)
            changed, remark = discovered(_restored(records_from({"records": [data]})[0], kept))
        else:
            changed, remark = _edited(existing), ""
        shelf.change(existing, changed)
        say_written(options, shelf, changed, remark)


def _edited(existing: Record) -> Record:
    """The record as it comes back from the editor; asked again as long as it has faults."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor or not is_terminal(0):
        raise click.UsageError("say what to change (--set …), or set $EDITOR and run it on a terminal")
    shown, kept = _without(existing, lambda value: isinstance(value, Secret) or is_at_server(value))
    text = write([shown], format=Format.YAML).text
    with tempfile.TemporaryDirectory(prefix="authrecord-") as folder:
        file = Path(folder) / f"{existing.name}.yaml"
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")
        while True:
            _open_editor(editor, file)
            try:
                found = read(read_document(file), format=Format.YAML, source="your changes")
            except DocumentFault as fault:
                click.echo(str(fault), err=True)
                click.confirm("Open the editor again?", default=True, abort=True, err=True)
                continue
            if len(found) != 1:
                raise RecordFault("one record was to be changed, and there is not one in what you saved.")
            changed = found[0]
            if changed.name != existing.name:
                raise RecordFault(
                    "a record keeps its name.", field="name", hint="Add a new one, and remove the old."
                )
            restored: Record = _restored(changed, kept)
            return restored


def _open_editor(editor: str, file: Path) -> None:
    """Wait until the editor has ended. One that fails, as `:cq` in vi does on purpose, changes nothing."""
    try:
        command = [*shlex.split(editor), str(file)]
        status = subprocess.run(command, check=False, env=passed_on(os.environ)).returncode  # noqa: S603 - the user's own editor
    except ValueError:
        raise click.UsageError("$VISUAL or $EDITOR has a quote that is not closed") from None
    if status:
        click.echo(f"The editor ended with status {status}; nothing is changed.", err=True)
        raise click.Abort


def _without(record: Record, hides: Callable[[object], bool]) -> tuple[Record, dict[str, SecretSource]]:
    """The record with a reference in the place of each secret that `hides`, and the secrets by its name."""
    kept: dict[str, SecretSource] = {}

    def hidden(value: Any) -> Any:
        if hides(value):
            kept[f"{UNCHANGED}{len(kept) + 1}"] = value
            return Reference("env", f"{UNCHANGED}{len(kept)}")
        return value

    return _mapped(record, hidden), kept


def _restored(record: Any, kept: dict[str, SecretSource]) -> Any:
    """The secrets back in their places, wherever their references stand now."""
    return _mapped(
        record, lambda value: kept.get(value.argument, value) if isinstance(value, Reference) else value
    )


def _mapped(value: Any, change: Any) -> Any:
    """`value` with `change` applied to everything in it that is no group and no list."""
    if isinstance(value, tuple):
        return tuple(_mapped(one, change) for one in value)
    if is_dataclass(value) and not isinstance(value, (type, Reference)):
        return replace(
            value, **{one.name: _mapped(getattr(value, one.name), change) for one in fields(value)}
        )
    return change(value)
