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
_FROM_TAGS: Final = (
    "record_tags JOIN records ON records.tenant = record_tags.tenant AND records.id = record_tags.record"
)


def page(transaction: Transaction, tenant: str, wanted: Filter, *, after: str, limit: int) -> Page:
    """The lines behind the name `after`, in the order of names."""
    limit = max(1, min(limit, MOST_LINES))
    source, condition, values, driven = _driver(wanted)
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
    lines: list[Summary] = []
    for position, row in enumerate(rows[:seen]):
        if all(row[column] == value for column, value in rest):
            lines.append(_summary(row))
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


def _driver(wanted: Filter) -> tuple[str, list[str], list[Value], str]:
    """The index that answers: what to read from, its condition and value, and which part of the filter that is."""
    if wanted.tag:
        return _FROM_TAGS, ["record_tags.tag = ?"], [wanted.tag], "tag"
    for part, column in (("state", "state"), ("grant", "grant_type"), ("auth_type", "auth_type")):
        value = getattr(wanted, part)
        if value:
            return "records", [f"records.{column} = ?"], [value], part
    return "records", [], [], ""


def _rest(wanted: Filter, driven: str) -> list[tuple[int, str]]:
    """The conditions that the index does not answer: number of the column, and value."""
    columns = {"auth_type": 3, "grant": 4, "state": 7}
    return [
        (column, getattr(wanted, part))
        for part, column in columns.items()
        if part != driven and getattr(wanted, part)
    ]


def _behind(beginning: str) -> str:
    """The first text behind all that begin so."""
    return beginning[:-1] + chr(ord(beginning[-1]) + 1)


def _summary(row: Row) -> Summary:
    import json

    identity, name, revision, auth_type, grant, text, tags, state, reason, live_until, used_at, updated_at = (
        row
    )
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
