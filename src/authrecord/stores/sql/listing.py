"""Pages of the list of records: nothing is opened, and a page costs the same with ten records and a million.

One condition is answered by its index, in the order of names. Further conditions are looked at in what that index
gives, at most `MOST_SEEN` rows for a page: such a page may be shorter than asked for, and the next one goes on.
"""

from __future__ import annotations

from typing import Final

from ...keeper.ports import Filter, Page, Summary
from .backend import Row, Transaction, Value

MOST_LINES: Final = 1000
"""The longest page."""

MOST_SEEN: Final = 2000
"""Rows that one page looks at when several conditions are given."""

NAMES: Final = 1000

_COLUMNS: Final = (
    "records.id, records.name, records.revision, records.auth_type, records.grant_type, records.config,"
    " records.tags, records.state, records.reason, records.live_until, records.used_at, records.updated_at"
)
_STATE: Final = 7
_FROM_TAGS: Final = (
    "record_tags JOIN records ON records.tenant = record_tags.tenant AND records.id = record_tags.record"
)
_FROM_CLAIMS: Final = "claims CROSS JOIN records"
"""`CROSS`, so that SQLite begins with the few claims."""

_HELD: Final = (
    "claims.tenant = ? AND claims.holder <> '' AND claims.until > ? AND records.tenant = claims.tenant"
    " AND records.name = claims.name AND records.lookup = claims.lookup"
)
RENEWING: Final = "renewing"
"""The state of a record whose claim somebody has. It stands in no row of `records`: it ends by itself."""


def page(transaction: Transaction, tenant: str, wanted: Filter, *, after: str, limit: int) -> Page:
    """The lines behind the name `after`, in the order of names."""
    limit = max(1, min(limit, MOST_LINES))
    now = transaction.ticks()
    source, condition, values, driven = _driver(wanted, tenant, now)
    by = "record_tags" if wanted.tag else "records"
    conditions = [f"{by}.tenant = ?", f"{by}.name > ?", *condition]
    bounds: list[Value] = [tenant, after, *values]
    if wanted.name:
        conditions.append(f"{by}.name >= ? AND {by}.name < ?")
        bounds += [wanted.name, _behind(wanted.name)]
    rest = _rest(wanted, driven)
    seen = MOST_SEEN if rest else limit
    rows = transaction.rows(
        f"SELECT {_COLUMNS} FROM {source} WHERE {' AND '.join(conditions)} ORDER BY {by}.name LIMIT ?",  # noqa: S608 - put together of constants
        (*bounds, seen + 1),
    )
    busy = _renewing(transaction, tenant, now, [row[1] for row in rows])
    lines: list[Summary] = []
    for position, row in enumerate(rows[:seen]):
        state = RENEWING if row[1] in busy else row[_STATE]
        if wanted.state in {"", state} and all(row[column] == value for column, value in rest):
            lines.append(_summary(row, state))
        if len(lines) == limit and position + 1 < len(rows):
            return Page(tuple(lines), row[1])
    return Page(tuple(lines), rows[seen - 1][1] if len(rows) > seen else "")


def names(transaction: Transaction, tenant: str, after: str) -> list[str]:
    """Up to `NAMES` names behind `after`."""
    rows = transaction.rows(
        f"SELECT name FROM records WHERE tenant = ? AND name > ? ORDER BY name LIMIT {NAMES}",  # noqa: S608 - put together of constants
        (tenant, after),
    )
    return [name for (name,) in rows]


def has_name(transaction: Transaction, tenant: str, name: str) -> bool:
    """Whether there is a record of that name."""
    return transaction.row("SELECT 1 FROM records WHERE tenant = ? AND name = ?", (tenant, name)) is not None


def joined(tags: tuple[str, ...]) -> str:
    """Tags in one column; a tag holds no line break."""
    return "\n".join(tags)


def _driver(wanted: Filter, tenant: str, now: float) -> tuple[str, list[str], list[Value], str]:
    """The index that answers: what to read from, its condition and value, and which part of the filter that is."""
    if wanted.tag:
        return _FROM_TAGS, ["record_tags.tag = ?"], [wanted.tag], "tag"
    if wanted.state == RENEWING:
        return _FROM_CLAIMS, [_HELD], [tenant, now], "state"
    for part, column in (("state", "state"), ("grant", "grant_type"), ("auth_type", "auth_type")):
        value = getattr(wanted, part)
        if value:
            return "records", [f"records.{column} = ?"], [value], part
    return "records", [], [], ""


def _rest(wanted: Filter, driven: str) -> list[tuple[int, str]]:
    """The conditions that the index does not answer: number of the column, and value."""
    columns = {"auth_type": 3, "grant": 4, "state": _STATE}
    return [
        (column, getattr(wanted, part))
        for part, column in columns.items()
        if part != driven and getattr(wanted, part) not in {"", RENEWING}
    ]


def _renewing(transaction: Transaction, tenant: str, now: float, names: list[str]) -> frozenset[str]:
    """Of these names, which lie in their order: those whose own token somebody renews at this moment."""
    if not names:
        return frozenset()
    rows = transaction.rows(
        f"SELECT records.name FROM {_FROM_CLAIMS} WHERE {_HELD} AND records.name >= ? AND records.name <= ?",  # noqa: S608 - put together of constants
        (tenant, now, names[0], names[-1]),
    )
    return frozenset(str(name) for (name,) in rows)


def _behind(beginning: str) -> str:
    """The first text behind all that begin so."""
    return beginning[:-1] + chr(ord(beginning[-1]) + 1)


def _summary(row: Row, state: str) -> Summary:
    import json

    identity, name, revision, auth_type, grant, text, tags, _, reason, live_until, used_at, updated_at = row
    try:
        plain = json.loads(text)
        origins, description = tuple(plain.get("allowed_origins", ())), str(plain.get("description", ""))
    except (ValueError, AttributeError):  # somebody changed it in the database: reading the record says so
        origins, description = (), ""
    return Summary(
        identity=identity,
        name=name,
        revision=revision,
        auth_type=auth_type,
        grant=grant,
        origins=origins,
        tags=tuple(tags.split("\n")) if tags else (),
        description=description,
        state=state,
        reason=reason,
        live_until=live_until,
        used_at=used_at,
        updated_at=updated_at,
    )
