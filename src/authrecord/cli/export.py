"""`authrecord export FILE [NAMES…]`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .context import Options, example, is_terminal, with_options
from .files import write_private
from .opened_store import opened
from .output import console, print_json
from .passphrases import passphrase, passphrase_options

if TYPE_CHECKING:
    from ..core.secret import Secret
    from ..record import Record
    from ..stores.sql.store import SqlStore


@click.command(
    "export",
    epilog=example(
        "authrecord export orders.export",
        "authrecord export moving.export orders search --with-tokens",
        "authrecord export --plaintext orders.yaml orders",
    ),
)
@click.argument("target", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("names", nargs=-1)
@passphrase_options
@click.option("--with-tokens", is_flag=True, help="Hand over the logins of the named records too: see above.")
@click.option(
    "--plaintext",
    is_flag=True,
    help="Write a document with its secrets in clear. Asks on a terminal, and is told in the audit log.",
)
@with_options
def command(
    options: Options,
    target: Path,
    names: tuple[str, ...],
    passphrase_file: Path | None,
    passphrase_stdin: bool,
    with_tokens: bool,
    plaintext: bool,
) -> None:
    """Write records of the store, with their secrets, into a new FILE that a passphrase seals; all without NAMES.

    `authrecord import FILE` takes it in on another machine. References such as ${env:NAME} stay what they are.

    Logins stay here, unless you name records and say --with-tokens. Then they move: a refresh token that lives twice
    ends its login. This store uses their access tokens until those run out and renews them no more; the machine that
    imports the file does.
    """
    from ..stores.passphrase import refuse_weak
    from ..stores.sql.store import SqlStore

    _refuse_what_cannot_be(target, names, with_tokens=with_tokens, plaintext=plaintext)
    with opened(options) as found:
        store = SqlStore(found.backend, found.vault, tenant=found.tenant, actor=found.actor)
        records = tuple(store.read(name).record for name in names or store.names())
        if plaintext:
            _write_plain(store, target, records)
            moved: tuple[str, ...] = ()
        else:
            secret = passphrase(passphrase_file, passphrase_stdin, new=True)
            refuse_weak(secret)
            moved = _write_sealed(store, target, records, secret, with_tokens=with_tokens)
    if options.as_json:
        print_json(
            {
                "file": str(target),
                "records": [one.name for one in records],
                "moved_logins": list(moved),
                "sealed": not plaintext,
            }
        )
        return
    out = console(stderr=True)
    out.print(f"{len(records):,} records are in {target}, {'in clear' if plaintext else 'sealed'}.")
    if moved:
        out.print(
            f"The logins of {', '.join(moved)} moved into it: this store renews them no more. Import the file on one"
            " machine, once, and then delete it.",
            style="yellow",
        )


def _refuse_what_cannot_be(
    target: Path, names: tuple[str, ...], *, with_tokens: bool, plaintext: bool
) -> None:
    if with_tokens and plaintext:
        raise click.UsageError("tokens are exported into a sealed file only.")
    if with_tokens and not names:
        raise click.UsageError("--with-tokens wants the names of the records whose logins are to move.")
    if os.path.lexists(target):
        raise click.UsageError(f"{target} exists already; name a new file.")
    if plaintext and not (is_terminal(2) and is_terminal(0)):
        raise click.UsageError(
            "--plaintext is confirmed by a person on a terminal. Without one, leave it out: the file is sealed."
        )


def _write_plain(store: SqlStore, target: Path, records: tuple[Record, ...]) -> None:
    from ..documents import format_of, write
    from ..stores.exporting import tell_export

    document = write(records, format=format_of(target), reveal=True)
    click.confirm(
        f"Write the secrets of {len(records)} records into {target}, readable by whoever reads the file?",
        abort=True,
        err=True,
    )
    tell_export(store, records, "in clear")
    write_private(target, document.text)


def _write_sealed(
    store: SqlStore, target: Path, records: tuple[Record, ...], secret: Secret, *, with_tokens: bool
) -> tuple[str, ...]:
    """The names of the records whose logins moved."""
    from ..stores.exporting import Export, move_logins, tell_export, written_export
    from ..stores.passphrase import seal_file

    def write(export: Export) -> None:
        write_private(target, seal_file(written_export(export), secret, os.urandom).decode("ascii"))

    tell_export(store, records, "sealed, with tokens" if with_tokens else "sealed")
    if with_tokens:
        return move_logins(store, records, write)
    write(Export(records))
    return ()
