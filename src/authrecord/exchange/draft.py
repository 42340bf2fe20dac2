"""What an importer gives: drafts of records, and words about what was left out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..core.errors import DocumentFault, Fault
from ..documents import records_from
from ..documents.tree import syntax_fault
from ..record import Record

MOST_DRAFTS: Final = 100
"""Drafts that one text gives."""

MOST_ITEMS: Final = 20_000
"""Requests, folders or operations of one text that are looked at."""

MOST_NOTES: Final = 100

_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Draft:
    """A record in the making, in the shape of a document; its secrets are `Secret` values.

    `missing`: the paths of fields that must still be filled in. `notes`: what was left out or changed, and why.
    """

    data: dict[str, Any] = field(repr=False)
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the record."""
        return str(self.data["name"])

    def record(self) -> Record:
        """The record. Raises `DocumentFault` while something is missing."""
        (record,) = records_from(self.data)
        return record


@dataclass(frozen=True, slots=True)
class Imported:
    """What a text holds. `format`: its name for people; `notes`: about the text as a whole."""

    format: str
    drafts: tuple[Draft, ...]
    notes: tuple[str, ...] = ()


def name_from(text: object, default: str = "imported") -> str:
    """A record's name that resembles `text`."""
    words = _NOT_IN_NAMES.sub("-", text[:200]).strip("-.") if isinstance(text, str) else ""
    return words[:80].strip("-.") or default


def with_unique_names(drafts: Iterable[Draft]) -> tuple[Draft, ...]:
    """The drafts, each with a name of its own: `orders`, `orders-2`."""
    taken: set[str] = set()
    found: list[Draft] = []
    for draft in drafts:
        name, number = draft.name, 2
        while name in taken:
            name, number = f"{draft.name}-{number}", number + 1
        taken.add(name)
        found.append(replace(draft, data={**draft.data, "name": name}))
    return tuple(found)


def once(notes: Iterable[str]) -> tuple[str, ...]:
    """The notes without repetition, as many as somebody reads."""
    return tuple(dict.fromkeys(notes))[:MOST_NOTES]


def refused(message: str, hint: str = "") -> DocumentFault:
    """The error for a text that cannot be used as a whole. Neither part may hold a piece of it."""
    return syntax_fault(message, None, hint=hint, source="the text")


def faults_of(data: dict[str, Any]) -> tuple[Fault, ...]:
    """Everything that documents say against a draft."""
    try:
        records_from(data)
    except DocumentFault as fault:
        return fault.faults
    return ()
