"""The values of a record as its form shows them. A stored secret is never among them, only that it is set."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.secret import Reference, Secret
from ..documents.plain import mapping_of
from ..keeper.ports import StoredRecord
from ..record import GRANT_CHOICES, OAuth2
from .submitted import value_at
from .whole_form import ShownField, ShownGroup


@dataclass(frozen=True, slots=True)
class Held:
    """A secret that is set. `words`: when, or where it lives. `is_secret`: there is a value to reveal."""

    words: str
    is_secret: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a list of parameters, as drawn."""

    key: str
    value: str
    send_in: str
    sensitive: bool
    held: Held | None


class FormView:
    """What the templates ask for. `stored`: `None` for a new record. `extras`: words behind a field's help."""

    def __init__(
        self,
        stored: StoredRecord | None,
        *,
        may_set: bool,
        may_reveal: bool,
        extras: Mapping[str, str],
    ) -> None:
        self._data: dict[str, Any] = {} if stored is None else mapping_of(stored.record)
        self._set_at: Mapping[str, float] = {} if stored is None else stored.secrets_set_at
        self._extras = extras
        self.may_set = may_set
        self.may_reveal = may_reveal
        auth = stored.record.auth if stored is not None else None
        self.type = auth.type if auth is not None else OAuth2.type
        self.grant = auth.grant if isinstance(auth, OAuth2) else GRANT_CHOICES[-1].key

    def value(self, path: str, default: Any) -> Any:
        """The value at `path`, or `default`; empty for a secret."""
        found = value_at(self._data, path)
        if found is None:
            return default
        return "" if isinstance(found, (Secret, Reference)) else found

    def held(self, path: str) -> Held | None:
        """That a secret is set at `path`, if one is."""
        found = value_at(self._data, path)
        if isinstance(found, Reference):
            return Held(f"From {found}", is_secret=False)
        if isinstance(found, Secret):
            at = self._set_at.get(path)
            return Held("Set" if at is None else f"Set on {day(at)}", is_secret=True)
        return None

    def lines(self, path: str) -> list[Line]:
        """The lines of a list of parameters."""
        return [
            Line(
                key=str(line["key"]),
                value="" if isinstance(line["value"], (Secret, Reference)) else str(line["value"]),
                send_in=str(line.get("send_in", "body")),
                sensitive=bool(line.get("sensitive")),
                held=self.held(f"{path}[{number}].value"),
            )
            for number, line in enumerate(value_at(self._data, path) or ())
        ]

    def extra(self, path: str) -> str:
        """What this server has to say about a field, behind its help."""
        return self._extras.get(path, "")

    def any_set(self, fields: Iterable[ShownField]) -> bool:
        """True when one of `fields` differs from its default."""
        return any(value_at(self._data, one.field.path) is not None for one in fields)

    def summary(self, group: ShownGroup) -> str:
        """What is set in a folded group, in a few words."""
        count = sum(value_at(self._data, one.field.path) is not None for one in group.fields)
        return f"{count} set" if count else "As usual"

    def list_summary(self, path: str) -> str:
        """What a folded list holds: `2 parameters, 1 sensitive`."""
        lines = self.lines(path)
        if not lines:
            return "None"
        hidden = sum(line.sensitive for line in lines)
        words = "1 parameter" if len(lines) == 1 else f"{len(lines)} parameters"
        return f"{words}, {hidden} sensitive" if hidden else words


def day(at: float) -> str:
    """A day as a person reads it, in UTC: `12 Nov`, with the year where it is not this one's."""
    moment, today = time.gmtime(at), time.gmtime()
    text = f"{moment.tm_mday} {time.strftime('%b', moment)}"
    return text if moment.tm_year == today.tm_year else f"{text} {moment.tm_year}"


def labels() -> dict[str, str]:
    """The label of every path, with its group's where the label alone could be another field's."""
    from .whole_form import whole_form

    found: dict[str, str] = {"auth.type": "Auth Type", "auth": "Auth Type"}
    for group in whole_form():
        for one in (*group.fields, *group.lists):
            found[one.field.path] = one.field.label
            for column in one.field.columns:
                found[column.path] = f"{one.field.label}: {column.label}"
    return found


def field_of(path: str) -> str:
    """The path of the field that a path into one of its lines belongs to."""
    return path.partition("[")[0]
