"""The audit log: who did what to which record, for which origin, with what outcome. One hash chain per tenant.

Each row carries HMAC-SHA256 under the tenant's audit key of the row before it and of itself, so that whoever can
write the database but has no key cannot edit, delete, reorder or insert a row unnoticed. Cutting off the newest
rows, or putting an older state of the whole database in place, leaves a chain that is whole: only a checkpoint
that is kept elsewhere shows it (attack row N14).

What may stand in a row is an allow-list (N15): the fields of `Entry`, each with a shape that a secret does not
have, and one line of words that our own code wrote. A value never stands there, only a keyed fingerprint of one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields, replace
from typing import Final, Protocol

from ...core.faults import fault
from ...keeper.observing import AUDIT_NOTE
from .backend import Row, Transaction

BEGINNING: Final = bytes(32)
"""What stands as the hash before the first row."""

MOST_CHARACTERS: Final = 500
"""Characters of a name, an actor, a request id and a detail; what is longer is cut."""

COLUMNS: Final = (
    "seq, at, actor, action, record, name, origin, outcome, request, fingerprint, detail, previous, hash"
)
"""The columns of a row, in the order of `line_of`."""

_WORD: Final = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*")
_IDENTITY: Final = re.compile(r"[A-Za-z0-9_-]{0,64}")
_ORIGINS: Final = re.compile(r"(https?://[^\s/?#@\\]+( |$))*")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{0,64}")
_SHAPES: Final = {
    "action": _WORD,
    "outcome": _WORD,
    "record": _IDENTITY,
    "origin": _ORIGINS,
    "fingerprint": _FINGERPRINT,
}


class Keyed(Protocol):
    """What the log needs of the vault."""

    def keyed(self, transaction: Transaction, tenant: str, purpose: str, value: bytes) -> bytes:
        """32 bytes: HMAC-SHA256 of `value` under a key that the tenant has for `purpose`."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """What is told of one act.

    `action`: small words with dots, such as `record.update`. `outcome`: one such word, `ok` when it went well.
    `record`: the record's identity; `name`: its name at that time. `origin`: where a credential went or may go,
    several with a blank between them. `request`: an id that a caller gave, or that the act had in a spool
    (`audit_spool`). `fingerprint`: hexadecimal, of
    `TokenStore.fingerprint`. `detail`: our own words, or names of fields; never a value.

    Raises `TypeError` for anything but text, `ValueError` for text of another shape: faults of our own code.
    """

    action: str
    outcome: str
    record: str = ""
    name: str = ""
    origin: str = ""
    request: str = ""
    fingerprint: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        for name in FIELDS:
            value = getattr(self, name)
            if type(value) is not str:  # bytes, secrets, bodies: nothing of them is turned into text
                raise TypeError(f"{name} of an audit entry is text, not {type(value).__name__}")
            shape = _SHAPES.get(name)
            if shape is not None and shape.fullmatch(value) is None:
                raise ValueError(f"{name} of an audit entry has a shape that is not allowed there")


FIELDS: Final = tuple(one.name for one in fields(Entry))
"""All that may stand in a row beside its place, its time and its actor."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it is stored. `seq` counts from 1 without a gap.

    `at`: UTC seconds by the database's clock; where the act waited in a spool, by the clock of its server.
    """

    tenant: str
    seq: int
    at: float
    actor: str
    entry: Entry
    previous: bytes
    hash: bytes

    def canonical(self) -> bytes:
        """What the hash is over, beside the hash before: JSON in ASCII, so that no text runs into the next (N16)."""
        told = [getattr(self.entry, name) for name in FIELDS]
        parts = [self.tenant, self.seq, self.at, self.actor, *told]
        return json.dumps(parts, separators=(",", ":"), ensure_ascii=True).encode()


def append(
    transaction: Transaction,
    vault: Keyed,
    tenant: str,
    actor: str,
    entry: Entry,
    *,
    at: float | None = None,
) -> int:
    """Write `entry` at the end of the tenant's chain, in the caller's write transaction; its number.

    `at`: UTC seconds at which it happened, `None` for now.

    If it cannot be written the whole transaction must fail: what is not told does not happen (N13). The error has
    the note `observing.AUDIT_NOTE`. The chain's head stays locked until the transaction ends, so call it last.
    """
    fault("audit.before")
    try:
        seq = _append(transaction, vault, tenant, actor, entry, at)
    except Exception as error:
        error.add_note(AUDIT_NOTE)
        raise
    fault("audit.after")
    return seq


def _append(
    transaction: Transaction, vault: Keyed, tenant: str, actor: str, entry: Entry, at: float | None
) -> int:
    seq, previous = _next(transaction, tenant)
    line = Line(
        tenant, seq, transaction.now() if at is None else at, shown(actor), _shown(entry), previous, b""
    )
    digest = chained(transaction, vault, line)
    told = line.entry
    values = (
        *(tenant, seq, line.at, line.actor, told.action, told.record, told.name, told.origin, told.outcome),
        *(told.request, told.fingerprint, told.detail, previous, digest),
    )
    marks = ", ".join("?" * len(values))
    transaction.change(
        f"INSERT INTO audit (tenant, {COLUMNS}) VALUES ({marks})",  # noqa: S608 - put together of constants
        values,
    )
    transaction.change("UPDATE audit_heads SET hash = ? WHERE tenant = ?", (digest, tenant))
    return seq


def chained(transaction: Transaction, vault: Keyed, line: Line) -> bytes:
    """The hash that `line` must carry."""
    return vault.keyed(transaction, line.tenant, "audit", line.previous + line.canonical())


def line_of(tenant: str, row: Row) -> Line:
    """The line in a row of `COLUMNS`. Raises `ValueError` or `TypeError` for one that we never wrote."""
    seq, at, actor, action, record, name, origin, outcome, request, fingerprint, detail, previous, digest = (
        row
    )
    entry = Entry(action, outcome, record, name, origin, request, fingerprint, detail)
    return Line(tenant, seq, float(at), actor, entry, bytes(previous), bytes(digest))


def shown(text: str) -> str:
    """`text` as a row holds it: not too long, and without characters that break lines or drive a terminal (N16)."""
    cut = text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
    return cut if cut.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in cut)


def _shown(entry: Entry) -> Entry:
    told = {name: shown(getattr(entry, name)) for name in ("name", "request", "detail")}
    return (
        entry if all(getattr(entry, name) == text for name, text in told.items()) else replace(entry, **told)
    )


def _next(transaction: Transaction, tenant: str) -> tuple[int, bytes]:
    """The number of the next row and the hash before it. The update locks the head, in both databases."""
    step = "UPDATE audit_heads SET seq = seq + 1 WHERE tenant = ? RETURNING seq, hash"
    head = transaction.row(step, (tenant,))
    if head is None:
        transaction.change(
            "INSERT INTO audit_heads (tenant, seq, hash) VALUES (?, 0, ?) ON CONFLICT (tenant) DO NOTHING",
            (tenant, BEGINNING),
        )
        head = transaction.row(step, (tenant,))
    assert head is not None  # noqa: S101 - the row was made just now; states it for the type
    return int(head[0]), bytes(head[1])
