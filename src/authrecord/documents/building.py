"""From plain data to the classes of a record, by walking the descriptions that the classes declare.

Nothing here knows a field by name but `auth.type`; every fault is noted, and the walk goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..core.fields import Field, Kind
from ..record import AUTH_TYPES, GRANT_CHOICES, OAuth2, Record
from . import crossing
from .context import Context, context_of
from .descriptions import described
from .lists import parameters_of, texts_of
from .rules import Wrong
from .tree import Faults, Path, looks_like_a_key, shown_key
from .values import LONGEST_LISTS, value_of

_GRANT_LABELS: Final = {choice.key: choice.label for choice in GRANT_CHOICES}
_REFUSED: Final = object()
"""Stands for a value that was refused, or is not there."""


def record_from(data: object, path: Path, faults: Faults) -> Record | None:
    """The record that `data` describes, or `None` after noting in `faults` all that is wrong."""
    if not isinstance(data, Mapping):
        faults.add(path, "is not a record", "A record is a group of keys that begins with `name`.")
        return None
    before = faults.count
    walk = _Walk(Context(), faults)
    given = {key: value for key, value in data.items() if key != "auth"}
    values = walk.group(Record, given, path, skip=("auth",))
    if "auth" not in data:
        faults.add((*path, "auth"), "is missing", "Say how requests are authenticated: `auth: {type: …}`.")
        return None
    auth = _auth(data["auth"], (*path, "auth"), faults)
    return None if auth is None or faults.count > before else Record(**values, auth=auth)


def _auth(data: object, path: Path, faults: Faults) -> Any:
    if not isinstance(data, Mapping):
        faults.add(path, "is not a group of keys", "It begins with `type`.")
        return None
    types = {kind.type: kind for kind in AUTH_TYPES}
    name = data.get("type")
    if not isinstance(name, str) or name not in types:
        message = "is none of the auth types" if "type" in data else "is missing"
        faults.add((*path, "type"), message, f"Use one of: {', '.join(types)}.")
        return None
    kind = types[name]
    context = context_of(data) if kind is OAuth2 else Context()
    before = faults.count
    given = {key: value for key, value in data.items() if key != "type"}
    values = _Walk(context, faults).group(kind, given, path)
    if context.grant:
        crossing.check(data, path, context, faults)
    return kind(**values) if faults.count == before else None


@dataclass(frozen=True, slots=True)
class _Walk:
    """Walks the groups of one record."""

    context: Context
    faults: Faults

    def group(self, group: type, data: object, path: Path, *, skip: tuple[str, ...] = ()) -> dict[str, Any]:
        """The values of a group that are given and right; what is wrong is noted."""
        if not isinstance(data, Mapping):
            self.faults.add(path, "is not a group of keys", "Write its keys and values below it.")
            return {}
        fields = {field.key: field for field in described(group)}
        for key in data:
            if key not in fields:
                self._note_unknown(key, list(fields), path)
        values: dict[str, Any] = {}
        for field in fields.values():
            value = _REFUSED if field.key in skip else self._field(field, group, data, path)
            if value is not _REFUSED:
                values[field.key] = value
        return values

    def _note_unknown(self, key: object, known: list[str], path: Path) -> None:
        from difflib import get_close_matches

        if key == "<<":
            hint = "Write its keys out."
            self.faults.add((*path, "<<"), "is a YAML merge key, which is not supported", hint)
            return
        word = key.lower() if isinstance(key, str) and looks_like_a_key(key) else ""
        close = get_close_matches(word, known, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}."
        line = self.faults.line_of((*path, key)) if isinstance(key, str) else None
        self.faults.add((*path, shown_key(key)), "unknown key", hint, line=line)

    def _field(self, field: Field, group: type, data: Mapping[str, Any], path: Path) -> Any:
        """One field's value; `_REFUSED` leaves the default standing, or the fault."""
        here = (*path, field.key)
        applies = not self.context.grant or field.applies_to(self.context.grant)
        if field.key not in data:
            return self._absent(field, data, here) if applies else _REFUSED
        if not applies:
            labels = " and ".join(_GRANT_LABELS[grant] for grant in field.grants)
            message = f"{field.label!r} does not apply to this grant type"
            self.faults.add(here, message, f"It belongs to {labels}: leave it out.")
            return _REFUSED
        if self._is_idle(field, group, data, here):
            return _REFUSED
        return self._given(field, group, data, here)

    def _is_idle(self, field: Field, group: type, data: Mapping[str, Any], here: Path) -> bool:
        """True after noting that the field has no effect where another one says what it says."""
        if field.only_with is None:
            return False
        other, wanted = field.only_with
        default = next(sibling.default for sibling in described(group) if sibling.key == other)
        if data.get(other, default) == wanted:
            return False
        self.faults.add(here, f"{field.label!r} applies only where {other} is {wanted}", "Leave it out.")
        return True

    def _absent(self, field: Field, data: Mapping[str, Any], here: Path) -> Any:
        """A group that is not written is walked all the same: it may have fields that are needed."""
        if field.group_class is not None and field.kind is not Kind.PARAMETERS:
            return self._built(field.group_class, {}, here)
        discovered = field.kind is Kind.URL and self.context.has_issuer
        if field.is_needed(self.context.grant, data) and not discovered:
            self.faults.add(here, "is missing", f"Give the {field.label}.")
        return _REFUSED

    def _built(self, group: type, data: object, here: Path) -> Any:
        before = self.faults.count
        values = self.group(group, data, here)
        return group(**values) if self.faults.count == before else _REFUSED

    def _given(self, field: Field, group: type, data: Mapping[str, Any], here: Path) -> Any:
        given = data[field.key]
        if field.kind is Kind.PARAMETERS:
            return parameters_of(given, here, field.places, self.group, self.faults)
        if field.kind in LONGEST_LISTS:
            return texts_of(field, given, here, self.faults)
        if field.group_class is not None:
            return self._built(field.group_class, given, here)
        try:
            return value_of(field, group, given, data, self.context)
        except Wrong as wrong:
            self.faults.add(here, wrong.message, wrong.hint)
            return _REFUSED
