"""The form of every kind of record at once, so that switching the kind loses nothing that was typed.

Made of `documents.form.form_of` for each kind; which kind shows what is all that is added here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar

from ..core.fields import Kind
from ..documents.form import FormField, FormGroup, form_of
from ..record import AUTH_TYPES, GRANT_CHOICES, OAuth2

KINDS: Final = tuple(
    (kind.type, choice.key if choice is not None else "")
    for kind in AUTH_TYPES
    for choice in (GRANT_CHOICES if kind is OAuth2 else (None,))
)
"""Every kind of record: auth type and grant."""

Item = TypeVar("Item", FormField, FormGroup)


@dataclass(frozen=True, slots=True)
class ShownField:
    """A field with the auth types and the grants that show it; no grants for "all"."""

    field: FormField
    types: tuple[str, ...]
    grants: tuple[str, ...]

    @property
    def optional(self) -> bool:
        """True for a field beyond the seed, which is folded away."""
        return self.field.beyond_seed


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """A group, its fields in the seed's order, and its lists of parameters, which stand under headings of their own."""

    group: FormGroup
    types: tuple[str, ...]
    grants: tuple[str, ...]
    fields: tuple[ShownField, ...]
    lists: tuple[ShownField, ...]

    @property
    def folded(self) -> bool:
        """True for a group in which nothing has to be filled in."""
        return not any(one.field.required for one in (*self.fields, *self.lists))


@cache
def whole_form() -> tuple[ShownGroup, ...]:
    """Every group of every kind, in the seed's order."""
    forms = {kind: form_of(*kind) for kind in KINDS}
    keyed = {kind: [(_identity(group), group) for group in groups] for kind, groups in forms.items()}
    return tuple(_shown_group(identity, keyed) for identity in _merged(keyed.values()))


def _identity(group: FormGroup) -> str:
    """The three auth types share a path for their own fields, and are not one group."""
    return f"{group.path}/{group.label}"


def _shown_group(identity: str, keyed: dict[tuple[str, str], list[tuple[str, FormGroup]]]) -> ShownGroup:
    found = {kind: dict(groups)[identity] for kind, groups in keyed.items() if identity in dict(groups)}
    by_path = {kind: [(one.path, one) for one in group.fields] for kind, group in found.items()}
    fields = [_shown_field(path, by_path) for path in _merged(by_path.values())]
    types, grants = _where(found)
    return ShownGroup(
        next(iter(found.values())),
        types,
        grants,
        tuple(one for one in fields if one.field.kind is not Kind.PARAMETERS),
        tuple(one for one in fields if one.field.kind is Kind.PARAMETERS),
    )


def _shown_field(path: str, by_path: dict[tuple[str, str], list[tuple[str, FormField]]]) -> ShownField:
    found = {kind: dict(fields)[path] for kind, fields in by_path.items() if path in dict(fields)}
    types, grants = _where(found)
    return ShownField(next(iter(found.values())), types, grants)


def _where(kinds: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The auth types, and the grants unless all of them are meant."""
    shown = list(kinds)
    types = tuple(dict.fromkeys(auth_type for auth_type, _ in shown))
    grants = tuple(grant for _, grant in shown if grant)
    return types, () if len(grants) in {0, len(GRANT_CHOICES)} else grants


def _merged(orders: Iterable[Iterable[tuple[str, Item]]]) -> Iterator[str]:
    """All keys of several ordered lists in one order that each of them agrees with."""
    merged: list[str] = []
    for order in orders:
        place = 0
        for key, _ in order:
            if key in merged:
                place = merged.index(key) + 1
            else:
                merged.insert(place, key)
                place += 1
    return iter(merged)
