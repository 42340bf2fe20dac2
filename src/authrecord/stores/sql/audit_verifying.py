"""Is the audit log whole? Every row is read and its hash made again; a checkpoint says what the end must be (N14)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .audit import BEGINNING, COLUMNS, Keyed, Line, chained, line_of
from .backend import Transaction
from .checkpoints import Checkpoint, is_genuine

BATCH: Final = 1000
MOST_BREAKS: Final = 100
"""How many faults are told; after that the log is not worth a closer look."""


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the chain does not hold. `seq`: the row's number, or the first that is missing."""

    seq: int
    why: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check found. `rows`: how many there are; `seq`, `hash`: of the chain's end.

    `checkpoints`: how many were compared. Without one, a log whose newest rows were cut off looks whole.
    """

    tenant: str
    rows: int
    seq: int
    hash: bytes
    breaks: tuple[Break, ...]
    checkpoints: int

    @property
    def holds(self) -> bool:
        """True when nothing was found."""
        return not self.breaks


def verify(
    transaction: Transaction, vault: Keyed, tenant: str, checkpoints: Sequence[Checkpoint] = ()
) -> Verified:
    """Check the tenant's whole chain, in one state of the database. Raises what the vault raises without a key."""
    mine = [one for one in checkpoints if one.tenant == tenant]
    genuine = [one for one in mine if is_genuine(transaction, vault, one)]
    breaks = [Break(one.seq, _FORGED) for one in mine if one not in genuine]
    seen = {(one.seq, one.hash) for one in genuine}
    compared = {one.seq for one in genuine}
    rows, seq, digest, bad = 0, 0, BEGINNING, False
    for number, line in _lines(transaction, tenant):
        rows += 1
        found = list(_faults(transaction, vault, number, line, after=seq, previous=None if bad else digest))
        bad, breaks = bool(found), breaks + found
        seq, digest = number, line.hash if line is not None else digest
        if number in compared and (number, digest) not in seen:
            breaks.append(Break(number, _REPLACED))
        if len(breaks) >= MOST_BREAKS:
            break
    else:
        breaks += _head_differs(transaction, tenant, seq, digest)
        breaks += [_beyond(one, seq) for one in genuine if one.seq > seq][-1:]
    return Verified(tenant, rows, seq, digest, tuple(breaks[:MOST_BREAKS]), len(mine))


def _lines(transaction: Transaction, tenant: str) -> Iterator[tuple[int, Line | None]]:
    """Every row in order: its number, and the line in it unless it holds what we never write."""
    after: int | None = None
    while True:
        bound, values = ("", (tenant,)) if after is None else (" AND seq > ?", (tenant, after))
        found = transaction.rows(
            f"SELECT {COLUMNS} FROM audit WHERE tenant = ?{bound} ORDER BY seq LIMIT {BATCH}",  # noqa: S608 - put together of constants
            values,
        )
        for row in found:
            after = int(row[0])
            try:
                line: Line | None = line_of(tenant, row)
            except (TypeError, ValueError):
                line = None
            yield after, line
        if len(found) < BATCH:
            return


def _faults(
    transaction: Transaction,
    vault: Keyed,
    number: int,
    line: Line | None,
    *,
    after: int,
    previous: bytes | None,
) -> Iterator[Break]:
    """What is wrong with one row. `after`, `previous`: number and hash of the row before; `None` where that is bad."""
    if number < 1:
        yield Break(number, "this row was never written by authrecord: numbers begin at 1")
    elif number > after + 1:
        missing = f"row {after + 1} is" if number == after + 2 else f"rows {after + 1} to {number - 1} are"
        yield Break(after + 1, f"{missing} missing")
    if line is None:
        yield Break(number, "this row was changed: it holds what authrecord never writes")
        return
    if chained(transaction, vault, line) != line.hash:
        yield Break(number, "this row was changed, moved or put in: its hash does not fit what it says")
    elif number == after + 1 and previous is not None and line.previous != previous:
        yield Break(number, "this row does not follow the row before it")


def _head_differs(transaction: Transaction, tenant: str, seq: int, digest: bytes) -> Iterator[Break]:
    head = transaction.row("SELECT seq, hash FROM audit_heads WHERE tenant = ?", (tenant,))
    head_seq, head_hash = (int(head[0]), bytes(head[1])) if head is not None else (0, BEGINNING)
    if head_seq > seq:
        missing = f"row {head_seq} is" if head_seq == seq + 1 else f"rows {seq + 1} to {head_seq} are"
        yield Break(seq + 1, f"{missing} missing at the end")
    elif head_seq < seq:
        yield Break(
            head_seq + 1, "the log goes on behind its recorded end: rows were put in, or its end put back"
        )
    elif head_hash != digest:
        yield Break(seq, "the last row is not the one that was recorded as the end")


def _beyond(checkpoint: Checkpoint, seq: int) -> Break:
    return Break(
        seq + 1,
        f"the checkpoint saw row {checkpoint.seq}, and the log ends at {seq}: its newest rows were cut off, or "
        "this is an older copy",
    )


_FORGED: Final = "the checkpoint of this row is not genuine: it was changed, or made by another store"
_REPLACED: Final = "this row is not the one that the checkpoint saw: the log was replaced"
