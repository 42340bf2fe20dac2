"""`authrecord list`."""

from __future__ import annotations

import click

from ..doctor.states import State, TokenState, state_of
from ..record import GRANT_CHOICES, OAuth2, Record
from ..wiring import Records
from .context import Options, example, with_options
from .output import console, print_json

_STYLES = {
    State.LIVE: "green",
    State.RENEWABLE: "yellow",
    State.NEEDS_LOGIN: "red",
    State.UNKNOWN: "red",
}


@click.command("list", epilog=example("authrecord list --json | jq -r '.records[].name'"))
@click.option("--tag", default="", help="Only records with this tag.")
@with_options
def command(options: Options, tag: str) -> None:
    """List the records of the document, and the states of their tokens. Nobody is asked for it."""
    with options.records() as records:
        rows = [(one, state_of(records, one)) for one in records.values() if not tag or tag in one.tags]
        if options.as_json:
            print_json({"file": records.source, "records": [_plain(*row) for row in rows]})
        else:
            _draw(records, rows)


def kind_of(record: Record) -> str:
    """The grant type for OAuth 2.0, the auth type for others, by their labels: no two are alike."""
    auth = record.auth
    if not isinstance(auth, OAuth2):
        return auth.label
    return next(choice.label for choice in GRANT_CHOICES if choice.key == auth.grant)


def _plain(record: Record, state: TokenState) -> dict[str, object]:
    auth = record.auth
    return {
        "name": record.name,
        "description": record.description,
        "tags": list(record.tags),
        "type": auth.type,
        "grant": auth.grant if isinstance(auth, OAuth2) else None,
        "allowed_origins": list(record.allowed_origins),
        "state": state.state.value,
        "expires_at": state.until,
    }


def _draw(records: Records, rows: list[tuple[Record, TokenState]]) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console()
    if not rows:
        out.print(f"{records.source} holds no such records. `authrecord add NAME` writes one.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for heading in ("Name", "Kind"):
        table.add_column(heading, overflow="fold")
    table.add_column("Sends to", no_wrap=True, overflow="ellipsis")
    table.add_column("State", no_wrap=True)
    for record, state in rows:
        first, *rest = record.allowed_origins or ("(base URL of the client)",)
        sends_to = first + (f" +{len(rest)}" if rest else "")
        table.add_row(
            record.name, kind_of(record), sends_to, Text(state.words, style=_STYLES.get(state.state, "dim"))
        )
    out.print(table, soft_wrap=False)
