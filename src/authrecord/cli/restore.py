"""`authrecord restore FILE`, `authrecord restore --confirm`."""

from __future__ import annotations

from pathlib import Path

import click

from .backup import plain_copied, said
from .context import Options, example, with_options
from .opened_store import OpenedStore, opened
from .output import console, print_json
from .progress import counting


@click.command(
    "restore",
    epilog=example(
        "authrecord restore /mnt/elsewhere/authrecord-2026-01-31.backup",
        "authrecord doctor",
        "authrecord restore --confirm",
    ),
)
@click.argument("source", metavar="[FILE]", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option(
    "--replace", is_flag=True, help="Restore over a store that holds records or tokens: they are lost."
)
@click.option(
    "--confirm", is_flag=True, help="Let a restored store renew: the one before it is gone for good."
)
@with_options
def command(options: Options, source: Path | None, replace: bool, confirm: bool) -> None:
    """Put a backup into the store, all of it or nothing. No key is needed for that.

    A restored store renews no token until `--confirm`: if the store that the backup was taken from still runs, both
    would renew with the same refresh tokens, and providers end a login whose refresh token is used twice.
    """
    if (source is None) != confirm or (confirm and replace):
        raise click.UsageError("give the FILE of a backup, or --confirm after it is restored.")
    with opened(options, make=source is not None) as store:
        if source is None:
            _confirm(options, store)
        else:
            _restore(options, store, str(source.absolute()), replace=replace)


def _restore(options: Options, store: OpenedStore, path: str, *, replace: bool) -> None:
    from ..stores.sql.backup import restore

    with counting("Restoring", shown=not options.as_json) as progress:
        copied = restore(store.backend, path, replace=replace, progress=progress)
    if options.as_json:
        print_json({"store": store.backend.place, **plain_copied(copied), "renews": False})
        return
    out = console(stderr=True)
    out.print(f"Restored: {said(copied)}.")
    out.print(
        "Look at it with `authrecord doctor`. It renews no token until `authrecord restore --confirm`; say that when "
        "the store that this backup was taken from is gone for good.",
        style="yellow",
    )


def _confirm(options: Options, store: OpenedStore) -> None:
    from ..stores.sql.restored import confirm

    confirmed = confirm(store.backend, store.vault, store.tenant, store.actor)
    if options.as_json:
        print_json({"store": store.backend.place, "confirmed": confirmed, "renews": True})
    elif confirmed:
        console(stderr=True).print("Confirmed: this store renews tokens from now on.")
    else:
        console(stderr=True).print("There was nothing to confirm: this store renews tokens.")
