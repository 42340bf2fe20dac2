"""What a document would change in the store, and the change itself. Never a value, only the paths of fields."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final

from ...core.errors import RecordFault, StoreFault
from ...core.secret import Reference
from ...record import Record
from .config import changed_fields, taken_apart
from .store import SqlStore

NEW: Final = "new"
CHANGED: Final = "changed"
UNCHANGED: Final = "unchanged"


@dataclass(frozen=True, slots=True)
class Difference:
    """One record of the document. `kind`: `new`, `changed` or `unchanged`; `fields`: what would change.

    `revision`: of the stored record that the comparison was made with.
    """

    record: Record
    kind: str
    fields: tuple[str, ...] = ()
    revision: int | None = None


def differences(store: SqlStore, records: Iterable[Record], base: Path) -> list[Difference]:
    """What each of `records` would change. `base`: the folder that their relative file references start from.

    A stored record that does not open counts as changed in everything: the document brings it back.
    """
    return [_difference(store, _absolute(record, base)) for record in records]


def put(store: SqlStore, found: Sequence[Difference]) -> None:
    """Write what is new or changed. Raises `RecordFault` (`stale`, `exists`) when the store was changed meanwhile."""
    for one in found:
        if one.kind == NEW:
            store.create(one.record)
        elif one.kind == CHANGED and one.revision is None:
            store.delete(one.record.name)
            store.create(one.record)
        elif one.kind == CHANGED:
            store.update(one.record.name, one.record, revision=one.revision, carry_token=True)


def _difference(store: SqlStore, record: Record) -> Difference:
    try:
        stored = store.read(record.name)
    except RecordFault as fault:
        if fault.code != "unknown_record":
            raise
        return Difference(record, NEW)
    except StoreFault as fault:
        if fault.code != "tampered":
            raise
        return Difference(record, CHANGED, ("everything: the stored record does not open",))
    paths = changed_fields(taken_apart(stored.record), taken_apart(record))
    return Difference(record, CHANGED if paths else UNCHANGED, paths, stored.revision)


def _absolute(value: Any, base: Path) -> Any:
    """`value` with every relative file reference made absolute."""
    if isinstance(value, Reference):
        relative = value.kind == "file" and not value.argument.startswith(("/", "~"))
        return Reference("file", str(base / value.argument)) if relative else value
    if isinstance(value, tuple):
        return tuple(_absolute(one, base) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{one.name: _absolute(getattr(value, one.name), base) for one in fields(value)}
        )
    return value
