"""From what a person or a program sends to the record that is saved: what changed, and what may not change.

To change where a secret goes is as good as to read it: without the right to set secrets it is refused, and with it
the secrets must be given again (attack row N4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import AuthrecordError, DocumentFault, Fault
from ..core.secret import Secret
from ..documents import destination_digest, records_from
from ..documents.plain import mapping_of
from ..record import Record
from .rights import SET, Caller
from .submitted import Submitted

AGAIN = "was set for another destination."
AGAIN_HINT = "Enter it again: the record now sends it elsewhere."


class Forbidden(AuthrecordError):
    """The caller has not the right. `scope`: the one that is needed."""

    code = "forbidden"

    def __init__(self, message: str, *, scope: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.scope = scope


@dataclass(frozen=True, slots=True)
class Change:
    """A path whose value differs, and whether it is a secret's."""

    path: str
    secret: bool


def accepted(given: Submitted, stored: Record | None, caller: Caller) -> Record:
    """The record to save.

    Raises `DocumentFault` with every fault, and for a kept secret whose destination has changed; `Forbidden` for a
    secret or a destination that the caller may not set.
    """
    (record,) = records_from(given.data)
    found = list(changes(None if stored is None else mapping_of(stored), mapping_of(record)))
    moved = stored is not None and destination_digest(stored) != destination_digest(record)
    if not caller.may(SET):
        if any(change.secret for change in found):
            raise Forbidden("You may not set or clear secrets here.", scope=SET)
        if moved and holds_secret(record):
            raise Forbidden("You may not change where this record's secrets go.", scope=SET)
    if moved and given.kept:
        raise DocumentFault(tuple(Fault(path, AGAIN, AGAIN_HINT) for path in given.kept), source="record")
    return record


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Iterator[Change]:
    """Where two records differ, in plain data; a list counts as one place."""
    yield from _differences(before or {}, after, "")


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        here = f"{path}.{key}" if path else str(key)
        if isinstance(old, dict) or isinstance(new, dict):
            yield from _differences(
                old if isinstance(old, dict) else {}, new if isinstance(new, dict) else {}, here
            )
        elif old != new or type(old) is not type(new):
            yield Change(here, secret=_secrets(old) != _secrets(new))


def _secrets(value: Any) -> list[Secret]:
    """Every secret value in plain data, in order."""
    if isinstance(value, Secret):
        return [value]
    if isinstance(value, dict):
        return [secret for item in value.values() for secret in _secrets(item)]
    if isinstance(value, list):
        return [secret for item in value for secret in _secrets(item)]
    return []


def holds_secret(record: Record) -> bool:
    """True when the record itself holds a secret value."""
    return bool(_secrets(mapping_of(record)))
