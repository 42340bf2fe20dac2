"""`authrecord logout NAME`."""

from __future__ import annotations

import click

from ..core.errors import RecordFault
from ..record import OAuth2
from .context import Options, example, record_argument, with_options
from .output import console, print_json


@click.command("logout", epilog=example("authrecord logout orders"))
@record_argument
@with_options
def command(options: Options, name: str) -> None:
    """Forget the tokens of a record on this machine. The provider is not told."""
    with options.records() as records:
        record = records[name]
        if not isinstance(record.auth, OAuth2):
            raise RecordFault(
                f"record {name!r} holds its credential; there is no login to forget.", field="auth.type"
            )
        records.keeper.forget(record)
    if options.as_json:
        print_json({"name": name, "forgotten": True})
    else:
        console(stderr=True).print(f"The tokens of {name} are forgotten.")
