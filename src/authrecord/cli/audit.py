"""`authrecord audit list | verify | checkpoint`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core.errors import StoreFault
from .context import Options, example, group, with_options
from .failures import exit_code_for, printable
from .opened_store import opened
from .output import console, print_json
from .times import Moment

if TYPE_CHECKING:
    from ..stores.sql.audit import Line
    from ..stores.sql.audit_listing import Unreadable
    from ..stores.sql.audit_verifying import Verified
    from ..stores.sql.checkpoints import Checkpoint

command = group(
    "audit",
    help="""Read and check the audit log: who did what to which record, when, for which origin, with what outcome.

    The rows of a tenant are one chain: none can be edited, deleted, moved or put in unnoticed by somebody who
    writes the database but has no key. That the newest rows were cut off, or that all of it was put back to an
    older state, shows only against a checkpoint that is kept elsewhere.
    """,
    epilog=example(
        "authrecord audit list --since 7d --name orders",
        "authrecord audit checkpoint --to /mnt/elsewhere/checkpoints",
        "authrecord audit verify --checkpoint /mnt/elsewhere/checkpoints",
    ),
)


@command.command("list", epilog=example("authrecord audit list --action token --json | jq '.rows[].outcome'"))
@click.option("--name", default="", help="Only rows of this record, by its name at that time or its id.")
@click.option(
    "--action", default="", help="Only this action, such as record.update; record for all that begin with it."
)
@click.option("--outcome", default="", help="Only this outcome, such as ok.")
@click.option("--actor", default="", help="Only actors that begin like this, such as cli: or keep:.")
@click.option(
    "--since", type=Moment(), metavar="TIME", help="From then on: 2026-01-31, 2026-01-31T12:00Z, 7d."
)
@click.option("--until", type=Moment(), metavar="TIME", help="Before then.")
@click.option(
    "--last", type=click.IntRange(0), default=100, show_default=True, help="The newest so many; 0 for all."
)
@with_options
def list_rows(options: Options, **wanted: Any) -> None:
    """List rows of the audit log, oldest first. No key is needed; `verify` tells whether they are genuine."""
    from ..stores.sql.audit_listing import Wanted, lines

    with opened(options) as store, store.backend.reading() as transaction:
        found = lines(transaction, store.tenant, Wanted(**wanted))
        if options.as_json:
            print_json({"tenant": store.tenant, "rows": [_plain(one) for one in found]})
        else:
            _draw(found)


@command.command("verify", epilog=example("authrecord audit verify --checkpoint /mnt/elsewhere/checkpoints"))
@click.option(
    "--checkpoint",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Compare with the checkpoints in FILE; may be given again.",
)
@with_options
def verify_chain(options: Options, files: tuple[Path, ...]) -> int:
    """Check every row of the audit log. Exit code 7 when something was edited, deleted, moved, put in or cut off."""
    from ..stores.sql.audit_verifying import verify

    checkpoints = [one for file in files for one in read_checkpoint_file(file)]
    with opened(options) as store:
        vault = store.vault
        with store.backend.reading() as transaction:
            found = verify(transaction, vault, store.tenant, checkpoints)
    code = 0 if found.holds else exit_code_for(StoreFault(""))
    if options.as_json:
        print_json({**_plain_check(found), "exit_code": code})
    else:
        _draw_check(found)
    return code


@command.command("checkpoint", epilog=example("authrecord audit checkpoint --to /mnt/elsewhere/checkpoints"))
@click.option(
    "--to", type=click.Path(dir_okay=False), default="-", metavar="FILE", help="Add it to FILE; - prints it."
)
@with_options
def write_checkpoint(options: Options, to: str) -> None:
    """Write down where the audit log ends now, signed: a line of JSON to keep where the database is not."""
    from ..stores.sql.checkpoint_writing import STANDARD_OUTPUT, sink_of
    from ..stores.sql.checkpoints import checkpoint

    with opened(options) as store:
        vault = store.vault
        with store.backend.reading() as transaction:
            found = checkpoint(transaction, vault, store.tenant)
    sink_of(to)(found.line())
    if to != STANDARD_OUTPUT:
        console(stderr=True).print(f"Row {found.seq} of {found.tenant} is written into {to}.")


def read_checkpoint_file(file: Path) -> list[Checkpoint]:
    """Every checkpoint in a file. Raises `RecordFault` for one that is broken."""
    from ..stores.sql.checkpoints import read_checkpoints

    with file.open(encoding="utf-8", errors="replace") as lines:
        return list(read_checkpoints(lines, str(file)))


def _plain(line: Line | Unreadable) -> dict[str, Any]:
    from ..stores.sql.audit_listing import Unreadable

    if isinstance(line, Unreadable):
        return {"seq": line.seq, "readable": False}
    told = line.entry
    return {
        "seq": line.seq,
        "at": line.at,
        "actor": line.actor,
        "action": told.action,
        "record": told.record,
        "name": told.name,
        "origin": told.origin,
        "outcome": told.outcome,
        "request": told.request,
        "fingerprint": told.fingerprint,
        "detail": told.detail,
        "hash": line.hash.hex(),
    }


def _draw(found: Iterable[Line | Unreadable]) -> None:
    import time

    from rich.table import Table

    from ..stores.sql.audit_listing import Unreadable

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for heading in ("Row", "Time", "Actor", "Action", "Outcome", "Record"):
        table.add_column(heading, no_wrap=True)
    table.add_column("More", overflow="fold")
    for line in found:
        if isinstance(line, Unreadable):
            table.add_row(str(line.seq), "", "", "changed by somebody", "", "", "")
            continue
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(line.at))
        told = line.entry
        more = " ".join(one for one in (told.origin, told.detail, told.request) if one)
        shown = (line.actor, told.action, told.outcome, told.name or told.record, more)
        table.add_row(str(line.seq), at, *(printable(one) for one in shown))
    out = console()
    if table.row_count:
        out.print(table, soft_wrap=False)
    else:
        out.print("The audit log holds no such rows.")


def _plain_check(found: Verified) -> dict[str, Any]:
    return {
        "tenant": found.tenant,
        "holds": found.holds,
        "rows": found.rows,
        "seq": found.seq,
        "hash": found.hash.hex(),
        "checkpoints": found.checkpoints,
        "breaks": [{"seq": one.seq, "why": one.why} for one in found.breaks],
    }


def _draw_check(found: Verified) -> None:
    out = console()
    for one in found.breaks:
        out.print(f"✗ row {one.seq}: {one.why}", style="red")
    if not found.holds:
        out.print("\nThe audit log was tampered with: find out who can write the database.", style="bold")
        return
    out.print(f"✓ {found.rows:,} rows of {found.tenant}: the chain holds.", style="green")
    if found.checkpoints:
        out.print(f"✓ It agrees with {found.checkpoints:,} of the checkpoints given.", style="green")
    else:
        out.print("Without a checkpoint nobody can see whether the newest rows were cut off.", style="dim")
