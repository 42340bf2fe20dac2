"""Rows of the audit log that fit a filter, read piece by piece. Nothing of them is sealed, so no key is needed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .audit import COLUMNS, Line, line_of
from .backend import Row, Transaction, Value

BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: all that is given must hold.

    `name`: of the record at that time, or its identity. `action`: `record.update`, or `record` for all that begin
    with it. `outcome`: `ok`, or another. `actor`: the beginning. `since`, `until`: UTC seconds, the second excluded.
    `last`: only so many, the newest; 0 for all.
    """

    name: str = ""
    action: str = ""
    outcome: str = ""
    actor: str = ""
    since: float | None = None
    until: float | None = None
    last: int = 0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that holds what authrecord never writes: somebody changed it."""

    seq: int


@dataclass(frozen=True, slots=True)
class Act:
    """What a row tells without its words. `at`: UTC seconds."""

    at: float
    action: str
    outcome: str


def lines(transaction: Transaction, tenant: str, wanted: Wanted) -> Iterator[Line | Unreadable]:
    """The rows of the tenant's log that fit, oldest first."""
    conditions, values = _conditions(tenant, wanted)
    where = " AND ".join(conditions)
    after = -1 if not wanted.last else _before_last(transaction, where, values, wanted.last)
    while True:
        found = transaction.rows(
            f"SELECT {COLUMNS} FROM audit WHERE {where} AND seq > ? ORDER BY seq LIMIT {BATCH}",  # noqa: S608 - put together of constants
            (*values, after),
        )
        for row in found:
            yield _line(tenant, row)
        if len(found) < BATCH:
            return
        after = int(found[-1][0])


def acts(
    transaction: Transaction,
    tenant: str,
    names: Sequence[str],
    actions: Collection[str],
    *,
    since: float,
    most: int,
) -> dict[str, list[Act]]:
    """What happened to each of `names` since then (UTC seconds), oldest first: at most `most` acts of them all.

    One question for a whole page of names, answered by the indexes however long the log is.
    """
    first = transaction.row(
        "SELECT seq FROM audit WHERE tenant = ? AND at >= ? ORDER BY at LIMIT 1", (tenant, since)
    )
    found: dict[str, list[Act]] = {}
    if first is None or not names:
        return found
    rows = transaction.rows(
        f"SELECT name, at, action, outcome FROM audit WHERE tenant = ? AND name IN ({_marks(names)}) AND seq >= ?"  # noqa: S608 - question marks
        f" AND action IN ({_marks(actions)}) AND at >= ? ORDER BY seq DESC LIMIT ?",
        (tenant, *names, first[0], *actions, since, most),
    )
    for name, at, action, outcome in reversed(rows):
        found.setdefault(str(name), []).append(Act(float(at), str(action), str(outcome)))
    return found


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))


def _line(tenant: str, row: Row) -> Line | Unreadable:
    try:
        return line_of(tenant, row)
    except (TypeError, ValueError):
        return Unreadable(int(row[0]))


def _before_last(transaction: Transaction, where: str, values: list[Value], last: int) -> int:
    """The number after which the newest `last` rows come."""
    row = transaction.row(
        f"SELECT seq FROM audit WHERE {where} ORDER BY seq DESC LIMIT 1 OFFSET ?",  # noqa: S608 - put together of constants
        (*values, last),
    )
    return -1 if row is None else int(row[0])


def _conditions(tenant: str, wanted: Wanted) -> tuple[list[str], list[Value]]:
    conditions: list[str] = ["tenant = ?"]
    values: list[Value] = [tenant]

    def must(condition: str, *of: Value) -> None:
        conditions.append(condition)
        values.extend(of)

    if wanted.name:
        must("(name = ? OR record = ?)", wanted.name, wanted.name)
    if wanted.action:
        below = wanted.action + "."
        must("(action = ? OR substr(action, 1, ?) = ?)", wanted.action, len(below), below)
    if wanted.outcome:
        must("outcome = ?", wanted.outcome)
    if wanted.actor:
        must("substr(actor, 1, ?) = ?", len(wanted.actor), wanted.actor)
    if wanted.since is not None:
        must("at >= ?", wanted.since)
    if wanted.until is not None:
        must("at < ?", wanted.until)
    return conditions, values
