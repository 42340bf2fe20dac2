"""`authrecord list`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import click

from ..core.fields import CLIENT_CREDENTIALS, GRANTS, PASSWORD
from ..doctor.states import State, TokenState, state_of
from ..doctor.words import ago, duration
from ..keeper.ports import Filter, Summary
from ..record import AUTH_TYPES, GRANT_CHOICES, OAuth2, Record
from ..wiring import Records
from .context import Options, example, is_terminal, with_options
from .output import console, print_json

_STYLES: Final = {
    State.LIVE: "green",
    State.RENEWING: "yellow",
    State.RENEWABLE: "yellow",
    State.NEEDS_LOGIN: "red",
    State.MISCONFIGURED: "red",
    State.FAILING: "yellow",
    State.UNKNOWN: "red",
}
MOST: Final = 1000
"""Records that are listed when nobody says how many."""


@dataclass(frozen=True, slots=True)
class Line:
    """One record as a list shows it."""

    name: str
    description: str
    tags: tuple[str, ...]
    type: str
    grant: str
    origins: tuple[str, ...]
    state: TokenState
    used_at: float | None = None


@click.command(
    "list",
    epilog=example(
        "authrecord list --json | jq -r '.records[].name'",
        "authrecord list --state needs_login --tag production",
    ),
)
@click.option("--tag", default="", help="Only records with this tag.")
@click.option("--name", default="", metavar="BEGINNING", help="Only records whose name begins so.")
@click.option(
    "--type", "auth_type", type=click.Choice([kind.type for kind in AUTH_TYPES]), help="Only this type."
)
@click.option("--grant", type=click.Choice(GRANTS), help="Only this grant type.")
@click.option(
    "--state",
    type=click.Choice(["static", "idle", "live", "renewing", "needs_login", "misconfigured", "failing"]),
    help="Only records of the store in this state.",
)
@click.option("--limit", type=click.IntRange(1), default=MOST, show_default=True, help="At most so many.")
@click.option("--after", default="", metavar="NAME", help="Only records behind this name.")
@with_options
def command(options: Options, limit: int, after: str, **given: str | None) -> None:
    """List the records and the states of their tokens. Nobody is asked for it, and no secret is opened."""
    wanted = Filter(**{part: value for part, value in given.items() if value})
    with options.records() as records:
        lines = (
            _stored(records, wanted, after) if records.store is not None else _written(records, wanted, after)
        )
        shown: list[Line] = []
        more = ""
        for line in lines:
            if len(shown) == limit:
                more = shown[-1].name
                break
            shown.append(line)
        kind = "file" if records.store is None else "store"
        if options.as_json:
            print_json({kind: records.source, "records": [_plain(line) for line in shown], "after": more})
        else:
            _draw(records.source, shown, more)


def kind_of(record: Record) -> str:
    """The grant type for OAuth 2.0, the auth type for others, by their labels: no two are alike."""
    return _kind(record.auth.type, record.auth.grant if isinstance(record.auth, OAuth2) else "")


def _kind(auth_type: str, grant: str) -> str:
    if grant:
        return next(choice.label for choice in GRANT_CHOICES if choice.key == grant)
    return next(kind.label for kind in AUTH_TYPES if kind.type == auth_type)


def _written(records: Records, wanted: Filter, after: str) -> Iterator[Line]:
    """The lines of a document, in its order; of its states only those of the tokens are known."""
    names = list(records)
    if after in names:
        names = names[names.index(after) + 1 :]
    for name in names:
        record = records[name]
        grant = record.auth.grant if isinstance(record.auth, OAuth2) else ""
        if not (
            name.startswith(wanted.name)
            and wanted.tag in {"", *record.tags}
            and wanted.auth_type in {"", record.auth.type}
            and wanted.grant in {"", grant}
        ):
            continue
        state = state_of(records, record)
        if wanted.state in {"", state.state.value}:
            yield Line(
                name, record.description, record.tags, record.auth.type, grant, record.allowed_origins, state
            )


def _stored(records: Records, wanted: Filter, after: str) -> Iterator[Line]:
    """The lines of the store, page by page."""
    assert records.store is not None  # noqa: S101 - the caller has looked; states it for the type
    while True:
        page = records.store.page(wanted, after=after)
        for one in page.lines:
            yield Line(
                *(one.name, one.description, one.tags, one.auth_type, one.grant, one.origins),
                state=_state_of(one),
                used_at=one.used_at,
            )
        after = page.after
        if not after:
            return


def _state_of(line: Summary) -> TokenState:
    """What the store says of a record's token, in words and as of now."""
    from time import time

    alone = line.grant in {CLIENT_CREDENTIALS, PASSWORD}
    if line.state == "static":
        return TokenState(State.STATIC, "static")
    if line.state == "idle":
        return (
            TokenState(State.NOT_YET, "no token yet")
            if alone
            else TokenState(State.NEEDS_LOGIN, "needs login")
        )
    if line.state == "live":
        if line.live_until is None:
            return TokenState(State.LIVE, "live, end unknown")
        left = line.live_until - time()
        if left > 0:
            return TokenState(State.LIVE, f"live, {duration(left)}", line.live_until)
        return TokenState(State.RENEWABLE, "expired", line.live_until)
    if line.state == "renewing":
        return TokenState(State.RENEWING, "renewing", line.live_until)
    words = {"needs_login": "needs login", "misconfigured": "refused by the provider", "failing": "failing"}
    return TokenState(State(line.state), words[line.state], line.live_until)


def _plain(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "description": line.description,
        "tags": list(line.tags),
        "type": line.type,
        "grant": line.grant or None,
        "allowed_origins": list(line.origins),
        "state": line.state.state.value,
        "expires_at": line.state.until,
        "used_at": line.used_at,
    }


def _draw(source: str, lines: list[Line], more: str) -> None:
    from time import time

    from rich.table import Table
    from rich.text import Text

    out = console()
    if not lines:
        out.print(f"{source} holds no such records. `authrecord add NAME` writes one.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for heading in ("Name", "Kind"):
        table.add_column(heading, overflow="fold")
    table.add_column("Sends to", no_wrap=True, overflow="ellipsis")
    table.add_column("State", no_wrap=True)
    from_store = any(line.used_at is not None for line in lines)
    if from_store:
        table.add_column("Last used", no_wrap=True)
    for line in lines:
        first, *rest = line.origins or ("(base URL of the client)",)
        sends_to = first + (f" +{len(rest)}" if rest else "")
        words = Text(line.state.words, style=_STYLES.get(line.state.state, "dim"))
        used = [ago(line.used_at, time())] if from_store else []
        table.add_row(line.name, _kind(line.type, line.grant), sends_to, words, *used)
    out.print(table, soft_wrap=False)
    if is_terminal():
        console(stderr=True).print(f"From {source}.", style="dim")
    if more:
        console(stderr=True).print(f"There are more: authrecord list --after {more}", style="yellow")
